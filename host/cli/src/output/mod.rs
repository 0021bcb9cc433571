//! The output of commands, for people or programs. No other module writes to stdout or stderr.

mod object;
pub(crate) mod printer;
pub(crate) mod run_result;
mod style;
