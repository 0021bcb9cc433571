//! The sinks of the PAL.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use far_audit::{FileOptions, FileSink};
use far_core::pal::{Format, Pal, PalBuilder, Sink, WriterSink};
use rustix::fs::OFlags;

use crate::messages::failure::Failure;
use crate::messages::notice::Notice;
use crate::output::printer::Printer;

/// The path that means stderr.
const STDERR: &str = "-";
/// The deadline of a file for one event. The task ends when it passes.
const FILE_DEADLINE: Duration = Duration::from_secs(5);
/// The time that the command waits for a slow reader of stderr at its end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The log and its sinks.
pub(crate) struct Events<'a> {
    pub(crate) pal: Arc<Pal>,
    stderr: Arc<WriterSink>,
    audit: Option<(PathBuf, Arc<FileSink>)>,
    printer: &'a Printer,
}

impl<'a> Events<'a> {
    /// Opens the sinks: stderr, optional counters, an optional file of JSON lines, and an optional
    /// audit file. Both files are required sinks: no value is released before each has its record.
    /// Stderr is only required if it is named as the file.
    pub(crate) fn open(
        file: Option<&Path>,
        audit: Option<&Path>,
        counts: Option<Arc<dyn Sink>>,
        printer: &'a Printer,
    ) -> Result<Self, Failure> {
        let thread = |source| Failure::Host { what: "start a thread", source };
        let stderr = printer.events().map_err(thread)?;
        let stderr_gates = file == Some(Path::new(STDERR));
        let pal = Pal::builder();
        let pal = match stderr_gates {
            true => pal.required_sink(stderr.clone(), FILE_DEADLINE),
            false => pal.sink(stderr.clone()),
        };
        let mut pal = counts.into_iter().fold(pal, PalBuilder::sink);
        if let Some(path) = file.filter(|_| !stderr_gates) {
            let file = append(path).map_err(|source| Failure::Pal { path: path.to_owned(), source })?;
            let sink = WriterSink::spawn(file, Format::JsonLines).map_err(thread)?;
            pal = pal.required_sink(sink, FILE_DEADLINE);
        }
        let audit = audit.map(|path| FileSink::open(path, FileOptions::default()).map(|sink| (path.to_owned(), sink)));
        let audit = audit.transpose()?;
        if let Some((path, lines)) = audit.as_ref().and_then(|(path, sink)| Some((path, sink.inherited()?))) {
            printer.notice(&Notice::audit_inherited(path, lines));
        }
        if let Some((_, sink)) = &audit {
            pal = pal.required_sink(sink.clone(), FILE_DEADLINE);
        }
        Ok(Self { pal: pal.build(), stderr, audit, printer })
    }

    /// Flushes stderr, so that later output follows the events. Then closes the audit file, and
    /// prints its head.
    pub(crate) fn end(&self) {
        self.stderr.flush(LAST_WORDS);
        let Some((path, sink)) = &self.audit else { return };
        self.printer.notice(&match sink.close(FILE_DEADLINE) {
            Ok(head) => Notice::audit_closed(path, head, sink.key()),
            Err(error) => Notice::audit_unsigned(path, &error),
        });
    }
}

/// Opens a file for appending. The file is created owner-only, and links are refused, because
/// another user may have created them.
fn append(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file =
        OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags.bits().cast_signed()).open(path)?;
    // Opening a pipe must not wait for its reader. Writes may block, with a deadline.
    rustix::fs::fcntl_setfl(&file, OFlags::APPEND)?;
    Ok(file)
}
