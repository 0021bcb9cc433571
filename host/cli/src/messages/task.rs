//! The ends of tasks: each message, and what to declare, grant or permit so that the next task does
//! not end so.
//!
//! A name is told if the author or the operator wrote it; one that only the skill chose is not.

use std::borrow::Cow;

use far_core::broker::Violation;
use far_core::capability::{DenyReason, Gap, Operation};
use far_core::pal::SecretLabel;
use far_runtime::{End, Limit, Refusal, Report};

use super::explanation::Explanation;
use crate::escape::escape;

impl Explanation {
    /// Of a task's end; none if it completed.
    pub(crate) fn of_end(Report { end, limits, .. }: &Report) -> Option<Self> {
        let (kind, message, help): (_, _, Option<Cow<'static, str>>) = match end {
            End::Completed(_) => return None,
            End::SkillError(message) => (None, format!("the skill failed: {message}"), None),
            End::BackendUnavailable(message) => (
                None,
                format!("the skill failed after a backend had not answered: {message}"),
                Some("check the provider of the secret; the events say which and why".into()),
            ),
            End::Trapped(how) => (None, format!("the skill crashed: {how}"), None),
            End::Violation(violation) => (
                Some(violation.reason.token()),
                format!("the task was ended: {violation}"),
                Some(of_violation(violation).into()),
            ),
            End::LimitExceeded(limit) => (
                Some(limit.as_str()),
                format!(
                    "the task was ended: it went beyond its limit on '{}': {}",
                    limit.as_str(),
                    limit.value(limits)
                ),
                Some(of_limit(*limit).into()),
            ),
            End::TimedOut => (
                None,
                format!("the task was ended: its time of {:?} was over", limits.timeout),
                Some("set 'timeout' under [limits] in a task file".into()),
            ),
            End::Cancelled => (None, "the task was cancelled".to_owned(), None),
            End::Refused(refusal) => {
                (Some(refusal.kind()), format!("the task is refused: {refusal}"), Some(of_refusal(refusal).into()))
            }
            End::AuditUnavailable(unavailable) => (
                None,
                format!("the task was ended: {unavailable}: {}", unavailable.0),
                Some("nothing is released without its event; check the file that --audit or --pal names".into()),
            ),
            _ => (
                None,
                "the host failed".to_owned(),
                Some("if the machine has memory left, this is a defect of far: please report it".into()),
            ),
        };
        Some(Self {
            kind: kind.unwrap_or(end.outcome().as_str()),
            message: escape(&message),
            causes: Vec::new(),
            help: help.map(Cow::into_owned),
        })
    }
}

/// The next step after a violation.
fn of_violation(violation: &Violation) -> String {
    let operation = violation.operation.map(Operation::as_str);
    let SecretLabel::Listed(name) = &violation.secret else {
        return match violation.reason {
            DenyReason::Undeclared => {
                "if the skill is to use it, declare the secret in its skill.json and grant it to the \
                                       task; its name is not told, since only the skill chose it"
                    .to_owned()
            }
            _ => HOSTILE.to_owned(),
        };
    };
    match violation.reason {
        DenyReason::InvalidName | DenyReason::InvalidVersion | DenyReason::OutsideRun => HOSTILE.to_owned(),
        DenyReason::Version => {
            "a grant is for the current version, unless 'versions' in a task file says otherwise".to_owned()
        }
        DenyReason::Undeclared => {
            let operation = operation.unwrap_or("…");
            format!(
                "if the skill is to use it, declare it in its skill.json: {{ \"name\": \"{name}\", \"operations\": \
                 [\"{operation}\"], \"reason\": \"…\" }}"
            )
        }
        DenyReason::Ungranted => {
            format!("if the task is to use it, grant it: --grant {name}:{}", operation.unwrap_or("OPERATION"))
        }
        DenyReason::NotPermitted => permit(name.as_str()),
        DenyReason::Operation => {
            let operation = operation.unwrap_or("the operation");
            format!(
                "'{operation}' must be in the skill.json, in the grant (--grant {name}:{operation}) and, with --config, \
                 under [secrets.{name}]"
            )
        }
        DenyReason::Destination => format!(
            "where '{name}' is sent must be covered by a destination in the skill.json, in the grant (--grant \
             {name}:seal@DESTINATION) and, with --config, under [secrets.{name}]"
        ),
        DenyReason::Placement => {
            "a sealed token stands in the 'authorization' header, as 'Bearer TOKEN' or as the password of \
                                  'Basic', and nowhere else"
                .to_owned()
        }
        DenyReason::Signing => format!(
            "'signing' must be of one kind in the skill.json, in the task file's grant and, with --config, under \
             [secrets.{name}]: {{ hmac = true }}, or {{ jwt = {{ algorithm = \"…\", … }} }} without a contradiction"
        ),
        DenyReason::SigningKey => {
            "a handle to the key is for 'sign-jwt'; what it answers with is sealed or revealed".to_owned()
        }
        DenyReason::Claims => format!(
            "the skill says other claims than what 'signing' says for '{name}': leave 'iss', 'aud', 'iat' and 'nbf' to the \
             host, and take an 'exp' within 'max-ttl'"
        ),
        DenyReason::Leaked => format!(
            "the output is withheld; a skill that says this value fails, since [secrets.{name}] has when-leaked = \"fail\""
        ),
        _ => "a secret must be declared by the skill, granted to the task and permitted by the operator".to_owned(),
    }
}

/// The next step after a refusal.
fn of_refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Capability(_) => "grant each secret once, with all its operations".to_owned(),
        Refusal::Gap(gap) => of_gap(gap),
        Refusal::Reveal => "grant 'reveal' of a secret for which the skill declares it".to_owned(),
        Refusal::Provider { provider, .. } => {
            format!("add the table [providers.{provider}] to the configuration, or name another provider")
        }
        Refusal::InputTooLarge { .. } => set("input"),
        Refusal::Limit(key) => set(key),
        _ => "try again".to_owned(),
    }
}

/// Returns the next step after a limit was exceeded: the key that sets the limit, or how a skill
/// stays within it.
fn of_limit(limit: Limit) -> String {
    if let Some(key) = limit.key() {
        return set(key);
    }
    let advice = match limit {
        Limit::Argument => "pass less in one call; it grows with 'output' under [limits] in a task file",
        Limit::Handles => "it is fixed: have the skill drop handles that it no longer uses",
        Limit::Stack => "it is fixed: have the skill bound its recursion",
        Limit::RandomBytes => "it is fixed: have the skill ask for random bytes in several calls",
        Limit::Headers => "it is fixed: have the skill send fewer or shorter headers",
        Limit::BlockingWrite => "it is fixed: have the skill write in smaller pieces",
        Limit::StreamWrite => "have the skill call 'check-write' before each write",
        _ => "it is fixed: build the skill smaller",
    };
    advice.to_owned()
}

fn set(key: &str) -> String {
    format!("set '{key}' under [limits] in a task file")
}

const HOSTILE: &str = "the skill is wrong, or hostile: no grant would let it do this";

fn of_gap(gap: &Gap) -> String {
    let (name, operations) = (&gap.secret, operations(gap));
    match gap.reason {
        DenyReason::NotPermitted => permit(name.as_str()),
        DenyReason::Operation => format!(
            "the skill declares {operations} for it, and each must be in the grant (--grant {name}:{operations}) and, \
             with --config, under [secrets.{name}]"
        ),
        _ => format!("grant what the skill declares: --grant {name}:{operations}"),
    }
}

fn operations(gap: &Gap) -> String {
    gap.operations.iter().map(Operation::as_str).collect::<Vec<_>>().join(",")
}

fn permit(name: &str) -> String {
    format!("the operator permits it for this skill by a table [secrets.{name}] in the file that --config names")
}
