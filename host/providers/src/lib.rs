//! The backends of `far`: implementations of [`far_core::provider::SecretProvider`].
//!
//! One module and one Cargo feature per backend. Features are additive.
//!
//! - [`dotenv`]: a `.env` file, for development.
//! - `exchange`: short-lived tokens, issued for the long-lived keys of another provider.
//! - [`memory`]: values set by the program itself, for embedders and tests.
//! - `vault`: the API of HashiCorp Vault, served by Vault and OpenBao.
//!
//! The network backends share `network`: the HTTP client and the retry layer.
//!
//! # Invariants
//!
//! - No error carries any part of a backend's response, in its `Display` or in its `Debug`.
//! - A value is only ever in a [`SecretBytes`](far_core::memory::SecretBytes), or in a buffer that
//!   is zeroed when it is dropped.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "provider tests call the provider directly"))]
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
