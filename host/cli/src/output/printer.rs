//! The printer, the only writer to stdout and stderr.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

use far_core::pal::{Format as EventFormat, WriterSink};
use far_runtime::End;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use rustix::termios::tcgetwinsize;
use serde::Serialize;
use serde_json::Value;

use super::object::{Object, source};
use super::run_result::RunResult;
use super::style::Style;
use crate::config::environment;
use crate::escape::{escape, escape_json, escape_lines};
use crate::messages::explanation::Explanation;
use crate::messages::failure::Failure;
use crate::messages::notice::Notice;

/// The maximum width of a report in columns, and the width for a terminal of unknown size.
const WIDTH_MAX: usize = 100;
/// The minimum width of a report, in columns.
const WIDTH_MIN: usize = 40;

/// Output formats.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Format {
    /// Text for people.
    Human,
    /// One JSON object on stdout, and events as JSON lines on stderr.
    Json,
}

/// The output of a command, for people and programs.
pub(crate) trait CommandOutput {
    /// Returns the text for people.
    fn text(&self) -> String;

    /// Returns the problems, which are printed to stderr for people.
    fn problems(&self) -> Vec<Explanation>;

    /// Returns the object for programs, which includes the problems.
    fn object(&self) -> Value;

    /// Returns the exit code.
    fn code(&self) -> u8;
}

/// Prints the output of a command.
pub(crate) struct Printer {
    format: Format,
    /// The style of stderr; stdout has neither colors nor drawings.
    style: Style,
    is_stdout_terminal: bool,
    is_stderr_terminal: bool,
    /// The width of a report on stderr, in columns.
    width: usize,
}

impl Printer {
    /// Creates a printer for the process's stdout and stderr.
    pub(crate) fn new(format: Format) -> Self {
        let is_stderr_terminal = io::stderr().is_terminal();
        Self {
            format,
            style: Style::of(is_stderr_terminal, environment::terminal),
            is_stdout_terminal: io::stdout().is_terminal(),
            is_stderr_terminal,
            width: width(),
        }
    }

    /// Starts a sink that shows events on stderr.
    ///
    /// # Errors
    ///
    /// Its thread could not be started.
    pub(crate) fn events(&self) -> io::Result<Arc<WriterSink>> {
        let format = match self.format {
            Format::Human => EventFormat::Text,
            Format::Json => EventFormat::JsonLines,
        };
        WriterSink::spawn(io::stderr(), format)
    }

    /// Prints text to stdout at once.
    ///
    /// # Errors
    ///
    /// [`Failure::Stdout`].
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        write(text.as_bytes()).map_err(Failure::Stdout)
    }

    /// Prints text to stderr.
    pub(crate) fn note(&self, text: &str) {
        // An error on stderr cannot be reported anywhere.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Prints a notice to stderr.
    pub(crate) fn notice(&self, notice: &Notice) {
        let line = match self.format {
            Format::Human => escape(&notice.text),
            Format::Json => escape_json(&notice.object.to_string()),
        };
        self.note(&format!("{line}\n"));
    }

    /// Prints the output of a command, and returns its exit code.
    ///
    /// # Errors
    ///
    /// [`Failure::Stdout`].
    pub(crate) fn output(&self, output: &impl CommandOutput) -> Result<u8, Failure> {
        match self.format {
            Format::Json => self.object(&output.object())?,
            Format::Human => {
                self.print(&output.text())?;
                self.note(&output.problems().iter().map(Explanation::lines).collect::<String>());
            }
        }
        Ok(output.code())
    }

    /// Prints the result of a run, and returns the exit code.
    pub(crate) fn run_result(&self, run_result: &RunResult) -> u8 {
        let code = run_result.code();
        let printed = match self.format {
            Format::Json => self.object(&Object::of_report(&run_result.report, code)),
            Format::Human => self.report(run_result).map_err(Failure::Stdout),
        };
        self.code(code, printed)
    }

    /// Prints the failure of a command, if it failed, and returns the exit code.
    pub(crate) fn finish(&self, result: Result<u8, Failure>) -> ExitCode {
        ExitCode::from(result.unwrap_or_else(|failure| {
            let code = failure.code();
            let printed = match self.format {
                Format::Json => self.object(&Object::of_failure(&failure, code)),
                Format::Human => {
                    self.failure(&failure);
                    Ok(())
                }
            };
            self.code(code, printed)
        }))
    }

    /// Returns the exit code, which accounts for an error of printing.
    fn code(&self, code: u8, printed: Result<(), Failure>) -> u8 {
        match printed {
            Ok(()) => code,
            Err(failure) => {
                self.failure(&failure);
                // The outcome of the task takes precedence over an output error.
                if code == 0 { failure.code() } else { code }
            }
        }
    }

    fn object(&self, object: &impl Serialize) -> Result<(), Failure> {
        let json = serde_json::to_string(object).map_err(|error| Failure::Stdout(error.into()))?;
        self.print(&format!("{}\n", escape_json(&json)))
    }

    fn report(&self, RunResult { report, .. }: &RunResult) -> io::Result<()> {
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
        self.note(&lines);
        match &report.end {
            End::Completed(output) if self.is_stdout_terminal => {
                write(format!("{}\n", escape_lines(&String::from_utf8_lossy(output))).as_bytes())
            }
            End::Completed(output) => write(output),
            _ => Ok(()),
        }
    }

    fn failure(&self, failure: &Failure) {
        // A terminal gets a drawing of the wrong line; other readers get one line with its
        // position.
        let drawn = (self.is_stderr_terminal && failure.source_code().is_some()).then(|| self.drawn(failure));
        self.note(&drawn.flatten().unwrap_or_else(|| Explanation::of_failure(failure).lines()));
    }

    /// Draws a failure with the wrong line.
    fn drawn(&self, failure: &Failure) -> Option<String> {
        let theme = match self.style {
            Style { color: true, unicode: true } => GraphicalTheme::unicode(),
            Style { color: false, unicode: true } => GraphicalTheme::unicode_nocolor(),
            Style { color: true, unicode: false } => GraphicalTheme::ascii(),
            Style { color: false, unicode: false } => GraphicalTheme::none(),
        };
        let mut text = String::new();
        let renderer = GraphicalReportHandler::new_themed(theme).with_width(self.width);
        renderer.render_report(&mut text, failure).ok()?;
        Some(text)
    }
}

/// Writes to stdout at once.
fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Returns the width of the terminal on stderr, within bounds.
fn width() -> usize {
    let columns = tcgetwinsize(io::stderr()).map_or(0, |size| usize::from(size.ws_col));
    if columns == 0 { WIDTH_MAX } else { columns.clamp(WIDTH_MIN, WIDTH_MAX) }
}
