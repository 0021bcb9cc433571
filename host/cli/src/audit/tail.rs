//! `far audit tail`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::args::TailArgs;
use super::line::format_record;
use crate::escape::escape_json;
use crate::messages::failure::Failure;
use crate::output::printer::Printer;

/// The interval between reads of the file.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// The length of the file's end that is searched for the last lines, in bytes.
const TAIL_LEN_MAX: u64 = 1024 * 1024;
/// The longest line that is shown completely, in bytes.
const LINE_LEN_MAX: usize = 64 * 1024;

pub(super) async fn tail(args: &TailArgs, printer: &Printer) -> Result<u8, Failure> {
    let unreadable = |source| Failure::Read { what: "the audit file", path: args.file.clone(), source };
    let mut file = FollowedFile::open(args.file.clone()).map_err(unreadable)?;
    let mut lines = file.last(args.lines).map_err(unreadable)?;
    let mut every = interval(POLL_INTERVAL);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        for line in &lines {
            let text = if args.json { escape_json(&String::from_utf8_lossy(line)) } else { format_record(line) };
            match printer.print(&format!("{text}\n")) {
                Err(Failure::Stdout(error)) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(0),
                printed => printed?,
            }
        }
        every.tick().await;
        lines = file.more().map_err(unreadable)?;
    }
}

/// A growing file, which may be replaced by another of the same name.
struct FollowedFile {
    path: PathBuf,
    file: File,
    /// The number of bytes read.
    position: u64,
    /// The beginning of an incomplete line.
    partial: Vec<u8>,
}

impl FollowedFile {
    fn open(path: PathBuf) -> io::Result<Self> {
        Ok(Self { file: File::open(&path)?, path, position: 0, partial: Vec::new() })
    }

    /// Returns the last complete lines, at most `count`.
    fn last(&mut self, count: usize) -> io::Result<Vec<Vec<u8>>> {
        let start = self.file.metadata()?.len().saturating_sub(TAIL_LEN_MAX);
        self.position = self.file.seek(SeekFrom::Start(start))?;
        let mut lines = self.read()?;
        // The first line is incomplete.
        lines.drain(..lines.len().min(usize::from(start > 0)));
        lines.drain(..lines.len().saturating_sub(count));
        Ok(lines)
    }

    /// Returns the lines appended since the last call.
    fn more(&mut self) -> io::Result<Vec<Vec<u8>>> {
        if self.file.metadata()?.len() < self.position {
            // The file was truncated: its content is shown again.
            self.restart(None)?;
        }
        let mut lines = self.read()?;
        // The path may refer to another file now. The old file is read completely.
        match File::open(&self.path) {
            Ok(other) if !is_same_file(&other, &self.file)? => {
                self.restart(Some(other))?;
                lines.append(&mut self.read()?);
            }
            _ => {}
        }
        Ok(lines)
    }

    fn restart(&mut self, file: Option<File>) -> io::Result<()> {
        if let Some(file) = file {
            self.file = file;
        }
        self.partial.clear();
        self.position = self.file.seek(SeekFrom::Start(0))?;
        Ok(())
    }

    fn read(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let mut lines = Vec::new();
        let mut buffer = vec![0; LINE_LEN_MAX];
        loop {
            let read = self.file.read(&mut buffer)?;
            if read == 0 {
                return Ok(lines);
            }
            self.position = self.position.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            for piece in buffer.get(..read).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
                let (ends, piece) = piece.strip_suffix(b"\n").map_or((false, piece), |piece| (true, piece));
                let room = LINE_LEN_MAX.saturating_sub(self.partial.len()).min(piece.len());
                self.partial.extend_from_slice(piece.get(..room).unwrap_or_default());
                if ends {
                    lines.push(std::mem::take(&mut self.partial));
                }
            }
        }
    }
}

fn is_same_file(one: &File, other: &File) -> io::Result<bool> {
    let (one, other) = (one.metadata()?, other.metadata()?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}
