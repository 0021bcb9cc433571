//! Real servers for tests: installed into a cache, started on loopback, stopped again.
//!
//! ```no_run
//! use far_servers::{OpenBao, or_skip};
//!
//! # fn test() -> Result<(), far_servers::Failure> {
//! let Some(bao) = or_skip(OpenBao::dev()) else { return Ok(()) };
//! bao.api("POST", "secret/data/db", &serde_json::json!({ "data": { "password": "x" } }))?;
//! let (address, token) = (bao.address(), bao.root_token()); // "http://127.0.0.1:PORT" and its token
//! # Ok(())
//! # }
//! ```
//!
//! A server is there once its constructor answers, on a port of its own and with state of its own. It is gone once it is dropped,
//! and also if the process that started it ends without dropping it, however it ends: a server can be kept in a `static`.
//!
//! What is not on the machine is installed, once, into `$XDG_CACHE_HOME/far-servers` (`~/.cache/far-servers`), in a folder that is
//! named by what built it; what is there is used without a network. A server that cannot be had is [`Failure::is_absent`], and
//! [`or_skip`] decides what that means: a test that is left out, and says so, or under `CI=true` one that fails.
//!
//! Nothing here knows what it is that is tested: no crate of the host's is a dependency.

#![forbid(unsafe_code)]

mod authority;
mod cache;
mod failure;
pub mod fault;
mod git;
pub mod http;
pub mod https;
mod listening;
mod openbao;
mod port;
mod postgres;
mod process;
mod random;
mod registry;
mod skip;

pub use self::authority::Authority;
pub use self::failure::Failure;
pub use self::git::{Git, Work};
pub use self::openbao::OpenBao;
pub use self::postgres::Postgres;
pub use self::registry::Registry;
pub use self::skip::{is_ci, or_skip};

/// A server that runs.
pub trait Running {
    /// Where it is reached.
    fn address(&self) -> String;
}

/// A kind of server.
#[derive(Clone)]
pub struct Server {
    /// What it is called.
    pub name: &'static str,
    /// Its version, as far as that is known before it runs; on this machine, where it is the machine's.
    pub version: fn() -> String,
    /// Installs it, unless that was done.
    pub install: fn() -> Result<(), Failure>,
    /// Starts one.
    pub start: fn() -> Result<Box<dyn Running>, Failure>,
}

/// All kinds.
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
