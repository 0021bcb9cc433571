//! Where `far run` sends its events.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use far_audit::{FileOptions, FileSink, LineRange};
use far_core::pal::{Format, Pal, PalBuilder, Sink, WriterSink};
use rustix::fs::OFlags;
use serde_json::json;

use crate::escape::{escape, escape_json};
use crate::failure::Failure;

/// Names stderr in the place of a file.
const STDERR: &str = "-";
/// How long the file may take for one event before the task ends for want of it.
const FILE_DEADLINE: Duration = Duration::from_secs(5);
/// How long the command waits at its end for a slow reader of stderr.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The log and its sinks.
pub(crate) struct Events {
    pub(crate) pal: Arc<Pal>,
    stderr: Arc<WriterSink>,
    audit: Option<(PathBuf, Arc<FileSink>)>,
    json: bool,
}

impl Events {
    /// Opens the log's sinks: stderr, the counters if there are any, a file of plain lines and an
    /// audit file if they are named. Both files gate: no value is released without its record in
    /// each. Stderr shows events to people, and gates only if it is named as the file.
    pub(crate) fn open(
        file: Option<&Path>,
        audit: Option<&Path>,
        counts: Option<Arc<dyn Sink>>,
        json: bool,
    ) -> Result<Self, Failure> {
        let thread = |source| Failure::Host { what: "start a thread", source };
        let format = if json { Format::JsonLines } else { Format::Text };
        let stderr = WriterSink::spawn(io::stderr(), format).map_err(thread)?;
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
            warn_inherited(path, lines, json);
        }
        if let Some((_, sink)) = &audit {
            pal = pal.required_sink(sink.clone(), FILE_DEADLINE);
        }
        Ok(Self { pal: pal.build(), stderr, audit, json })
    }

    /// Waits until stderr has taken what is on its way there, so that what is printed next comes after it; then closes the
    /// audit file, and says what proves its tail.
    pub(crate) fn end(&self) {
        self.stderr.flush(LAST_WORDS);
        let Some((path, sink)) = &self.audit else { return };
        let (path, key) = (path.to_string_lossy(), sink.key());
        let line = match sink.close(FILE_DEADLINE) {
            Ok(head) if self.json => {
                let line = json!({ "v": 1, "event": "audit.closed", "file": path, "head": head, "key": key });
                escape_json(&line.to_string())
            }
            Ok(head) => format!("audit {}: head {head}, key {key}", escape(&path)),
            Err(error) if self.json => {
                let line = json!({ "v": 1, "event": "audit.unsigned", "file": path, "error": error.to_string() });
                escape_json(&line.to_string())
            }
            Err(error) => format!("audit {}: its end is not signed: {error}", escape(&path)),
        };
        // Where stderr does not take it, there is no other place to say so.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }
}

/// Says on stderr that an audit file had lines without a signature, which this run's signatures
/// cover.
fn warn_inherited(path: &Path, LineRange { from, to }: LineRange, json: bool) {
    let path = path.to_string_lossy();
    let line = match json {
        true => {
            let unsigned = json!({ "from": from, "to": to });
            escape_json(&json!({ "v": 1, "event": "audit.inherited", "file": path, "unsigned": unsigned }).to_string())
        }
        false => format!(
            "audit {}: an earlier process did not sign lines {from} to {to}; this run signs them, and says so there",
            escape(&path)
        ),
    };
    // Where stderr does not take it, the file itself has it.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Opens a file for appending: made for its owner only, and not through a link, which somebody else may have put there.
fn append(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file =
        OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags.bits().cast_signed()).open(path)?;
    // Only opening must not wait, for the reader of a pipe; writing waits, and has a deadline for it.
    rustix::fs::fcntl_setfl(&file, OFlags::APPEND)?;
    Ok(file)
}
