//! The exact output and exit codes of the `far` command. A folder or file for each subcommand.
#![expect(clippy::unwrap_used, reason = "a failed setup is a failed test")]

mod audit;
mod authorities;
mod canary;
mod check;
mod component;
mod database;
mod diff;
mod embed;
mod explain;
mod fixture;
mod inspect;
mod manual;
mod masks;
mod new;
mod run;
mod running;
mod secrets;
mod vault;
