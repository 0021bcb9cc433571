//! Entry points for fuzzing: the parsers of configuration files, without a file. Not part of the
//! crate's interface.

use std::path::Path;
use std::time::Duration;

use far_core::capability::{Catalog, Destination, Grant};
use miette::{GraphicalReportHandler, GraphicalTheme};

use super::far_toml::FarToml;
use super::source::{Format, Source};
use super::task_file::TaskFile;
use crate::messages::config::ConfigError;

/// The largest file that is read, in bytes.
pub const MAX_LEN: usize = super::source::MAX_LEN;

/// The error of a refused file: on one line, and as a terminal shows it.
#[derive(Debug)]
pub struct ParseFailure {
    /// The message with its position, such as `far.toml:12:1: `.
    pub line: String,
    /// The whole report.
    pub report: String,
}

/// The parts of a task file that a fuzz target looks at.
#[derive(Debug)]
pub struct Task {
    /// The grants.
    pub grants: Vec<Grant>,
    /// The destinations without a secret.
    pub egress: Vec<Destination>,
    /// The input, as JSON.
    pub input: Option<Vec<u8>>,
    /// The timeout.
    pub timeout: Option<Duration>,
    /// The limits that are counts or sizes, as far as they are set.
    pub limits: Vec<u64>,
}

/// The parts of `far.toml` that a fuzz target looks at.
#[derive(Debug)]
pub struct Operator {
    /// The catalog.
    pub catalog: Catalog,
    /// The destinations without a secret.
    pub egress: Vec<Destination>,
}

/// Parses a `far.toml`.
///
/// # Errors
///
/// [`ParseFailure`].
pub fn far_toml(text: &str) -> Result<Operator, ParseFailure> {
    let source = Source::new(Path::new("far.toml"), text.to_owned(), Format::Toml);
    let file = FarToml::of(&source).map_err(|error| refused(&error))?;
    Ok(Operator { catalog: file.catalog, egress: file.egress.destinations })
}

/// Parses a task file.
///
/// # Errors
///
/// [`ParseFailure`].
pub fn task_file(text: &str, json: bool) -> Result<Task, ParseFailure> {
    let (name, format) = if json { ("task.json", Format::Json) } else { ("task.toml", Format::Toml) };
    let source = Source::new(Path::new(name), text.to_owned(), format);
    let TaskFile { grants, egress, input, limits, .. } = TaskFile::of(&source).map_err(|error| refused(&error))?;
    let counts = [
        limits.memory,
        limits.input,
        limits.output,
        limits.log,
        limits.host_calls,
        limits.requests,
        limits.request_body,
        limits.response_body,
    ];
    Ok(Task { grants, egress, input, timeout: limits.timeout, limits: counts.into_iter().flatten().collect() })
}

fn refused(error: &ConfigError) -> ParseFailure {
    let mut report = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
    // Writing to a string does not fail.
    let _ = handler.render_report(&mut report, error);
    ParseFailure { line: format!("{error:#}"), report }
}
