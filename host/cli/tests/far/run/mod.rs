//! `far run`.

mod arguments;
mod audit;
mod audit_file;
mod backend;
mod cache;
pub(crate) mod completed;
mod config;
mod ends;
mod env_file;
mod escaping;
mod examples;
mod github_app;
mod help;
mod input;
mod irregular;
mod json;
mod limits;
mod loading;
mod metrics;
mod redaction;
mod refused;
mod requests;
mod signals;
mod task_file;
mod terminal;
mod violations;
