//! The files that people write: `far.toml`, the operator's; the task file, the scheduler's; a review's [`policy`]; and
//! the little that is read of the [`environment`].
//!
//! A file is read in three steps: its [`source`] (who may have written it, how large it is, whether it is text), its
//! [`document`] (TOML or [`json`], every value with its place), and its meaning ([`far_toml`], [`task_file`],
//! [`policy`]), which takes values from the document by way of the [`reader`].
//!
//! # Invariants
//!
//! - Nothing is skipped: a key that is not known is an error, and one that only a later version knows is a different
//!   error, so that no restriction that somebody wrote down is silently not in force.
//! - An error about a file's content says which key, in which line and column, and what to write instead.
//! - No file is looked for: paths are arguments. These files hold no secret values, so errors may quote them.

pub(crate) mod content;
mod document;
pub(crate) mod environment;
mod far_toml;
pub mod internal;
mod json;
pub(crate) mod policy;
mod reader;
mod source;
mod task_file;
mod terms;
mod units;

pub(crate) use far_toml::{EgressConfig, FarToml, ProviderConfig, ProviderKind, RecipeConfig};
pub(crate) use reader::nearest;
pub(crate) use source::{open_trusted_folder, read_authorities, read_authority_of};
pub(crate) use task_file::{LimitsConfig, TaskFile};
