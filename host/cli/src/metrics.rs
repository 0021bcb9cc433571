//! The file that `--metrics` names: what a run counted, for the textfile collector of Prometheus' node exporter.
//!
//! The collector reads while runs write: a file is there as a whole, or as it was before. A number that was not told changes nothing
//! of what the task did, so that a file that cannot be written is a warning.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use far_core::pal::Sink;
use far_runtime::Metrics;

use crate::messages::failure::Failure;
use crate::messages::notice::Notice;
use crate::output::printer::Printer;
use crate::providers::Opened;

/// Made for everybody to read, as far as the process's mask lets it: the collector is another user, and no value is in it.
const MODE: u32 = 0o644;

/// What a run counts, and where that is written.
pub(crate) struct MetricsFile {
    path: PathBuf,
    metrics: Arc<Metrics>,
}

impl MetricsFile {
    /// Counters at 0. Nothing is written yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, metrics: Metrics::new() }
    }

    /// What counts events.
    pub(crate) fn sink(&self) -> Arc<dyn Sink> {
        self.metrics.clone()
    }

    /// Adds the counters of the backends' calls of servers.
    pub(crate) fn watch(&self, opened: &Opened) {
        for (provider, server, counters) in &opened.counters {
            self.metrics.watch(provider, *server, counters.clone());
        }
    }

    /// Writes the file, or says why not.
    pub(crate) fn write(&self, printer: &Printer) {
        if let Err(failure) = self.written() {
            printer.notice(&Notice::metrics(&failure));
        }
    }

    fn written(&self) -> Result<(), Failure> {
        let unwritten = |source| Failure::Write { what: "the metrics to", path: self.path.clone(), source };
        let text = self.metrics.text().map_err(|error| unwritten(io::Error::other(error)))?;
        // What a link leads to is somebody else's to write, and a device cannot be renamed over without harm.
        match self.path.symlink_metadata() {
            Ok(there) if !there.is_file() => return Err(Failure::NotAFile(self.path.clone())),
            _ => {}
        }
        replace(&self.path, text.as_bytes()).map_err(unwritten)
    }
}

/// Writes a file beside its place, under a name that the collector does not read, and renames it.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Before a name in it is made up, which nobody would know.
    fs::metadata(folder)?;
    let mut beside = tempfile::Builder::new();
    let beside = beside.prefix(".far-metrics-").suffix(".tmp").permissions(Permissions::from_mode(MODE));
    let mut beside = beside.tempfile_in(folder)?;
    beside.write_all(text)?;
    // A name that outlives a crash of the machine would else be that of an empty file.
    beside.as_file().sync_data()?;
    beside.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_reader_has_all_of_one_or_all_of_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("far.prom");
        // More than a write or a read takes at once.
        let texts = [vec![b'a'; 1 << 20], vec![b'b'; 1 << 19]];
        replace(&path, &texts[0]).unwrap();
        let reader = thread::spawn({
            let (path, texts) = (path.clone(), texts.clone());
            move || {
                let read = || fs::read(&path).is_ok_and(|seen| texts.contains(&seen));
                (0..200).all(|_| read())
            }
        });
        while !reader.is_finished() {
            texts.iter().for_each(|text| replace(&path, text).unwrap());
        }
        assert!(reader.join().unwrap(), "a file that was there in part, or not at all");
    }
}
