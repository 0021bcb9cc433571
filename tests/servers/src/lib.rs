//! Real servers for tests: installed into a cache, and run on loopback.
//!
//! ```no_run
//! use far_servers::{OpenBao, or_skip};
//!
//! # fn test() -> Result<(), far_servers::Failure> {
//! let Some(bao) = or_skip(OpenBao::dev()) else { return Ok(()) };
//! bao.api("POST", "secret/data/db", &serde_json::json!({ "data": { "password": "x" } }))?;
//! let (address, token) = (bao.address(), bao.root_token()); // "http://127.0.0.1:PORT"
//! # Ok(())
//! # }
//! ```
//!
//! A server is ready when its constructor returns, on its own port and with its own state. It stops
//! when it is dropped, and also when its parent process ends for any reason: a `static` may hold a
//! server.
//!
//! Missing servers are installed once into `$XDG_CACHE_HOME/far-servers` (`~/.cache/far-servers`),
//! in a folder named after the source. An installed server needs no network. A server that is
//! unavailable is [`Failure::is_absent`]. [`or_skip`] then skips the test with a note, or fails it
//! under `CI=true`.
//!
//! This crate does not depend on any crate of the host.

#![forbid(unsafe_code)]

mod authority;
mod cache;
mod failure;
pub mod fault;
mod git;
pub mod http;
pub mod https;
mod listener;
mod openbao;
mod port;
mod postgres;
mod process;
mod random;
mod registry;
mod skip;

pub use self::authority::Authority;
pub use self::failure::Failure;
pub use self::git::{Git, WorkTree};
pub use self::openbao::OpenBao;
pub use self::postgres::Postgres;
pub use self::registry::Registry;
pub use self::skip::{is_ci, or_skip};

/// A running server.
pub trait RunningServer {
    /// Returns the address.
    fn address(&self) -> String;
}

/// A kind of server.
#[derive(Clone)]
pub struct Server {
    /// The name.
    pub name: &'static str,
    /// The version as far as it is known ahead of the start, for a server of the machine the
    /// installed one.
    pub version: fn() -> String,
    /// Installs the server, unless it is installed.
    pub install: fn() -> Result<(), Failure>,
    /// Starts a server.
    pub start: fn() -> Result<Box<dyn RunningServer>, Failure>,
}

/// All kinds of servers.
pub const SERVERS: [Server; 5] = [
    Server {
        name: "OpenBao, in memory",
        version: || OpenBao::VERSION.to_owned(),
        install: OpenBao::install,
        start: || Ok(Box::new(OpenBao::dev()?)),
    },
    Server {
        name: "OpenBao, on disk",
        version: || OpenBao::VERSION.to_owned(),
        install: OpenBao::install,
        start: || Ok(Box::new(OpenBao::on_disk()?)),
    },
    Server {
        name: "PostgreSQL",
        version: || Postgres::version().unwrap_or_default(),
        install: Postgres::install,
        start: || Ok(Box::new(Postgres::start()?)),
    },
    Server {
        name: "docker-registry",
        version: || Registry::VERSION.to_owned(),
        install: Registry::install,
        start: || Ok(Box::new(Registry::start(&Authority::new())?)),
    },
    Server {
        name: "git over HTTPS",
        version: || Git::version().unwrap_or_default(),
        install: Git::install,
        start: || Ok(Box::new(Git::start(&Authority::new())?)),
    },
];
