//! The reasons why running processes cannot be reached.

use far_files::TrustError;
use miette::Diagnostic;

/// Why processes cannot be reached.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum ControlError {
    /// Nothing says where.
    #[error("neither [agent] state nor XDG_STATE_HOME nor HOME says where processes listen")]
    #[diagnostic(help("name the folder that 'far run' has: [agent] state in far.toml"))]
    Nowhere,
    /// The folder.
    #[error(transparent)]
    #[diagnostic(help("{}", folder_help(.0)))]
    Folder(#[from] TrustError),
    /// A socket.
    #[error("no socket can be made there")]
    #[diagnostic(help("look at what keeps the process from making sockets"))]
    Socket(#[source] std::io::Error),
}

fn folder_help(error: &TrustError) -> &'static str {
    match error {
        TrustError::NotOwned { .. } | TrustError::Exposed { .. } => {
            "let the user that runs far own it, and nobody else use it ('chmod 700')"
        }
        _ => "name a folder that can be made and used: [agent] state in far.toml",
    }
}
