//! `far run`, to the letter: what it prints on stdout and stderr, and its exit code.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod arguments;
mod audit;
mod audit_file;
mod backend;
mod cache;
mod canary;
mod completed;
mod config;
mod ends;
mod env_file;
mod escaping;
mod fixture;
mod help;
mod input;
mod json;
mod masks;
mod redaction;
mod refused;
mod signals;
mod task_file;
mod terminal;
mod violations;
