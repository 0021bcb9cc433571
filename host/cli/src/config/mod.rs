//! Configuration files: `far.toml` of the operator, the task file of the scheduler, and the
//! [`policy`] of a review. Also access to the [`environment`].
//!
//! A file is read in three steps. [`source`] checks ownership, size and encoding. [`document`] and
//! [`json`] parse TOML and JSON into values with positions. [`far_toml`], [`task_file`] and
//! [`policy`] interpret the values through the [`reader`].
//!
//! # Invariants
//!
//! - No key is ignored: unknown keys are errors, and so are keys of later versions. A written
//!   restriction is never silently without effect.
//! - An error about a file's content names key, line and column, and a correction.
//! - Files are never searched for: paths are arguments. These files hold no secret values, so
//!   errors may quote them.

pub(crate) mod content;
mod document;
pub(crate) mod environment;
pub(crate) mod far_toml;
pub mod internal;
mod json;
mod key;
pub(crate) mod policy;
mod reader;
mod source;
pub(crate) mod task_file;
mod terms;
mod units;

pub(crate) use far_toml::{EgressConfig, FarToml, ProviderConfig, ProviderKind, RecipeConfig};
pub(crate) use key::{Key, Keys};
pub(crate) use reader::nearest;
pub(crate) use source::{open_trusted_folder, read_authorities, read_authority_of};
pub(crate) use task_file::{LimitsConfig, TaskFile};
