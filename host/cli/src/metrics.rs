//! The file of `--metrics`: counters of a run, for the textfile collector of the Prometheus node
//! exporter.
//!
//! The file is replaced atomically, because the collector may read it at any time. An error is only
//! a warning: the task has already run.

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
use crate::providers::Backends;

/// The mode of the file, subject to the umask. The collector is another user, and the file holds no
/// secret values.
const MODE: u32 = 0o644;

/// The counters of a run, and their file.
pub(crate) struct MetricsFile {
    path: PathBuf,
    metrics: Arc<Metrics>,
}

impl MetricsFile {
    /// Creates counters at zero. Writes nothing yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, metrics: Metrics::new() }
    }

    /// Returns the sink that counts events.
    pub(crate) fn sink(&self) -> Arc<dyn Sink> {
        self.metrics.clone()
    }

    /// Adds the counters of backend calls.
    pub(crate) fn watch(&self, backends: &Backends) {
        for (provider, server, counters) in &backends.counters {
            self.metrics.watch(provider, *server, counters.clone());
        }
    }

    /// Writes the file, or prints a warning.
    pub(crate) fn write(&self, printer: &Printer) {
        if let Err(failure) = self.try_write() {
            printer.notice(&Notice::metrics(&failure));
        }
    }

    fn try_write(&self) -> Result<(), Failure> {
        let unwritten = |source| Failure::Write { what: "the metrics to", path: self.path.clone(), source };
        let text = self.metrics.text().map_err(|error| unwritten(io::Error::other(error)))?;
        // A rename must not replace a link or a device.
        match self.path.symlink_metadata() {
            Ok(there) if !there.is_file() => return Err(Failure::NotAFile(self.path.clone())),
            _ => {}
        }
        replace(&self.path, text.as_bytes()).map_err(unwritten)
    }
}

/// Writes a temporary file with a name that the collector ignores, and renames it.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A missing folder is reported before the temporary name, which users do not know.
    fs::metadata(folder)?;
    let mut temporary = tempfile::Builder::new();
    let temporary = temporary.prefix(".far-metrics-").suffix(".tmp").permissions(Permissions::from_mode(MODE));
    let mut temporary = temporary.tempfile_in(folder)?;
    temporary.write_all(text)?;
    // Without this, the file could be empty after a crash of the machine.
    temporary.as_file().sync_data()?;
    temporary.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn reader_sees_complete_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("far.prom");
        // More than one read or write transfers.
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
        assert!(reader.join().unwrap(), "the file was incomplete or missing");
    }
}
