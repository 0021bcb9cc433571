//! `far audit tail`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::args::TailArgs;
use super::line::shown;
use crate::escape::escape_json;
use crate::messages::failure::Failure;
use crate::output::printer::Printer;

/// How often the file is looked at.
const EVERY: Duration = Duration::from_millis(200);
/// How much of the file's end is looked through for its last lines.
const BACK: u64 = 1024 * 1024;
/// The longest line that is shown whole.
const LONGEST: usize = 64 * 1024;

pub(super) async fn tail(args: &TailArgs, printer: &Printer) -> Result<u8, Failure> {
    let unreadable = |source| Failure::Read { what: "the audit file", path: args.file.clone(), source };
    let mut file = Followed::open(args.file.clone()).map_err(unreadable)?;
    let mut lines = file.last(args.lines).map_err(unreadable)?;
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        for line in &lines {
            let text = if args.json { escape_json(&String::from_utf8_lossy(line)) } else { shown(line) };
            match printer.print(&format!("{text}\n")) {
                Err(Failure::Stdout(error)) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(0),
                printed => printed?,
            }
        }
        every.tick().await;
        lines = file.more().map_err(unreadable)?;
    }
}

/// A file that grows, and may make place for another of its name.
struct Followed {
    path: PathBuf,
    file: File,
    /// How much of it was read.
    position: u64,
    /// The beginning of a line whose end is not there yet.
    begun: Vec<u8>,
}

impl Followed {
    fn open(path: PathBuf) -> io::Result<Self> {
        Ok(Self { file: File::open(&path)?, path, position: 0, begun: Vec::new() })
    }

    /// The last whole lines that are there, at most so many.
    fn last(&mut self, count: usize) -> io::Result<Vec<Vec<u8>>> {
        let start = self.file.metadata()?.len().saturating_sub(BACK);
        self.position = self.file.seek(SeekFrom::Start(start))?;
        let mut lines = self.read()?;
        // The first one has no beginning.
        lines.drain(..lines.len().min(usize::from(start > 0)));
        lines.drain(..lines.len().saturating_sub(count));
        Ok(lines)
    }

    /// What came since.
    fn more(&mut self) -> io::Result<Vec<Vec<u8>>> {
        if self.file.metadata()?.len() < self.position {
            // It was cut: whatever it has now is shown anew.
            self.restart(None)?;
        }
        let mut lines = self.read()?;
        // The name may be another file's by now; what the old one had is read.
        match File::open(&self.path) {
            Ok(other) if !same(&other, &self.file)? => {
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
        self.begun.clear();
        self.position = self.file.seek(SeekFrom::Start(0))?;
        Ok(())
    }

    fn read(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let mut lines = Vec::new();
        let mut buffer = vec![0; LONGEST];
        loop {
            let read = self.file.read(&mut buffer)?;
            if read == 0 {
                return Ok(lines);
            }
            self.position = self.position.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            for piece in buffer.get(..read).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
                let (ends, piece) = piece.strip_suffix(b"\n").map_or((false, piece), |piece| (true, piece));
                let room = LONGEST.saturating_sub(self.begun.len()).min(piece.len());
                self.begun.extend_from_slice(piece.get(..room).unwrap_or_default());
                if ends {
                    lines.push(std::mem::take(&mut self.begun));
                }
            }
        }
    }
}

fn same(one: &File, other: &File) -> io::Result<bool> {
    let (one, other) = (one.metadata()?, other.metadata()?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}
