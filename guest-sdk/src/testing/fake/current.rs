//! The current thread's run, and the unwinding that ends it.
//!
//! A call that is a violation does not return: it unwinds the skill up to [`RunGuard::catch`]. A
//! skill that catches the unwinding gains nothing. Each further call unwinds again, and the run
//! remains a violation.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::Denial;
use super::run::Run;

thread_local! {
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
}

/// The payload that unwinds a skill after a violation.
struct ViolationUnwind;

enum CallOutcome<T> {
    Value(T),
    Violation,
    NoHost,
}

/// Calls the thread's host. A skill that calls the host from a destructor during unwinding gets
/// `unwound`, because it cannot be unwound again.
#[expect(clippy::panic, reason = "only a test that runs no host gets here")]
pub(crate) fn call<T>(unwound: T, act: impl FnOnce(&mut Run) -> Result<T, Denial>) -> T {
    // Releases the borrow of `RUN` ahead of any unwinding.
    let outcome = RUN.with_borrow_mut(|run| match run {
        None => CallOutcome::NoHost,
        Some(run) if run.violation.is_some() => CallOutcome::Violation,
        Some(run) => match act(run) {
            Ok(value) => CallOutcome::Value(value),
            Err(denial) => {
                run.violation = Some(denial);
                CallOutcome::Violation
            }
        },
    });
    match outcome {
        CallOutcome::Value(value) => value,
        CallOutcome::Violation | CallOutcome::NoHost if std::thread::panicking() => unwound,
        // Not `panic_any`, because the panic hook must not print an expected violation.
        CallOutcome::Violation => resume_unwind(Box::new(ViolationUnwind)),
        CallOutcome::NoHost => panic!(
            "no host on this thread: off WebAssembly, run the skill with `far_skill::testing::Host::run`, and call the host \
             only from the thread of the run"
        ),
    }
}

/// Makes a run the thread's current one until it is dropped.
pub(super) struct RunGuard;

impl RunGuard {
    #[expect(clippy::panic, reason = "an invalid test fails")]
    pub(super) fn new(run: Run) -> Self {
        let nested = RUN.with_borrow_mut(|current| match current {
            Some(_) => true,
            None => {
                *current = Some(run);
                false
            }
        });
        if nested {
            panic!("a skill called `far_skill::testing::Host::run`: runs cannot be nested");
        }
        Self
    }

    /// Calls the skill; the error is its panic payload.
    pub(super) fn catch<T>(self, skill: impl FnOnce() -> T) -> (Option<Run>, Result<T, Box<dyn Any + Send>>) {
        // The skill's own state is dropped with it.
        let caught = catch_unwind(AssertUnwindSafe(skill));
        (RUN.take(), caught)
    }
}

impl Drop for RunGuard {
    fn drop(&mut self) {
        drop(RUN.take());
    }
}
