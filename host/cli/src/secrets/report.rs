//! What came of it, for people and for programs.

use far_core::broker::Reread;
use far_core::pal::AuditUnavailable;
use far_core::provider::{HowGone, ProviderError};
use far_core::{ProviderId, SecretName, Version};
use serde_json::{Value, json};

use crate::control::{Asked, Silent};
use crate::escape::escape;
use crate::messages::explanation::Explanation;
use crate::messages::failure::Failure;
use crate::output::printer::Answer;

/// What was done with a secret.
pub(super) struct Report {
    /// As a word.
    pub(super) done: &'static str,
    pub(super) name: SecretName,
    pub(super) provider: ProviderId,
    pub(super) backend: Backend,
    pub(super) processes: Vec<Asked<Did>>,
}

/// What the backend did, or said.
pub(super) enum Backend {
    /// It has this version.
    Has(Version),
    /// It did not say which version it has, perhaps for a reason.
    Unsaid(Option<ProviderError>),
    /// It makes one for whoever asks.
    MadeForEach,
    /// It made this version.
    Made(Version),
    /// It makes no versions.
    MakesNone,
    /// It did not say that it made one, and may have.
    MayHaveMade(ProviderError),
    /// It was asked to make one; what came of it could not be recorded.
    MadeUnrecorded(AuditUnavailable),
    /// It revoked this version.
    Revoked(Version),
    /// It had revoked the current version before.
    Gone(HowGone),
    /// It revokes nothing.
    DoesNotRevoke,
    /// It has no such secret.
    HasNone,
    /// It did not do it.
    Failed(ProviderError),
    /// It was not asked: that could not be recorded; or it was, and what came of it could not be.
    Unrecorded(AuditUnavailable),
}

/// What a process did.
#[derive(Clone, Copy)]
pub(super) enum Did {
    Reread(Reread),
    Wiped(usize),
}

/// Processes that wiped a secret.
pub(super) fn wipes(asked: Vec<Asked<usize>>) -> Vec<Asked<Did>> {
    let did = |Asked { process, answer }: Asked<usize>| Asked { process, answer: answer.map(Did::Wiped) };
    asked.into_iter().map(did).collect()
}

/// Processes that read a secret again.
pub(super) fn rereads(asked: Vec<Asked<Reread>>) -> Vec<Asked<Did>> {
    let did = |Asked { process, answer }: Asked<Reread>| Asked { process, answer: answer.map(Did::Reread) };
    asked.into_iter().map(did).collect()
}

/// What processes did the first and the second time that they were asked.
pub(super) fn both(first: &[Asked<Did>], mut second: Vec<Asked<Did>>) -> Vec<Asked<Did>> {
    for before in first {
        match second.iter_mut().find(|asked| asked.process == before.process) {
            Some(asked) => asked.answer = sum(before.answer, asked.answer),
            // It has ended meanwhile: what it did is said, and what it did not do is done.
            None if before.answer.is_ok() => second.push(Asked { process: before.process, answer: before.answer }),
            None => {}
        }
    }
    second
}

fn sum(one: Result<Did, Silent>, other: Result<Did, Silent>) -> Result<Did, Silent> {
    Ok(match (one?, other?) {
        (Did::Wiped(one), Did::Wiped(other)) => Did::Wiped(one + other),
        (Did::Reread(one), Did::Reread(other)) => Did::Reread(Reread {
            kept: one.kept + other.kept,
            changed: one.changed + other.changed,
            failed: one.failed + other.failed,
        }),
        // Nobody is asked for one and then for the other.
        (_, other) => other,
    })
}

impl Report {
    /// What was not done.
    fn failures(&self) -> Vec<Failure> {
        let provider = self.provider.clone();
        let backend = match &self.backend {
            Backend::Failed(ProviderError::Denied) => Some(Failure::Denied { provider }),
            Backend::Failed(source) | Backend::MayHaveMade(source) => {
                Some(Failure::Unreached { provider, source: *source })
            }
            Backend::Unsaid(Some(source)) if source.is_no_answer() => {
                Some(Failure::Unreached { provider, source: *source })
            }
            Backend::Unrecorded(error) | Backend::MadeUnrecorded(error) => Some(Failure::Unrecorded(error.clone())),
            _ => None,
        };
        let undone = |asked: &&Asked<Did>| match asked.answer {
            Ok(Did::Reread(reread)) => reread.failed > 0,
            Ok(Did::Wiped(_)) => false,
            Err(_) => true,
        };
        let undone = self.processes.iter().filter(undone).count();
        backend.into_iter().chain((undone > 0).then_some(Failure::Undone { processes: undone })).collect()
    }

    fn command(&self) -> &'static str {
        match self.done {
            "refreshed" => "refresh",
            "rotated" => "rotate",
            _ => "revoke",
        }
    }
}

impl Answer for Report {
    /// The exit code: a denial is somebody's to change, and whatever did not answer may answer the next time.
    fn code(&self) -> u8 {
        self.failures().iter().map(Failure::code).max().unwrap_or_default()
    }

    /// What was not done, each with the next step; empty if all was.
    fn problems(&self) -> Vec<Explanation> {
        self.failures().iter().map(Explanation::of_failure).collect()
    }

    /// As lines.
    fn text(&self) -> String {
        let (done, extent) = match (&self.backend, self.code()) {
            (Backend::DoesNotRevoke, _) => (self.done, " by processes alone"),
            (_, 0) => (self.done, ""),
            _ => (self.done, " in part"),
        };
        let mut rows = vec![("backend".to_owned(), self.backend.text(&self.provider))];
        if self.processes.is_empty() {
            rows.push(("processes".to_owned(), "none runs that could be asked".to_owned()));
        }
        let process = |asked: &Asked<Did>| (format!("process {}", asked.process), did(&asked.answer));
        rows.extend(self.processes.iter().map(process));
        let width = rows.iter().map(|(about, _)| about.len()).max().unwrap_or_default();
        let lines: String = rows.iter().map(|(about, what)| format!("  {about:width$}  {what}\n")).collect();
        format!("{}: {done}{extent}\n{lines}", self.name)
    }

    /// As one object.
    fn object(&self) -> Value {
        let code = self.code();
        let (state, version) = self.backend.token();
        let process = |asked: &Asked<Did>| match asked.answer {
            Ok(Did::Reread(Reread { kept, changed, failed })) => {
                json!({ "process": asked.process, "kept": kept, "changed": changed, "failed": failed })
            }
            Ok(Did::Wiped(wiped)) => json!({ "process": asked.process, "wiped": wiped }),
            Err(silent) => json!({ "process": asked.process, "error": silent.kind() }),
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

impl Backend {
    fn text(&self, provider: &ProviderId) -> String {
        match self {
            Self::Has(version) => format!("'{provider}' has version {}", escape(&version.to_string())),
            Self::Unsaid(None | Some(ProviderError::Unsupported)) => {
                format!("'{provider}' does not say which version it has")
            }
            Self::Unsaid(Some(error)) => format!("'{provider}' does not say which version it has: {error}"),
            Self::MadeForEach => format!("'{provider}' makes another one for whoever asks"),
            Self::Made(version) => format!("'{provider}' made version {}", escape(&version.to_string())),
            Self::MakesNone => format!("'{provider}' makes no new versions: processes read what it has"),
            Self::MayHaveMade(error) => format!("'{provider}' may have made a version: {error}"),
            Self::MadeUnrecorded(error) => format!("'{provider}' may have made a version: {error}"),
            Self::Revoked(version) => format!("'{provider}' revoked version {}", escape(&version.to_string())),
            Self::Gone(how) => format!("'{provider}' had revoked the current version before: it was {how}"),
            Self::DoesNotRevoke => "the backend does not revoke: it still gives the secret to whoever asks".to_owned(),
            Self::HasNone => format!("'{provider}' has no such secret"),
            Self::Failed(error) => format!("'{provider}' did not revoke it: {error}"),
            Self::Unrecorded(error) => format!("'{provider}' may not have revoked it: {error}"),
        }
    }

    /// A stable token, and the version that it is about.
    fn token(&self) -> (&'static str, Option<String>) {
        match self {
            Self::Has(version) => ("has", Some(version.to_string())),
            Self::Unsaid(error) => (error.map_or("unsupported", |error| error.kind()), None),
            Self::MadeForEach => ("made-for-each", None),
            Self::Made(version) => ("made", Some(version.to_string())),
            Self::MakesNone | Self::DoesNotRevoke => ("unsupported", None),
            Self::Revoked(version) => ("revoked", Some(version.to_string())),
            Self::Gone(how) => (ProviderError::VersionGone(*how).kind(), None),
            Self::HasNone => ("not-found", None),
            Self::Failed(error) | Self::MayHaveMade(error) => (error.kind(), None),
            Self::Unrecorded(_) | Self::MadeUnrecorded(_) => ("audit-unavailable", None),
        }
    }
}

fn did(answer: &Result<Did, Silent>) -> String {
    match answer {
        Ok(Did::Wiped(0) | Did::Reread(Reread { kept: 0, .. })) => "kept none".to_owned(),
        Ok(Did::Wiped(wiped)) => format!("wiped {}", values(*wiped)),
        Ok(Did::Reread(Reread { kept, changed, failed: 0 })) => {
            format!("kept {}, of which {changed} changed", values(*kept))
        }
        Ok(Did::Reread(Reread { kept, changed, failed })) => {
            format!("kept {}, of which {changed} changed and {failed} could not be read", values(*kept))
        }
        Err(silent) => silent.to_string(),
    }
}

fn values(count: usize) -> String {
    if count == 1 { "1 value".to_owned() } else { format!("{count} values") }
}
