//! What the command prints in the end: the output or what went wrong; for `--json`, one object for either.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use far_core::pal::LogLevel;
use far_runtime::{End, LogEntry, LogSource, Report};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use crate::args;
use crate::escape::{escape, escape_json, escape_lines};
use crate::exit;
use crate::explanation::Explanation;
use crate::failure::Failure;
use crate::object::Object;
use crate::run::Ended;

/// How the command prints.
pub(crate) struct Output {
    /// One JSON object on stdout.
    pub(crate) json: bool,
}

impl Output {
    /// Prints how it went, and picks the exit code.
    pub(crate) fn finish(&self, result: &Result<Ended, Failure>) -> ExitCode {
        let code = match result {
            Ok(Ended { report, signal }) => exit::code(report.end.outcome(), *signal),
            Err(failure) => failure.code(),
        };
        let printed = match result {
            Ok(Ended { report, .. }) if self.json => print_json(&Object::of_report(report, code)),
            Err(failure) if self.json => print_json(&Object::of_failure(failure, code)),
            Ok(Ended { report, .. }) => print_report(report),
            Err(failure) => {
                print_failure(failure);
                Ok(())
            }
        };
        match printed {
            Ok(()) => ExitCode::from(code),
            Err(error) => {
                let failure = Failure::Stdout(error);
                print_failure(&failure);
                // What the task came to counts before who could not be told of it.
                ExitCode::from(if code == 0 { failure.code() } else { code })
            }
        }
    }
}

/// Where stderr does not take it, there is no other place to say so.
pub(crate) fn stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Prints to stdout, at once.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Failure::Stdout)
}

/// Prints one object to stdout, on a line of its own.
pub(crate) fn print_object(object: &serde_json::Value) -> Result<(), Failure> {
    print(&format!("{}\n", escape_json(&object.to_string())))
}

/// Where a piece of the task log came from.
pub(crate) fn source(entry: &LogEntry) -> &'static str {
    match entry.source {
        LogSource::Log(LogLevel::Debug) => "debug",
        LogSource::Log(LogLevel::Info) => "info",
        LogSource::Log(LogLevel::Warn) => "warn",
        LogSource::Log(LogLevel::Error) => "error",
        LogSource::Stdout => "stdout",
        _ => "stderr",
    }
}

fn print_json(object: &Object<'_>) -> io::Result<()> {
    let json = serde_json::to_string(object)?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", escape_json(&json))?;
    stdout.flush()
}

fn print_report(report: &Report) -> io::Result<()> {
    let mut lines = String::new();
    for entry in &report.log {
        for line in entry.text.lines() {
            let line = format!("skill {}: {}", source(entry), escape(line));
            lines.push_str(line.trim_end());
            lines.push('\n');
        }
    }
    if report.log_discarded > 0 {
        lines.push_str(&format!("skill log: {} more bytes discarded\n", report.log_discarded));
    }
    if let Some(explanation) = Explanation::of_end(report) {
        lines.push_str(&explanation.lines());
    }
    stderr(&lines);
    let End::Completed(output) = &report.end else { return Ok(()) };
    let mut stdout = io::stdout().lock();
    if stdout.is_terminal() {
        writeln!(stdout, "{}", escape_lines(&String::from_utf8_lossy(output)))?;
    } else {
        stdout.write_all(output)?;
    }
    stdout.flush()
}

fn print_failure(failure: &Failure) {
    // Who looks at a terminal is shown the line that is wrong; other readers, and searches, get one line with its place.
    match failure {
        Failure::Config(error) if error.source_code().is_some() && io::stderr().is_terminal() => {
            let theme = if args::colours() { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
            let mut text = String::new();
            let renderer = GraphicalReportHandler::new_themed(theme).with_width(100);
            match renderer.render_report(&mut text, error as &dyn Diagnostic) {
                Ok(()) => stderr(&text),
                Err(_) => stderr(&Explanation::of_failure(failure).lines()),
            }
        }
        _ => stderr(&Explanation::of_failure(failure).lines()),
    }
}
