//! Errors of the control sockets.

use far_files::TrustError;
use miette::Diagnostic;

/// Reasons why running processes cannot be contacted.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum ControlError {
    /// No state directory is known.
    #[error("no state directory: set [agent] state, XDG_STATE_HOME or HOME")]
    #[diagnostic(help("use the same value as 'far run': [agent] state in far.toml"))]
    Nowhere,
    /// The folder of the sockets cannot be used.
    #[error(transparent)]
    #[diagnostic(help("{}", folder_help(.0)))]
    Folder(#[from] TrustError),
    /// A socket cannot be created.
    #[error("cannot create a socket")]
    #[diagnostic(help("check the sandbox and the limits of the process"))]
    Socket(#[source] std::io::Error),
}

fn folder_help(error: &TrustError) -> &'static str {
    match error {
        TrustError::NotOwned { .. } | TrustError::Exposed { .. } => {
            "make the folder owner-only: owned by the user that runs far, with mode 0700"
        }
        _ => "set [agent] state in far.toml to a folder that far can create and use",
    }
}
