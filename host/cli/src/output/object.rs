//! The object of `--json`, with the same keys for every result.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use far_core::pal::LogLevel;
use far_core::{AgentId, SkillDigest, SkillName, TaskId};
use far_runtime::{End, LogEntry, LogSource, Report};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::messages::explanation::Explanation;
use crate::messages::failure::Failure;

/// The result of a run. Values that exist only for tasks are null without one.
#[derive(Debug, Serialize)]
pub(super) struct Object<'a> {
    outcome: &'static str,
    exit_code: u8,
    task_id: Option<&'a TaskId>,
    agent_id: Option<&'a AgentId>,
    skill: Option<&'a SkillName>,
    skill_digest: Option<SkillDigest>,
    output: Option<Box<RawValue>>,
    output_encoding: Option<&'static str>,
    error: Option<Explanation>,
    provider_calls: u64,
    duration_us: Option<u64>,
    log: Vec<Line<'a>>,
    log_discarded: u64,
}

/// An entry of the task log.
#[derive(Debug, Serialize)]
struct Line<'a> {
    source: &'static str,
    text: &'a str,
}

impl<'a> Object<'a> {
    /// Returns the object of a finished task.
    pub(super) fn of_report(report: &'a Report, exit_code: u8) -> Self {
        let output = match &report.end {
            End::Completed(output) => encode(output),
            _ => None,
        };
        let (output, output_encoding) = output.unzip();
        let line = |entry: &'a LogEntry| Line { source: source(entry), text: &entry.text };
        Self {
            outcome: report.end.outcome().as_str(),
            exit_code,
            task_id: report.task_id.as_ref(),
            agent_id: Some(&report.agent_id),
            skill: report.skill.as_ref(),
            skill_digest: Some(report.skill_digest),
            output,
            output_encoding,
            error: Explanation::of_end(report),
            provider_calls: report.provider_calls,
            duration_us: Some(u64::try_from(report.duration.as_micros()).unwrap_or(u64::MAX)),
            log: report.log.iter().map(line).collect(),
            log_discarded: report.log_discarded,
        }
    }

    /// Returns the object of a run without a task.
    pub(super) fn of_failure(failure: &Failure, exit_code: u8) -> Self {
        Self {
            outcome: failure.outcome(),
            exit_code,
            task_id: None,
            agent_id: None,
            skill: None,
            skill_digest: None,
            output: None,
            output_encoding: None,
            error: Some(Explanation::of_failure(failure)),
            provider_calls: 0,
            duration_us: None,
            log: Vec::new(),
            log_discarded: 0,
        }
    }
}

/// Returns the source of a log entry.
pub(super) fn source(entry: &LogEntry) -> &'static str {
    match entry.source {
        LogSource::Log(LogLevel::Debug) => "debug",
        LogSource::Log(LogLevel::Info) => "info",
        LogSource::Log(LogLevel::Warn) => "warn",
        LogSource::Log(LogLevel::Error) => "error",
        LogSource::Stdout => "stdout",
        _ => "stderr",
    }
}

/// Encodes the output as JSON, as text, or as base64, and returns the encoding.
fn encode(output: &[u8]) -> Option<(Box<RawValue>, &'static str)> {
    let Ok(text) = std::str::from_utf8(output) else {
        return Some((to_raw_value(&STANDARD.encode(output)).ok()?, "base64"));
    };
    // Parsed only as a check. The output keeps the order of keys and the digits of numbers.
    if serde_json::from_str::<Value>(text).is_ok() {
        return Some((RawValue::from_string(on_one_line(text)).ok()?, "json"));
    }
    Some((to_raw_value(text).ok()?, "text"))
}

/// Removes white space outside of strings.
fn on_one_line(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    json.chars()
        .filter(|&character| {
            if in_string {
                in_string = escaped || character != '"';
                escaped = !escaped && character == '\\';
                return true;
            }
            in_string = character == '"';
            !character.is_ascii_whitespace()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(output: &[u8]) -> (String, &'static str) {
        let (value, encoding) = encode(output).unwrap();
        (value.get().to_owned(), encoding)
    }

    #[test]
    fn json_output_is_kept_on_one_line() {
        let output = "\n{ \"b\" : \"a \\\\\\\" \\\\\",\r\n\t\"a\": [ 123456789012345678901234567890, 1.0 ] }\n";
        let expected = r#"{"b":"a \\\" \\","a":[123456789012345678901234567890,1.0]}"#;
        assert_eq!(encoded(output.as_bytes()), (expected.to_owned(), "json"));
    }

    #[test]
    fn other_output_is_text_or_base64() {
        assert_eq!(encoded(b"a \"b\"\n"), (r#""a \"b\"\n""#.to_owned(), "text"));
        assert_eq!(encoded(b""), (r#""""#.to_owned(), "text"));
        assert_eq!(encoded(b"\xff\0"), (r#""/wA=""#.to_owned(), "base64"));
    }

    #[test]
    fn irregular_json_is_text() {
        for output in [format!("{}{}", "[".repeat(1000), "]".repeat(1000)), "1e999".to_owned(), "{}{}".to_owned()] {
            assert_eq!(encoded(output.as_bytes()).1, "text");
        }
    }
}
