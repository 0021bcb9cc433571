//! The output of commands, for people or for programs. Nothing else writes to stdout or stderr.

pub(crate) mod ended;
mod object;
pub(crate) mod printer;
mod style;
