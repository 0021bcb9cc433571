//! What to declare, grant or permit, so that a task does not end as this one did.
//!
//! A name is told if the author or the operator wrote it; one that only the skill chose is not.

use far_core::broker::Violation;
use far_core::capability::{DenyReason, Gap, Operation};
use far_core::pal::SecretLabel;
use far_runtime::{Limit, Refusal};

/// The next step after a violation.
pub(crate) fn of_violation(violation: &Violation) -> String {
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
pub(crate) fn of_refusal(refusal: &Refusal) -> String {
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
pub(crate) fn of_limit(limit: Limit) -> String {
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
