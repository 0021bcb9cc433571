//! The texts for people: every error, warning and note of the command line beside the step that
//! follows from it.
//!
//! The texts of libraries stay with their errors; a failure forwards them. Reports on stdout are
//! made by their subcommands.

pub(crate) mod config;
pub(crate) mod control;
pub(crate) mod explanation;
pub(crate) mod failure;
mod kind;
pub(crate) mod notice;
pub(crate) mod problem;
pub(crate) mod resource;
mod task;
