//! The texts for people: every error, warning and note of the command line, with its help.
//!
//! Libraries define the texts of their errors; a failure forwards them. Subcommands format their
//! reports on stdout.

pub(crate) mod config;
pub(crate) mod control;
pub(crate) mod explanation;
pub(crate) mod failure;
pub(crate) mod kind;
pub(crate) mod notice;
pub(crate) mod problem;
pub(crate) mod resource;
mod task;

/// Formats a number with its noun, such as `1 file` or `2 files`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
