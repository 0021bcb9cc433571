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

/// The meaning of an exit code of a command.
#[derive(Debug)]
pub(crate) struct ExitCodeDoc {
    /// The code, or `128+N` for signal N.
    pub(crate) code: &'static str,
    pub(crate) command: &'static str,
    pub(crate) meaning: &'static str,
}

impl ExitCodeDoc {
    /// Returns true if the text is the code.
    pub(crate) fn covers(&self, text: &str) -> bool {
        let is_signal = || text.parse().is_ok_and(|code: u8| code > 128);
        self.code == text || (self.code == SIGNAL && is_signal())
    }
}

/// The code of a command that a signal ended.
const SIGNAL: &str = "128+N";

const fn doc(command: &'static str, code: &'static str, meaning: &'static str) -> ExitCodeDoc {
    ExitCodeDoc { code, command, meaning }
}

/// The exit codes of each command. Commands without a list end with 0 or with a code of `far`.
pub(crate) const CODES: &[ExitCodeDoc] = &[
    doc("far", "0", "Done."),
    doc("far", "1", "The process cannot be hardened, or swap is enabled."),
    doc("far", "2", "Usage or configuration error."),
    doc("far", "5", "A resource of the machine is unavailable."),
    doc("far", "101", "A bug in far: please report it."),
    doc("far run", "0", "The task completed."),
    doc("far run", "1", "The skill failed."),
    doc("far run", "2", "Usage or configuration error."),
    doc("far run", "3", "The task was refused, or ended with a scope violation."),
    doc("far run", "4", "A limit or the timeout was reached."),
    doc("far run", "5", "A backend, the audit log or a resource of the machine is unavailable."),
    doc("far run", SIGNAL, "Ended by signal N, such as 130 for Ctrl-C."),
    doc("far secrets", "0", "Done, as far as the backend supports it. The output names each unsupported step."),
    doc("far secrets", "2", "Usage, configuration, or a secret that is not in the configuration."),
    doc("far secrets", "3", "The backend denies the request."),
    doc(
        "far secrets",
        "5",
        "A backend, a process or the audit log is unavailable. The output names the completed steps.",
    ),
    doc(
        "far audit verify",
        "0",
        "The file is sound, and signed or proven by the saved head; `signed` counts lines after the last checkpoint.",
    ),
    doc("far audit verify", "1", "The file is sound but unsigned: it has no checkpoint."),
    doc("far audit verify", "2", "The file cannot be read, or the command line is wrong."),
    doc("far audit verify", "3", "The file was tampered with."),
    doc("far inspect and far diff", "0", "No policy violation, or no widening change."),
    doc("far inspect and far diff", "2", "Usage, or an invalid policy."),
    doc(
        "far inspect and far diff",
        "3",
        "The policy is violated, a change is widening, or a host would not load the component.",
    ),
];

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
