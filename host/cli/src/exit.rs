//! Exit codes.

use far_core::pal::Outcome;

use crate::signals::Signal;

/// The audit file is unsigned.
pub(crate) const UNSIGNED: u8 = 1;
/// Invalid arguments or configuration.
pub(crate) const USAGE: u8 = 2;
/// Refused, or a scope violation.
pub(crate) const REFUSED: u8 = 3;
/// A limit was exceeded, or a timeout passed.
pub(crate) const LIMIT: u8 = 4;
/// A backend, the audit log, or a resource of the machine is unavailable.
pub(crate) const UNAVAILABLE: u8 = 5;

/// A panic of the host, the exit code of the Rust standard library.
pub(crate) const PANICKED: u8 = 101;

/// The text below the options in the help of `far run`.
pub(crate) const HELP: &str = "\
The skill's output goes to stdout. Events and the skill's log go to stderr.

Exit codes:
  0  completed
  1  the skill failed
  2  usage or configuration
  3  refused, or a scope violation
  4  limit or timeout
  5  backend, audit log or machine resource unavailable
  128+N  ended by signal N, such as 130 for Ctrl-C

Example:
  far run github_webhook.wasm --grant github-webhook-secret:sign --input @delivery.json";

/// Returns the exit code of a task by its outcome and a received signal.
pub(crate) fn code(outcome: Outcome, signal: Option<Signal>) -> u8 {
    match outcome {
        Outcome::Completed => 0,
        Outcome::ScopeViolation | Outcome::Refused => REFUSED,
        Outcome::LimitExceeded | Outcome::TimedOut => LIMIT,
        Outcome::BackendUnavailable | Outcome::AuditUnavailable => UNAVAILABLE,
        Outcome::Cancelled => signal.map_or(1, Signal::exit_code),
        // A crash is a failure of the skill. A bug in far must not have a milder exit code.
        _ => 1,
    }
}
