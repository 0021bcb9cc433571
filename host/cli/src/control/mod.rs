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

pub(crate) use self::ask::{Asked, Processes, Silent};
pub(crate) use self::listen::listen;
pub(crate) use self::place::Place;
pub(crate) use self::wire::Kept;
