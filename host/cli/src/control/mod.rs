//! How `far secrets` reaches the processes of an agent that run: a socket of each, in a folder that is their user's alone.
//!
//! A request is a line of JSON that names what is to be done and perhaps a secret, and so is its answer: references, versions and
//! times, never a value.
//!
//! # Security
//!
//! Who may open the folder and the socket, and who the kernel says is at the other end, has to be the process's own user, or root.
//! Nothing of a request is echoed, nothing of it but a parsed name is used, and no guest has a way to it: WASI is given neither
//! files nor sockets.

mod ask;
mod evicting;
mod listen;
mod peer;
mod place;
mod wire;

use far_files::TrustError;

pub(crate) use self::ask::{Asked, Processes, Silent};
pub(crate) use self::listen::listen;
pub(crate) use self::place::Place;
pub(crate) use self::wire::Kept;

/// Why processes cannot be reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    /// Nothing says where.
    #[error("neither [agent] state nor XDG_STATE_HOME nor HOME says where processes listen")]
    Nowhere,
    /// The folder.
    #[error(transparent)]
    Folder(#[from] TrustError),
    /// A socket.
    #[error("no socket can be made there")]
    Socket(#[source] std::io::Error),
}

impl ControlError {
    /// The next step.
    pub(crate) fn help(&self) -> &'static str {
        match self {
            Self::Nowhere => "name the folder that 'far run' has: [agent] state in far.toml",
            Self::Folder(TrustError::NotOwned { .. } | TrustError::Exposed { .. }) => {
                "let the user that runs far own it, and nobody else use it ('chmod 700')"
            }
            Self::Folder(_) => "name a folder that can be made and used: [agent] state in far.toml",
            Self::Socket(_) => "look at what keeps the process from making sockets",
        }
    }
}
