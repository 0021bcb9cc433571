//! The thread's run, and how it is left.
//!
//! A call that is a violation does not return: it unwinds the skill up to [`Started::catch`]. Code of the skill that
//! catches the unwinding gains nothing, since each further call unwinds again, and the run stays a violation.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::Denial;
use super::run::Run;

thread_local! {
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
}

/// What a skill is unwound with.
struct Stopped;

enum Answer<T> {
    Done(T),
    Stopped,
    NoHost,
}

/// Calls the thread's host. `unwound` is for a skill that is being unwound, and calls as it drops what it had: it can be
/// unwound no further.
#[expect(clippy::panic, reason = "there is no host to answer, and only a test can come here")]
pub(crate) fn call<T>(unwound: T, act: impl FnOnce(&mut Run) -> Result<T, Denial>) -> T {
    // Left before anything unwinds, so that the run is still there to be asked.
    let answer = RUN.with_borrow_mut(|run| match run {
        None => Answer::NoHost,
        Some(run) if run.violation.is_some() => Answer::Stopped,
        Some(run) => match act(run) {
            Ok(answer) => Answer::Done(answer),
            Err(denial) => {
                run.violation = Some(denial);
                Answer::Stopped
            }
        },
    });
    match answer {
        Answer::Done(answer) => answer,
        Answer::Stopped | Answer::NoHost if std::thread::panicking() => unwound,
        // Not `panic_any`: what is expected is not for the panic hook to print.
        Answer::Stopped => resume_unwind(Box::new(Stopped)),
        Answer::NoHost => panic!(
            "there is no host on this thread: outside WebAssembly, run the skill with `far_skill::testing::Host::run`, and \
             call the host from the thread that it runs on"
        ),
    }
}

/// A run that is the thread's until this is dropped.
pub(super) struct Started;

impl Started {
    #[expect(clippy::panic, reason = "a test that is wrong fails")]
    pub(super) fn new(run: Run) -> Self {
        let nested = RUN.with_borrow_mut(|current| match current {
            Some(_) => true,
            None => {
                *current = Some(run);
                false
            }
        });
        if nested {
            panic!(
                "`far_skill::testing::Host::run` was called by a skill that another one runs: run them one after another"
            );
        }
        Self
    }

    /// Calls the skill; the error is what it was unwound with.
    pub(super) fn catch<T>(self, skill: impl FnOnce() -> T) -> (Option<Run>, Result<T, Box<dyn Any + Send>>) {
        // What the skill leaves half done is its own, and goes with it.
        let caught = catch_unwind(AssertUnwindSafe(skill));
        (RUN.take(), caught)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        drop(RUN.take());
    }
}
