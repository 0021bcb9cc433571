//! Control sockets, by which `far secrets` contacts the running processes of an agent. Each process
//! has a socket in an owner-only folder.
//!
//! Requests and responses are lines of JSON. They contain names, versions and times, never a value.
//!
//! # Security
//!
//! Only the own user and root can open the folder and the socket, and the peer credentials are
//! checked. A response never echoes its request, of which only a parsed name is used. Guests cannot
//! reach the socket: they have no files and no sockets.

mod client;
mod dir;
mod evicting_set;
mod peer;
mod server;
mod wire;

pub(crate) use self::client::{ProcessError, ProcessReply, Processes};
pub(crate) use self::dir::ControlDir;
pub(crate) use self::server::listen;
pub(crate) use self::wire::CachedValue;
