//! Cancellation of the task by signals.
//!
//! The first signal cancels the task, which then ends like any task: the broker wipes its values,
//! the log records its end, and the audit file is closed. A second signal ends the process at once,
//! as does a signal after the task.

use std::future::pending;
use std::io;
use std::process;

use rustix::io::Errno;
use rustix::process::Signal as Named;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The largest number of a signal on Linux, that of the last real-time signal.
const LAST: i32 = 64;
/// Signals that no process can catch.
const UNCATCHABLE: [Named; 2] = [Named::KILL, Named::STOP];
/// Signals whose default action does not end the process: it stops, continues, or ignores them.
const HARMLESS: [Named; 7] =
    [Named::CHILD, Named::CONT, Named::TSTP, Named::TTIN, Named::TTOU, Named::URG, Named::WINCH];
/// Signals of a synchronous fault. A failed instruction cannot be resumed, and the memory to be
/// wiped cannot be trusted.
const FAULTS: [Named; 7] = [Named::ABORT, Named::BUS, Named::FPE, Named::ILL, Named::SEGV, Named::SYS, Named::TRAP];
/// Signals that the kernel repeats: `SIGXCPU` every second beyond the limit, the others from an
/// interval timer. None of them counts as a second request.
const REPEATING: [Named; 4] = [Named::ALARM, Named::PROF, Named::VTALARM, Named::XCPU];

/// The number of a signal, named or real-time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signal(i32);

/// The signals that the process receives. The first cancels for as long as this exists.
pub(crate) struct Signals(watch::Receiver<Option<Signal>>);

impl Signals {
    /// Handles every signal that would end the process, for as long as the process lives. The
    /// exceptions are signals that cannot be caught, signals of a fault, and signals that the
    /// process was started to ignore. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub(crate) fn take() -> io::Result<Self> {
        let (sender, first) = watch::channel(None);
        let ignored = ignored()?;
        for caught in ending().filter(|signal| !ignored.contains(*signal)) {
            let mut arrivals = match signal(caught.kind()) {
                Ok(arrivals) => arrivals,
                // The C library keeps the first real-time signals to itself.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::INVAL) => continue,
                Err(error) => return Err(error),
            };
            let sender = sender.clone();
            tokio::spawn(async move {
                while arrivals.recv().await.is_some() {
                    receive(caught, &sender);
                }
            });
        }
        Ok(Self(first))
    }

    /// Waits for the first signal.
    pub(crate) async fn first(&self) -> Signal {
        let first = self.0.clone().wait_for(Option::is_some).await.ok().and_then(|first| *first);
        match first {
            Some(signal) => signal,
            // Every sender is gone: no signal can arrive.
            None => pending().await,
        }
    }

    /// Returns the first signal, if it arrived.
    pub(crate) fn received(&self) -> Option<Signal> {
        *self.0.borrow()
    }
}

/// Makes a write beyond the limit on file sizes fail, rather than end the process. The sink then
/// reports the unwritten record, and a command its unwritten output. Must be called within a tokio
/// runtime.
///
/// # Errors
///
/// The error of the operating system.
pub(crate) fn survive_file_limit() -> io::Result<()> {
    signal(Signal::from(Named::XFSZ).kind()).map(drop)
}

impl Signal {
    /// Returns the exit code of a process ended by the signal, as in shells.
    pub(crate) fn exit_code(self) -> u8 {
        128_u8.saturating_add(u8::try_from(self.0).unwrap_or(u8::MAX))
    }

    fn kind(self) -> SignalKind {
        SignalKind::from_raw(self.0)
    }

    fn is_among(self, signals: &[Named]) -> bool {
        signals.iter().any(|signal| signal.as_raw() == self.0)
    }
}

impl From<Named> for Signal {
    fn from(signal: Named) -> Self {
        Self(signal.as_raw())
    }
}

/// The signals that end a process unless it handles them, and after which it can continue.
/// `SIGXFSZ` is among them, and only fails the write: [`survive_file_limit`].
fn ending() -> impl Iterator<Item = Signal> {
    let all = (1..=LAST).map(Signal).filter(|signal| *signal != Signal::from(Named::XFSZ));
    all.filter(|signal| ![&UNCATCHABLE[..], &HARMLESS, &FAULTS].iter().any(|group| signal.is_among(group)))
}

fn receive(signal: Signal, sender: &watch::Sender<Option<Signal>>) {
    let first = sender.send_if_modified(|first| {
        let arrived = first.is_none();
        first.get_or_insert(signal);
        arrived
    });
    let again = !first && !signal.is_among(&REPEATING);
    if again || sender.is_closed() {
        process::exit(signal.exit_code().into());
    }
}

/// A set of signals in the format of `/proc`: one bit per signal, from 1.
struct Mask(u64);

impl Mask {
    fn contains(&self, signal: Signal) -> bool {
        u32::try_from(signal.0 - 1).is_ok_and(|bit| self.0.checked_shr(bit).is_some_and(|mask| mask & 1 == 1))
    }
}

/// The signals that the process was started to ignore, as by `nohup`. They stay ignored.
fn ignored() -> io::Result<Mask> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim).unwrap_or_default();
    u64::from_str_radix(mask, 16).map(Mask).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_is_classified_once() {
        let groups = [&UNCATCHABLE[..], &HARMLESS, &FAULTS];
        for signal in (1..=LAST).map(Signal) {
            let classes = groups.iter().filter(|group| signal.is_among(group)).count();
            let ends = usize::from(ending().any(|ending| ending == signal));
            let limit = usize::from(signal == Signal::from(Named::XFSZ));
            assert_eq!(classes + ends + limit, 1, "{signal:?}");
        }
        assert!(REPEATING.iter().all(|signal| ending().any(|ending| ending == Signal::from(*signal))));
    }

    #[test]
    fn mask_holds_first_and_last_signal() {
        let mask = Mask(1 << 63 | 1);
        let held: Vec<_> = (0..=LAST + 1).map(Signal).filter(|signal| mask.contains(*signal)).collect();
        assert_eq!(held, [Signal(1), Signal(64)]);
    }
}
