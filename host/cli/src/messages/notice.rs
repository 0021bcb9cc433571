//! Lines on stderr that end no command: warnings, and the state of audit files.

use std::io;
use std::iter;
use std::path::{Path, PathBuf};

use far_audit::{Head, LineRange, PublicKey};
use far_core::pal::SinkError;
use far_files::TrustError;
use serde_json::{Value, json};

use super::control::ControlError;
use super::failure::Failure;

/// Reasons why compiled skills are not cached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheError {
    #[error("no cache directory: set XDG_CACHE_HOME or HOME")]
    Nowhere,
    #[error("cannot create '{path}'", path = .path.display())]
    Parent { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Folder(#[from] TrustError),
}

/// Reasons why dynamic secrets are disabled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    #[error("no state directory: set [agent] state, XDG_STATE_HOME or HOME")]
    Nowhere,
    #[error(transparent)]
    LeaseJournal(#[from] TrustError),
}

/// A line on stderr, for people and programs.
pub(crate) struct Notice {
    /// The line for people. Escape it: it quotes file names.
    pub(crate) text: String,
    /// The object for programs.
    pub(crate) object: Value,
}

impl Notice {
    /// Reports that compiled skills are not cached.
    pub(crate) fn cache(error: &CacheError) -> Self {
        let error = with_causes(error);
        let text = format!("warning: compiled skills are not cached: {error}");
        Self { text, object: json!({ "v": 1, "event": "cache.unusable", "error": error }) }
    }

    /// Reports that dynamic secrets are disabled.
    pub(crate) fn state(error: &StateError) -> Self {
        Self::warning("state.unusable", &format!("dynamic secrets are disabled: {}", with_causes(error)))
    }

    /// Reports that the process has no control socket.
    pub(crate) fn control(error: &ControlError) -> Self {
        let error = with_causes(error);
        Self::warning("control.unusable", &format!("'far secrets' cannot reach this process: {error}"))
    }

    /// Reports that revoking leases of earlier runs timed out.
    pub(crate) fn leases_timed_out() -> Self {
        let what = "leases of earlier runs were not revoked in time; the next run tries again";
        Self::warning("leases.kept", what)
    }

    /// Reports leases of earlier runs that could not be revoked.
    pub(crate) fn leases_not_revoked(count: usize) -> Self {
        let leases = super::count(count, "lease", "leases");
        let what = format!("{leases} of earlier runs could not be revoked; the next run tries again");
        Self::warning("leases.kept", &what)
    }

    /// Reports lease journals that failed verification.
    pub(crate) fn journals_unverified(count: usize) -> Self {
        let journals = super::count(count, "lease journal", "lease journals");
        let what = format!("{journals} of earlier runs failed verification: their leases were not revoked");
        Self::warning("leases.unsound", &what)
    }

    /// Reports that the metrics file could not be written.
    pub(crate) fn metrics(failure: &Failure) -> Self {
        Self::warning("metrics.unwritten", &with_causes(failure))
    }

    /// Reports unsigned lines of an earlier process, which this run's signatures cover.
    pub(crate) fn audit_inherited(path: &Path, LineRange { from, to }: LineRange) -> Self {
        let (path, unsigned) = (path.to_string_lossy(), json!({ "from": from, "to": to }));
        let text = format!(
            "audit {path}: lines {from} to {to} were not signed by an earlier process; this run signs them and records it"
        );
        Self { text, object: json!({ "v": 1, "event": "audit.inherited", "file": path, "unsigned": unsigned }) }
    }

    /// Reports the head and the key of a closed audit file.
    pub(crate) fn audit_closed(path: &Path, head: Head, key: PublicKey) -> Self {
        let path = path.to_string_lossy();
        let text = format!("audit {path}: head {head}, key {key}");
        Self { text, object: json!({ "v": 1, "event": "audit.closed", "file": path, "head": head, "key": key }) }
    }

    /// Reports that the last lines of an audit file are not signed.
    pub(crate) fn audit_unsigned(path: &Path, error: &SinkError) -> Self {
        let (path, error) = (path.to_string_lossy(), error.to_string());
        let text = format!("audit {path}: the last lines are not signed: {error}");
        Self { text, object: json!({ "v": 1, "event": "audit.unsigned", "file": path, "error": error }) }
    }

    fn warning(event: &str, what: &str) -> Self {
        Self { text: format!("warning: {what}"), object: json!({ "v": 1, "event": event, "error": what }) }
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
