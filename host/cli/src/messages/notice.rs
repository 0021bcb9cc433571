//! Lines on stderr that stop no command: warnings, and what an audit file says of itself.

use std::io;
use std::iter;
use std::path::{Path, PathBuf};

use far_audit::{Head, LineRange, PublicKey};
use far_core::pal::SinkError;
use far_files::TrustError;
use serde_json::{Value, json};

use super::control::ControlError;
use super::failure::Failure;

/// Why compiled skills are not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheUnusable {
    #[error("neither XDG_CACHE_HOME nor HOME says where caches are")]
    Nowhere,
    #[error("cannot make {path}", path = .path.display())]
    Parent { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Folder(#[from] TrustError),
}

/// Why nothing is made for tasks.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateUnusable {
    #[error("neither [agent] state nor XDG_STATE_HOME nor HOME says where to write down what is to be ended")]
    Nowhere,
    #[error(transparent)]
    Ledger(#[from] TrustError),
}

/// A line on stderr, for people and for programs.
pub(crate) struct Notice {
    /// The line. It quotes names of files: escape it.
    pub(crate) text: String,
    /// The object.
    pub(crate) object: Value,
}

impl Notice {
    /// Compiled skills are not kept.
    pub(crate) fn cache(why: &CacheUnusable) -> Self {
        let why = with_causes(why);
        let text = format!("warning: compiled skills are not kept: {why}");
        Self { text, object: json!({ "v": 1, "event": "cache.unusable", "error": why }) }
    }

    /// Nothing is made for tasks.
    pub(crate) fn state(why: &StateUnusable) -> Self {
        Self::warning("state.unusable", &format!("secrets that a server makes are refused: {}", with_causes(why)))
    }

    /// The process does not listen.
    pub(crate) fn control(why: &ControlError) -> Self {
        let why = with_causes(why);
        Self::warning("control.unusable", &format!("'far secrets' does not reach this process: {why}"))
    }

    /// What earlier runs left took too long to end.
    pub(crate) fn leases_late() -> Self {
        let what = "what an earlier run left could not be ended in time; the next run tries again";
        Self::warning("leases.kept", what)
    }

    /// So much of what earlier runs left could not be ended.
    pub(crate) fn leases_kept(count: usize) -> Self {
        let what = format!("{count} of what an earlier run left could not be ended; the next run tries again");
        Self::warning("leases.kept", &what)
    }

    /// So many files that earlier runs left are not as they were written.
    pub(crate) fn leases_unsound(count: usize) -> Self {
        let what = format!(
            "{count} of the files that earlier runs left are not as they were written: nothing is ended by what is not"
        );
        Self::warning("leases.unsound", &what)
    }

    /// The file of metrics could not be written.
    pub(crate) fn metrics(failure: &Failure) -> Self {
        Self::warning("metrics.unwritten", &with_causes(failure))
    }

    /// An earlier process did not sign lines of an audit file, which this run's signatures cover.
    pub(crate) fn audit_inherited(path: &Path, LineRange { from, to }: LineRange) -> Self {
        let (path, unsigned) = (path.to_string_lossy(), json!({ "from": from, "to": to }));
        let text = format!(
            "audit {path}: an earlier process did not sign lines {from} to {to}; this run signs them, and says so there"
        );
        Self { text, object: json!({ "v": 1, "event": "audit.inherited", "file": path, "unsigned": unsigned }) }
    }

    /// An audit file is closed: its head, and the key that signed it.
    pub(crate) fn audit_closed(path: &Path, head: Head, key: PublicKey) -> Self {
        let path = path.to_string_lossy();
        let text = format!("audit {path}: head {head}, key {key}");
        Self { text, object: json!({ "v": 1, "event": "audit.closed", "file": path, "head": head, "key": key }) }
    }

    /// The end of an audit file is not signed.
    pub(crate) fn audit_unsigned(path: &Path, error: &SinkError) -> Self {
        let (path, error) = (path.to_string_lossy(), error.to_string());
        let text = format!("audit {path}: its end is not signed: {error}");
        Self { text, object: json!({ "v": 1, "event": "audit.unsigned", "file": path, "error": error }) }
    }

    fn warning(event: &str, what: &str) -> Self {
        Self { text: format!("warning: {what}"), object: json!({ "v": 1, "event": event, "error": what }) }
    }
}

fn with_causes(why: &dyn std::error::Error) -> String {
    let causes = iter::successors(why.source(), |error| error.source());
    causes.fold(why.to_string(), |why, cause| format!("{why}: {cause}"))
}
