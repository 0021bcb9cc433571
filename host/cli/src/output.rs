//! What the command prints in the end: the output or what went wrong; for `--json`, one object for either.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use far_core::pal::LogLevel;
use far_runtime::{End, LogEntry, LogSource, Refusal, Report};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use serde_json::{Value, json};

use crate::args;
use crate::escape::{escape, escape_json};
use crate::exit;
use crate::failure::Failure;

/// How the command prints.
pub(crate) struct Output {
    /// One JSON object on stdout.
    pub(crate) json: bool,
}

impl Output {
    /// Prints how it went, and picks the exit code.
    pub(crate) fn finish(&self, result: Result<Report, Failure>) -> ExitCode {
        let code = match &result {
            Ok(report) => exit::code(report.end.outcome()),
            Err(failure) => failure.code(),
        };
        let printed = match &result {
            _ if self.json => print_json(&result, code),
            Ok(report) => print_report(report),
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

fn print_report(report: &Report) -> io::Result<()> {
    let mut lines = String::new();
    for entry in &report.log {
        for line in entry.text.lines() {
            lines.push_str(&format!("skill {}: {}\n", source(entry), escape(line)));
        }
    }
    if report.log_discarded > 0 {
        lines.push_str(&format!("skill log: {} more bytes discarded\n", report.log_discarded));
    }
    if let Some((message, help)) = problem(&report.end) {
        lines.push_str(&format!("error: {message}\n"));
        help.inspect(|help| lines.push_str(&format!("  help: {help}\n")));
    }
    stderr(&lines);
    let End::Completed(output) = &report.end else { return Ok(()) };
    let mut stdout = io::stdout().lock();
    if stdout.is_terminal() {
        writeln!(stdout, "{}", escape(&String::from_utf8_lossy(output)))?;
    } else {
        stdout.write_all(output)?;
    }
    stdout.flush()
}

fn print_failure(failure: &Failure) {
    // Configuration is shown with the line that is wrong; that is what the renderer is for.
    if let Failure::Config(error) = failure {
        let theme = if args::colours() { GraphicalTheme::unicode() } else { GraphicalTheme::none() };
        let mut text = String::new();
        let renderer = GraphicalReportHandler::new_themed(theme).with_width(100);
        if renderer.render_report(&mut text, error as &dyn Diagnostic).is_ok() {
            stderr(&text);
            return;
        }
    }
    let mut text = format!("error: {failure}\n");
    causes(failure).for_each(|cause| text.push_str(&format!("  cause: {cause}\n")));
    failure.help().inspect(|help| text.push_str(&format!("  help: {help}\n")));
    stderr(&text);
}

/// What is behind a failure, outermost first, without what the message says already.
fn causes(failure: &Failure) -> impl Iterator<Item = String> {
    let message = failure.to_string();
    let source = std::error::Error::source(failure);
    std::iter::successors(source, |error| error.source())
        .map(|error| escape(&error.to_string()))
        .filter(move |cause| !message.contains(cause.as_str()))
}

/// Where stderr does not take it, there is no other place to say so.
fn stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

fn print_json(result: &Result<Report, Failure>, code: u8) -> io::Result<()> {
    let object = match result {
        Ok(report) => report_json(report, code),
        Err(failure) => json!({
            "outcome": failure.outcome(),
            "exit_code": code,
            "error": {
                "kind": failure.kind(),
                "message": failure.to_string(),
                "causes": causes(failure).collect::<Vec<_>>(),
                "help": failure.help(),
            },
        }),
    };
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", escape_json(&object.to_string()))?;
    stdout.flush()
}

fn report_json(report: &Report, code: u8) -> Value {
    let (output, encoding) = match &report.end {
        End::Completed(output) => encode(output),
        _ => (Value::Null, Value::Null),
    };
    let error = problem(&report.end).map(|(message, help)| {
        json!({ "kind": report.end.outcome().as_str(), "message": message, "causes": [], "help": help })
    });
    let log: Vec<_> = report.log.iter().map(|entry| json!({ "source": source(entry), "text": entry.text })).collect();
    json!({
        "outcome": report.end.outcome().as_str(),
        "exit_code": code,
        "task_id": report.task_id,
        "agent_id": report.agent_id,
        "skill": report.skill,
        "skill_digest": report.skill_digest,
        "output": output,
        "output_encoding": encoding,
        "error": error,
        "provider_calls": report.provider_calls,
        "duration_us": u64::try_from(report.duration.as_micros()).unwrap_or(u64::MAX),
        "log": log,
        "log_discarded": report.log_discarded,
    })
}

/// The output as a JSON value: itself if it is JSON, else as text, else in base64; and which of these it is.
fn encode(output: &[u8]) -> (Value, Value) {
    if let Ok(value) = serde_json::from_slice(output) {
        return (value, "json".into());
    }
    match std::str::from_utf8(output) {
        Ok(text) => (text.into(), "text".into()),
        Err(_) => (STANDARD.encode(output).into(), "base64".into()),
    }
}

/// What was wrong, and the next step.
fn problem(end: &End) -> Option<(String, Option<&'static str>)> {
    let problem = match end {
        End::Completed(_) => return None,
        End::SkillError(message) => (format!("the skill failed: {}", escape(message)), None),
        End::BackendUnavailable(message) => (
            format!("the skill failed after a backend had not answered: {}", escape(message)),
            Some("check the provider of the secret; the events say which and why"),
        ),
        End::Trapped(how) => (format!("the skill crashed: {how}"), None),
        End::Violation(violation) => (
            format!("the task was ended: {violation}"),
            Some("a secret must be declared by the skill, granted to the task and permitted by the operator"),
        ),
        End::LimitExceeded(limit) => (
            format!("the task was ended: it went beyond its limit on '{}'", limit.as_str()),
            Some("limits are set under [limits] in a task file"),
        ),
        End::TimedOut => {
            ("the task was ended: its time was over".to_owned(), Some("'timeout' is set under [limits] in a task file"))
        }
        End::Refused(refusal) => (format!("the task is refused: {refusal}"), Some(next_step(refusal))),
        End::AuditUnavailable(unavailable) => (
            format!("the task was ended: {unavailable}: {}", unavailable.0),
            Some("nothing is released without its event; check the file that --pal names"),
        ),
        _ => ("the host failed".to_owned(), Some("this is a defect of far: please report it")),
    };
    Some(problem)
}

fn next_step(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Capability(_) => "grant each secret once, with all its operations",
        Refusal::Gap(_) | Refusal::Reveal => "grant what the skill declares: --grant NAME:OPERATION[,OPERATION]",
        Refusal::Provider { .. } => "add the provider to the configuration, or name another one",
        Refusal::InputTooLarge { .. } | Refusal::Limit(_) => "limits are set under [limits] in a task file",
        _ => "try again",
    }
}

fn source(entry: &LogEntry) -> &'static str {
    match entry.source {
        LogSource::Log(LogLevel::Debug) => "debug",
        LogSource::Log(LogLevel::Info) => "info",
        LogSource::Log(LogLevel::Warn) => "warn",
        LogSource::Log(LogLevel::Error) => "error",
        LogSource::Stdout => "stdout",
        _ => "stderr",
    }
}
