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
//! Only the broker calls a backend. `RuntimeBuilder::provider` in `far-runtime` adds a backend to a
//! host. [`broker::probe`] lists the names of a backend's secrets.
//! `host/runtime/examples/http_json.rs` is a backend over HTTPS in a complete host.
//!
//! # Modules
//!
//! - [`capability`]: the capability language, all of `far-capability`: declarations, grants, and
//!   the check of a task's permissions, `declared ∩ granted ∩ permitted`.
//! - [`memory`]: the only type that holds a secret's bytes; all of `far-memory`.
//! - [`provider`]: the trait that a backend implements.
//! - [`broker`]: the only path from a task to a value, in six steps.
//! - [`jwt`]: tokens, signed under a secret.
//! - [`pal`]: the Process Activity Log, whose events cannot hold a value.
//! - [`single_flight`]: one request for concurrent callers with the same key.
//! - [`clock`]: the only source of the current time.
//!
//! Some items are public for `far-runtime` only, and hidden from this documentation: the context
//! and the session of a task, the values that tasks share, and redaction of output. [`broker`]
//! explains why.
//!
//! # Invariants
//!
//! - Only [`broker`] calls a [`provider::SecretProvider`], and only after the capability check.
//! - No event type has a field for a value, or for text that a guest chose.
//! - Decisions use monotonic time. Wall-clock time is for display, and for the claims of tokens.

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
