//! The core of `far`: what a skill may use, where a value is, and what is recorded of it.
//!
//! This crate decides and keeps; it runs no component and opens no connection. Its rooms:
//!
//! - [`capability`]: what a task may use — `declared ∩ granted ∩ permitted` — as a pure check, of `far-capability`.
//! - [`declaration`]: what a skill's author declares.
//! - [`memory`]: the only type that holds a secret's bytes; all of `far-memory`.
//! - [`provider`]: the trait that a backend implements.
//! - [`broker`]: the one way from a task to a value, in six steps.
//! - [`jwt`]: tokens, signed under a secret.
//! - [`redaction`]: what leaves a task, without the values that it was given.
//! - [`pal`]: the Process Activity Log, whose events cannot hold a value.
//! - [`guard`]: the list of what stands against attacks.
//! - [`thread`]: threads whose stacks the environment does not size.
//!
//! # Invariants
//!
//! - Only [`broker`] calls a [`provider::SecretProvider`], and only after the capability check.
//! - No event type has a field that a value, or text chosen by a guest, fits into.
//! - Time is monotonic wherever it decides anything; wall-clock time is for display, and for
//!   what tokens say to others.

#![forbid(unsafe_code)]

pub mod broker;
pub mod context;
pub mod declaration;
pub mod jwt;
pub mod pal;
pub mod provider;
pub mod redaction;
pub mod secret;
mod task_id;
pub mod thread;

pub use context::TaskContext;
pub use far_capability as capability;
pub use far_capability::guard;
pub use far_capability::{
    AgentId, ProviderId, SecretName, SkillDigest, SkillName, TaskId, ToolName, Version, VersionSelector,
};
pub use far_memory as memory;
pub use secret::Secret;
pub use task_id::random_task_id;
