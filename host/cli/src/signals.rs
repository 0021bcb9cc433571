//! What `far run` does when it is told to end.
//!
//! The first signal cancels the task, which then ends as every task does: its values are wiped, its end is recorded, the
//! audit file is closed. A second one, or one that comes when nothing is left to cancel, ends the process at once.

use std::future::pending;
use std::io;
use std::process;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::exit;

/// Those that ask a process to end: somebody at the keyboard, a supervisor, a terminal that closes.
const ASKING: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::HUP];

/// The signals that the process gets. While this is there, the first is taken as a wish to cancel.
pub(crate) struct Signals(watch::Receiver<Option<Signal>>);

impl Signals {
    /// Takes them over from the operating system, for as long as the process lives. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// The operating system's, if it refuses.
    pub(crate) fn take() -> io::Result<Self> {
        // Writing beyond a limit on files would end the process with a task running. With a handler, the write fails: the
        // sink then says that it took no record.
        let _handled = signal(kind(Signal::XFSZ))?;
        let (told, first) = watch::channel(None);
        let ignored = ignored()?;
        for asking in ASKING.into_iter().filter(|signal| ignored >> (signal.as_raw() - 1) & 1 == 0) {
            let (mut arrivals, told) = (signal(kind(asking))?, told.clone());
            tokio::spawn(async move {
                while arrivals.recv().await.is_some() {
                    arrived(asking, &told);
                }
            });
        }
        Ok(Self(first))
    }

    /// Waits for the first.
    pub(crate) async fn first(&self) -> Signal {
        let first = self.0.clone().wait_for(Option::is_some).await.ok().and_then(|told| *told);
        match first {
            Some(signal) => signal,
            // Nobody is left who could tell.
            None => pending().await,
        }
    }

    /// The first, if it came.
    pub(crate) fn received(&self) -> Option<Signal> {
        *self.0.borrow()
    }
}

fn arrived(signal: Signal, told: &watch::Sender<Option<Signal>>) {
    let first = told.send_if_modified(|told| {
        let first = told.is_none();
        told.get_or_insert(signal);
        first
    });
    if !first || told.is_closed() {
        process::exit(exit::signalled(signal).into());
    }
}

fn kind(signal: Signal) -> SignalKind {
    SignalKind::from_raw(signal.as_raw())
}

/// Those that whoever started the process had it ignore, as `nohup` does: they stay ignored. A bit for each, from 1.
fn ignored() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim).unwrap_or_default();
    u64::from_str_radix(mask, 16).map_err(io::Error::other)
}
