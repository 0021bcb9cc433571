//! The `far` command, to the letter: what it prints on stdout and stderr, and its exit code. A folder or file per
//! subcommand.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod audit;
mod authorities;
mod canary;
mod check;
mod component;
mod database;
mod diff;
mod embed;
mod fixture;
mod inspect;
mod manual;
mod masks;
mod new;
mod run;
mod running;
mod secrets;
mod vault;
