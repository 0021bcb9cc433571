//! The output of changes to secrets, for people and programs.

use far_core::broker::RereadReport;
use far_core::pal::AuditUnavailable;
use far_core::provider::{AbsenceReason, ProviderError};
use far_core::{ProviderId, SecretName, Version};
use serde_json::{Value, json};

use crate::control::{ProcessError, ProcessReply};
use crate::escape::escape;
use crate::messages::count;
use crate::messages::explanation::Explanation;
use crate::messages::failure::Failure;
use crate::output::printer::CommandOutput;

/// The result of a change to a secret.
pub(super) struct ChangeReport {
    /// The change as a past participle, such as `rotated`.
    pub(super) action: &'static str,
    pub(super) name: SecretName,
    pub(super) provider: ProviderId,
    pub(super) backend: BackendOutcome,
    pub(super) processes: Vec<ProcessReply<ProcessOutcome>>,
}

/// The result of the backend.
pub(super) enum BackendOutcome {
    /// The backend has this version.
    CurrentVersion(Version),
    /// The backend did not report its version, possibly because of an error.
    VersionUnknown(Option<ProviderError>),
    /// The backend issues dynamic secrets.
    Dynamic,
    /// The backend created this version.
    NewVersion(Version),
    /// The backend does not create versions.
    RotationUnsupported,
    /// The backend may have created a version: the response was an error.
    RotationUnknown(ProviderError),
    /// The backend may have created a version: the result was not recorded.
    RotationUnrecorded(AuditUnavailable),
    /// The backend revoked this version.
    Revoked(Version),
    /// The current version was revoked before.
    Gone(AbsenceReason),
    /// The backend does not support revocation.
    RevocationUnsupported,
    /// The backend has no such secret.
    NotFound,
    /// The backend failed to revoke.
    Failed(ProviderError),
    /// The revocation may not have happened: the request or its result was not recorded.
    Unrecorded(AuditUnavailable),
}

/// The result of a process.
#[derive(Clone, Copy)]
pub(super) enum ProcessOutcome {
    Reread(RereadReport),
    Wiped(usize),
}

/// Converts the replies to a wipe.
pub(super) fn wipe_outcomes(replies: Vec<ProcessReply<usize>>) -> Vec<ProcessReply<ProcessOutcome>> {
    let outcome = |ProcessReply { process, response }: ProcessReply<usize>| ProcessReply {
        process,
        response: response.map(ProcessOutcome::Wiped),
    };
    replies.into_iter().map(outcome).collect()
}

/// Converts the replies to a reread.
pub(super) fn reread_outcomes(replies: Vec<ProcessReply<RereadReport>>) -> Vec<ProcessReply<ProcessOutcome>> {
    let outcome = |ProcessReply { process, response }: ProcessReply<RereadReport>| ProcessReply {
        process,
        response: response.map(ProcessOutcome::Reread),
    };
    replies.into_iter().map(outcome).collect()
}

/// Merges the replies of two rounds.
pub(super) fn merge_outcomes(
    first: &[ProcessReply<ProcessOutcome>],
    mut second: Vec<ProcessReply<ProcessOutcome>>,
) -> Vec<ProcessReply<ProcessOutcome>> {
    for before in first {
        match second.iter_mut().find(|reply| reply.process == before.process) {
            Some(reply) => reply.response = sum(before.response, reply.response),
            // The process has ended meanwhile. Its result is reported; an error is moot.
            None if before.response.is_ok() => {
                second.push(ProcessReply { process: before.process, response: before.response })
            }
            None => {}
        }
    }
    second
}

fn sum(
    one: Result<ProcessOutcome, ProcessError>,
    other: Result<ProcessOutcome, ProcessError>,
) -> Result<ProcessOutcome, ProcessError> {
    Ok(match (one?, other?) {
        (ProcessOutcome::Wiped(one), ProcessOutcome::Wiped(other)) => ProcessOutcome::Wiped(one + other),
        (ProcessOutcome::Reread(one), ProcessOutcome::Reread(other)) => ProcessOutcome::Reread(RereadReport {
            cached: one.cached + other.cached,
            changed: one.changed + other.changed,
            failed: one.failed + other.failed,
        }),
        // Both rounds have the same kind of request.
        (_, other) => other,
    })
}

impl ChangeReport {
    /// Returns the failures.
    fn failures(&self) -> Vec<Failure> {
        let provider = self.provider.clone();
        let backend = match &self.backend {
            BackendOutcome::Failed(ProviderError::Denied) => Some(Failure::BackendDenied { provider }),
            BackendOutcome::Failed(source) | BackendOutcome::RotationUnknown(source) => {
                Some(Failure::ProviderUnreachable { provider, source: *source })
            }
            BackendOutcome::VersionUnknown(Some(source)) if source.is_transient() => {
                Some(Failure::ProviderUnreachable { provider, source: *source })
            }
            BackendOutcome::Unrecorded(error) | BackendOutcome::RotationUnrecorded(error) => {
                Some(Failure::AuditUnavailable(error.clone()))
            }
            _ => None,
        };
        let has_failed = |reply: &&ProcessReply<ProcessOutcome>| match reply.response {
            Ok(ProcessOutcome::Reread(reread)) => reread.failed > 0,
            Ok(ProcessOutcome::Wiped(_)) => false,
            Err(_) => true,
        };
        let failed = self.processes.iter().filter(has_failed).count();
        backend.into_iter().chain((failed > 0).then_some(Failure::ProcessesFailed { processes: failed })).collect()
    }

    fn command(&self) -> &'static str {
        match self.action {
            "refreshed" => "refresh",
            "rotated" => "rotate",
            _ => "revoke",
        }
    }
}

impl CommandOutput for ChangeReport {
    /// Returns the highest exit code: unavailability takes precedence over a denial.
    fn code(&self) -> u8 {
        self.failures().iter().map(Failure::code).max().unwrap_or_default()
    }

    /// Returns the failures with their help.
    fn problems(&self) -> Vec<Explanation> {
        self.failures().iter().map(Explanation::of_failure).collect()
    }

    /// Returns lines.
    fn text(&self) -> String {
        let (action, extent) = match (&self.backend, self.code()) {
            (BackendOutcome::RevocationUnsupported, _) => (self.action, " in processes only"),
            (_, 0) => (self.action, ""),
            _ => (self.action, " partially"),
        };
        let mut rows = vec![("backend".to_owned(), self.backend.text(&self.provider))];
        if self.processes.is_empty() {
            rows.push(("processes".to_owned(), "none running".to_owned()));
        }
        let process =
            |reply: &ProcessReply<ProcessOutcome>| (format!("process {}", reply.process), outcome(&reply.response));
        rows.extend(self.processes.iter().map(process));
        let width = rows.iter().map(|(about, _)| about.len()).max().unwrap_or_default();
        let lines: String = rows.iter().map(|(about, what)| format!("  {about:width$}  {what}\n")).collect();
        format!("{}: {action}{extent}\n{lines}", self.name)
    }

    /// Returns one JSON object.
    fn object(&self) -> Value {
        let code = self.code();
        let (state, version) = self.backend.token();
        let process = |reply: &ProcessReply<ProcessOutcome>| match reply.response {
            Ok(ProcessOutcome::Reread(RereadReport { cached, changed, failed })) => {
                json!({ "process": reply.process, "kept": cached, "changed": changed, "failed": failed })
            }
            Ok(ProcessOutcome::Wiped(wiped)) => json!({ "process": reply.process, "wiped": wiped }),
            Err(error) => json!({ "process": reply.process, "error": error.kind() }),
        };
        json!({
            "command": format!("secrets {}", self.command()),
            "ok": code == 0,
            "exit_code": code,
            "secret": self.name,
            "provider": self.provider,
            "backend": { "state": state, "version": version },
            "processes": self.processes.iter().map(process).collect::<Vec<_>>(),
            "problems": self.failures().iter().map(Explanation::of_failure).collect::<Vec<_>>(),
        })
    }
}

impl BackendOutcome {
    fn text(&self, provider: &ProviderId) -> String {
        match self {
            Self::CurrentVersion(version) => format!("'{provider}' has version {}", escape(&version.to_string())),
            Self::VersionUnknown(None | Some(ProviderError::Unsupported)) => {
                format!("'{provider}' does not report its version")
            }
            Self::VersionUnknown(Some(error)) => format!("'{provider}' did not report its version: {error}"),
            Self::Dynamic => format!("'{provider}' issues dynamic secrets"),
            Self::NewVersion(version) => format!("'{provider}' created version {}", escape(&version.to_string())),
            Self::RotationUnsupported => {
                format!("'{provider}' does not create versions; processes read the current one")
            }
            Self::RotationUnknown(error) => format!("'{provider}' may have created a version: {error}"),
            Self::RotationUnrecorded(error) => format!("'{provider}' may have created a version: {error}"),
            Self::Revoked(version) => format!("'{provider}' revoked version {}", escape(&version.to_string())),
            Self::Gone(how) => format!("'{provider}' has no current version to revoke: it was {how}"),
            Self::RevocationUnsupported => {
                format!("'{provider}' does not support revocation: the secret is still valid")
            }
            Self::NotFound => format!("'{provider}' has no such secret"),
            Self::Failed(error) => format!("'{provider}' could not revoke the secret: {error}"),
            Self::Unrecorded(error) => format!("'{provider}' may not have revoked the secret: {error}"),
        }
    }

    /// Returns a stable token, and the version.
    fn token(&self) -> (&'static str, Option<String>) {
        match self {
            Self::CurrentVersion(version) => ("has", Some(version.to_string())),
            Self::VersionUnknown(error) => (error.map_or("unsupported", |error| error.kind()), None),
            Self::Dynamic => ("made-for-each", None),
            Self::NewVersion(version) => ("made", Some(version.to_string())),
            Self::RotationUnsupported | Self::RevocationUnsupported => ("unsupported", None),
            Self::Revoked(version) => ("revoked", Some(version.to_string())),
            Self::Gone(how) => (ProviderError::VersionGone(*how).kind(), None),
            Self::NotFound => ("not-found", None),
            Self::Failed(error) | Self::RotationUnknown(error) => (error.kind(), None),
            Self::Unrecorded(_) | Self::RotationUnrecorded(_) => ("audit-unavailable", None),
        }
    }
}

fn outcome(response: &Result<ProcessOutcome, ProcessError>) -> String {
    match response {
        Ok(ProcessOutcome::Wiped(0) | ProcessOutcome::Reread(RereadReport { cached: 0, .. })) => {
            "no cached values".to_owned()
        }
        Ok(ProcessOutcome::Wiped(wiped)) => format!("wiped {}", count(*wiped, "value", "values")),
        Ok(ProcessOutcome::Reread(RereadReport { cached, changed, failed: 0 })) => {
            format!("{}, {changed} changed", count(*cached, "cached value", "cached values"))
        }
        Ok(ProcessOutcome::Reread(RereadReport { cached, changed, failed })) => {
            format!("{}, {changed} changed, {failed} failed", count(*cached, "cached value", "cached values"))
        }
        Err(error) => error.to_string(),
    }
}
