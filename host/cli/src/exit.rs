//! Exit codes.

use far_core::pal::Outcome;

use crate::signals::Signal;

/// An audit file that nothing signs.
pub(crate) const UNPROVEN: u8 = 1;
/// Usage or configuration.
pub(crate) const USAGE: u8 = 2;
/// Refused, or a scope violation.
pub(crate) const REFUSED: u8 = 3;
/// A limit, or a time-out.
pub(crate) const LIMIT: u8 = 4;
/// A backend, the audit log, or a resource of the machine is unavailable.
pub(crate) const UNAVAILABLE: u8 = 5;

/// A panic of the host; the code that the standard library gives it.
pub(crate) const PANICKED: u8 = 101;

/// What stands below the options in the help.
pub(crate) const HELP: &str = "\
The skill's output goes to stdout. What happened, and what the skill wrote for people, go to stderr.

Exit codes:
  0  completed
  1  the skill failed
  2  usage or configuration
  3  refused, or a scope violation
  4  limit or time-out
  5  backend, audit log or a resource of the machine unavailable
  128 and more: ended by the signal of that number less 128, such as 130 by Ctrl-C

Example:
  far run github_webhook.wasm --grant github-webhook-secret:sign --input @delivery.json";

/// The exit code of a task that ended so, perhaps for a signal.
pub(crate) fn code(outcome: Outcome, signal: Option<Signal>) -> u8 {
    match outcome {
        Outcome::Completed => 0,
        Outcome::ScopeViolation | Outcome::Refused => REFUSED,
        Outcome::LimitExceeded | Outcome::TimedOut => LIMIT,
        Outcome::BackendUnavailable | Outcome::AuditUnavailable => UNAVAILABLE,
        Outcome::Cancelled => signal.map_or(1, Signal::exit_code),
        // A crash is the skill's failure too; a defect of this program must not look like anything milder.
        _ => 1,
    }
}
