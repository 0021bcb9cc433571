//! The backends of `far`: each implements [`far_core::provider::SecretProvider`].
//!
//! One module and one cargo feature per backend; features only add.
//!
//! - [`dotenv`]: a `.env` file, for development.
//! - `exchange`: tokens for the keys that another provider has.
//! - [`memory`]: values set by the program itself, for embedders and tests.
//! - `vault`: HashiCorp Vault's API, as Vault and OpenBao have it: keys and values of both kinds.
//!
//! What all backends behind a network have in common is in `network`.
//!
//! # Invariants
//!
//! - No error holds a part of a backend's answer, in its `Display` or in its `Debug`.
//! - A value is only ever in a [`SecretBytes`](far_core::memory::SecretBytes), or in a buffer that is wiped on every
//!   way out.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests of a provider call it themselves"))]
#![forbid(unsafe_code)]

#[cfg(feature = "dotenv")]
pub mod dotenv;
#[cfg(feature = "exchange")]
pub mod exchange;
#[cfg(feature = "memory")]
pub mod memory;
#[cfg(any(feature = "exchange", feature = "vault"))]
pub mod network;
#[cfg(feature = "vault")]
pub mod vault;
#[cfg(any(feature = "dotenv", feature = "exchange", feature = "vault"))]
mod version;

#[cfg(feature = "dotenv")]
pub use dotenv::{DotEnv, DotEnvError};
#[cfg(feature = "exchange")]
pub use exchange::{Exchange, ExchangeError};
#[cfg(feature = "memory")]
pub use memory::MemoryProvider;
#[cfg(feature = "vault")]
pub use vault::{Vault, VaultConfig, VaultError};
