//! The core of `far`: decides which secrets a task may use, holds their values, and records each
//! use.
//!
//! This crate runs no component and opens no connection: `far-runtime` runs skills, and
//! `far-providers` has backends. A program that runs skills needs `far-runtime`, which re-exports
//! its part of this crate. A backend needs this crate alone.
//!
//! # Writing a backend
//!
//! Implement [`provider::SecretProvider`]. Three functions are required; they read, list and
//! refresh secrets.
//!
//! - Return each value in [`memory::SecretBytes`], and overwrite every other buffer that held it.
//! - Return the version that the backend names, as a [`Version`].
//! - Map each failure to a [`provider::ProviderError`], which carries no text of the backend's.
//!
//! Only the broker calls a backend. `RuntimeBuilder::provider` in `far-runtime` adds one to a host;
//! [`broker::reach`] asks one for the names of its secrets. `host/runtime/examples/http_json.rs` is
//! a backend over HTTPS in a whole host.
//!
//! # Modules
//!
//! - [`capability`]: the capability language, all of `far-capability`: declarations, grants, and the
//!   check of what a task may use, `declared ∩ granted ∩ permitted`.
//! - [`memory`]: the only type that holds a secret's bytes; all of `far-memory`.
//! - [`provider`]: the trait that a backend implements.
//! - [`broker`]: the one way from a task to a value, in six steps.
//! - [`jwt`]: tokens, signed under a secret.
//! - [`pal`]: the Process Activity Log, whose events cannot hold a value.
//! - [`single_flight`]: one request for all callers that ask the same at once.
//! - [`clock`]: the one owner of "now".
//!
//! Some items are public because `far-runtime` is another crate, and hidden from this
//! documentation because nobody else may use them: the context and the session of a task, the
//! values that it shares, redaction of its output. [`broker`] says why.
//!
//! # Invariants
//!
//! - Only [`broker`] calls a [`provider::SecretProvider`], and only after the capability check.
//! - No event type has a field that a value, or text chosen by a guest, fits into.
//! - Time is monotonic wherever it decides anything; wall-clock time is for display, and for
//!   what tokens say to others.

#![forbid(unsafe_code)]

pub mod broker;
pub mod clock;
#[doc(hidden)]
pub mod context;
pub mod jwt;
pub mod pal;
pub mod provider;
#[doc(hidden)]
pub mod redaction;
#[doc(hidden)]
pub mod secret;
pub mod single_flight;
mod task_id;
#[doc(hidden)]
pub mod thread;

#[doc(hidden)]
pub use context::TaskContext;
pub use far_capability as capability;
pub use far_capability::{
    AgentId, ProviderId, SecretName, SkillDigest, SkillName, TaskId, ToolName, Version, VersionSelector,
};
pub use far_memory as memory;
#[doc(hidden)]
pub use secret::Secret;
pub use task_id::random_task_id;
