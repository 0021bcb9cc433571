//! Messages for the ends of tasks, each with the declaration, grant or permission to change.
//!
//! Names written by the author or the operator are shown. Names that only the skill supplied are
//! not.

use std::borrow::Cow;

use far_core::broker::Violation;
use far_core::capability::{DenyReason, Gap, Operation};
use far_core::pal::SecretLabel;
use far_runtime::{End, Refusal, Report};

use super::explanation::Explanation;
use crate::escape::escape;

impl Explanation {
    /// Explains the end of a task. Returns `None` if the task completed.
    pub(crate) fn of_end(Report { end, limits, .. }: &Report) -> Option<Self> {
        let (kind, message, help): (_, _, Option<Cow<'static, str>>) = match end {
            End::Completed(_) => return None,
            End::SkillError(message) => (None, format!("the skill failed: {message}"), None),
            End::BackendUnavailable(message) => (
                None,
                format!("the skill failed after a backend was unavailable: {message}"),
                Some("check the provider of the secret; the events name it and the reason".into()),
            ),
            End::Trapped(how) => (None, format!("the skill crashed: {how}"), None),
            End::Violation(violation) => (
                Some(violation.reason.token()),
                format!("the task was ended: {violation}"),
                Some(of_violation(violation).into()),
            ),
            End::LimitExceeded(limit) => (
                Some(limit.as_str()),
                format!("the task was ended: limit '{}' ({}) exceeded", limit.as_str(), limit.value(limits)),
                Some(limit.next_step().into()),
            ),
            End::TimedOut => (
                None,
                format!("the task was ended: timeout of {:?} exceeded", limits.timeout),
                Some("set 'timeout' under [limits] in a task file".into()),
            ),
            End::Cancelled => (None, "the task was canceled".to_owned(), None),
            End::Refused(refusal) => {
                (Some(refusal.kind()), format!("the task is refused: {refusal}"), Some(of_refusal(refusal).into()))
            }
            End::AuditUnavailable(unavailable) => (
                None,
                format!("the task was ended: {unavailable}: {}", unavailable.0),
                Some(
                    "a value is released only after its event is recorded; check the file given to --audit or --pal"
                        .into(),
                ),
            ),
            _ => (
                None,
                "the host failed".to_owned(),
                Some("if the machine has free memory, this is a bug in far: please report it".into()),
            ),
        };
        Some(Self {
            kind: kind.unwrap_or(end.outcome().as_str()),
            message: escape(&message),
            causes: Vec::new(),
            help: help.map(Cow::into_owned),
            is_explained: matches!(
                end,
                End::Violation(_) | End::Refused(_) | End::BackendUnavailable(_) | End::LimitExceeded(_)
            ),
        })
    }
}

/// Returns the help for a violation.
fn of_violation(violation: &Violation) -> String {
    let operation = violation.operation.map(Operation::as_str);
    let SecretLabel::Listed(name) = &violation.secret else {
        return match violation.reason {
            DenyReason::Undeclared => {
                "if the skill needs the secret, declare it in skill.json and grant it to the task; its name is not shown, \
                 since only the skill supplied it"
                    .to_owned()
            }
            _ => HOSTILE.to_owned(),
        };
    };
    match violation.reason {
        DenyReason::InvalidName | DenyReason::InvalidVersion | DenyReason::OutsideRun => HOSTILE.to_owned(),
        DenyReason::Version => {
            "a grant covers the current version, unless 'versions' in a task file says otherwise".to_owned()
        }
        DenyReason::Undeclared => {
            let operation = operation.unwrap_or("…");
            format!(
                "if the skill needs the secret, declare it in skill.json: {{ \"name\": \"{name}\", \"operations\": \
                 [\"{operation}\"], \"reason\": \"…\" }}"
            )
        }
        DenyReason::Ungranted => {
            format!("if the task needs the secret, grant it: --grant {name}:{}", operation.unwrap_or("OPERATION"))
        }
        DenyReason::NotPermitted => permit(name.as_str()),
        DenyReason::Operation => {
            let operation = operation.unwrap_or("the operation");
            format!(
                "'{operation}' must be in skill.json, in the grant (--grant {name}:{operation}) and, with --config, \
                 under [secrets.{name}]"
            )
        }
        DenyReason::Destination => format!(
            "the request must match a destination of '{name}' in skill.json, in the grant (--grant \
             {name}:seal@DESTINATION) and, with --config, under [secrets.{name}]"
        ),
        DenyReason::Placement => {
            "a placeholder is valid only in the 'authorization' header, as 'Bearer TOKEN' or as the password of 'Basic'"
                .to_owned()
        }
        DenyReason::Signing => format!(
            "'signing' must agree in skill.json, in the grant of the task file and, with --config, under \
             [secrets.{name}]: {{ hmac = true }}, or {{ jwt = {{ algorithm = \"…\", … }} }}"
        ),
        DenyReason::SigningKey => {
            "use the handle to the key with 'sign-jwt', and seal or reveal the token that it returns".to_owned()
        }
        DenyReason::Claims => format!(
            "the claims contradict 'signing' of '{name}': leave 'iss', 'aud', 'iat' and 'nbf' to the host, and set 'exp' \
             within 'max-ttl'"
        ),
        DenyReason::Leaked => format!(
            "the output is withheld because it contains the value, and [secrets.{name}] has when-leaked = \"fail\""
        ),
        _ => "a secret must be declared by the skill, granted to the task and permitted by the operator".to_owned(),
    }
}

/// Returns the help for a refusal.
fn of_refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Capability(_) => "grant each secret once, with all its operations".to_owned(),
        Refusal::Gap(gap) => of_gap(gap),
        Refusal::Reveal => "grant 'reveal' for a secret that the skill declares with 'reveal'".to_owned(),
        Refusal::Provider { provider, .. } => {
            format!("add the table [providers.{provider}] to the configuration, or name another provider")
        }
        Refusal::InputTooLarge { .. } => set("input"),
        Refusal::Limit(key) => set(key),
        _ => "try again".to_owned(),
    }
}

fn set(key: &str) -> String {
    format!("set '{key}' under [limits] in a task file")
}

const HOSTILE: &str = "the skill is faulty or malicious: no grant permits this";

fn of_gap(gap: &Gap) -> String {
    let (name, operations) = (&gap.secret, operations(gap));
    match gap.reason {
        DenyReason::NotPermitted => permit(name.as_str()),
        DenyReason::Operation => format!(
            "the skill declares {operations}: each must be in the grant (--grant {name}:{operations}) and, \
             with --config, under [secrets.{name}]"
        ),
        _ => format!("grant what the skill declares: --grant {name}:{operations}"),
    }
}

fn operations(gap: &Gap) -> String {
    gap.operations.iter().map(Operation::as_str).collect::<Vec<_>>().join(",")
}

fn permit(name: &str) -> String {
    format!("in the --config file, add a table [secrets.{name}] that permits this skill")
}
