//! Runs `far` and parses its report and its events.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::search::Haystack;
use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::repository::Repository;

/// The common arguments of all runs.
pub(crate) struct Far<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) program: &'a Path,
    pub(crate) env_file: &'a Path,
    /// The folder for event files.
    pub(crate) folder: &'a Path,
    /// The folder of compiled skills; `None` disables the cache.
    pub(crate) cache: Option<&'a Path>,
}

impl Far<'_> {
    /// Runs a skill with one grant, and prints the command and its output.
    pub(crate) fn run(&self, skill: &Path, grant: &str, input: Option<&str>, pal: &str) -> Result<FarOutput, Failure> {
        let pal = self.folder.join(pal);
        let mut run = Invocation::new(self.program).arg("run").arg(skill).arg("--grant").arg(grant);
        run = run.arg("--env-file").arg(self.env_file);
        if let Some(input) = input {
            run = run.arg("--input").arg(input);
        }
        run = match self.cache {
            Some(cache) => run.arg("--cache").arg(cache),
            None => run.arg("--no-cache"),
        };
        run = run.arg("--allow-swap").arg("--json").arg("--pal").arg(&pal);
        println!("$ {run}");
        let output = run.output(&self.repository.root)?;
        show("stdout", &output.stdout);
        show("stderr", &output.stderr);
        let exit = output.status.code().map_or_else(|| output.status.to_string(), |code| code.to_string());
        println!("  exit code {exit}");
        let skill = skill.file_stem().unwrap_or(OsStr::new("skill")).to_string_lossy();
        Ok(FarOutput {
            exit,
            report: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            printed: vec![
                Haystack { name: format!("stdout of {skill}"), bytes: output.stdout },
                Haystack { name: format!("stderr of {skill}"), bytes: output.stderr },
            ],
            pal,
        })
    }
}

fn show(stream: &str, bytes: &[u8]) {
    for line in String::from_utf8_lossy(bytes).lines() {
        println!("  {stream} | {line}");
    }
}

/// The output of a finished run.
pub(crate) struct FarOutput {
    /// The exit code, or the signal that ended the process.
    pub(crate) exit: String,
    pub(super) printed: Vec<Haystack>,
    report: Value,
    pal: PathBuf,
}

impl FarOutput {
    /// Returns the outcome of the task.
    pub(crate) fn outcome(&self) -> String {
        field(&self.report, "/outcome")
    }

    /// Returns the number of calls of the provider.
    pub(crate) fn provider_calls(&self) -> String {
        field(&self.report, "/provider_calls")
    }

    /// Returns the whole output of the skill.
    pub(crate) fn whole_output(&self) -> String {
        field(&self.report, "/output")
    }

    /// Returns the error message.
    pub(crate) fn error(&self) -> String {
        field(&self.report, "/error/message")
    }

    /// Returns a field of the skill's output.
    pub(crate) fn output(&self, name: &str) -> String {
        field(&self.report, &format!("/output/{name}"))
    }

    /// Returns the kinds of the recorded events, in order.
    pub(crate) fn events(&self) -> Result<Vec<String>, Failure> {
        let text =
            std::fs::read_to_string(&self.pal).or_failure(format!("read the events in {}", self.pal.display()))?;
        kinds(&text).or_failure(format!("parse the events in {}", self.pal.display()))
    }
}

fn field(report: &Value, pointer: &str) -> String {
    match report.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => "absent".to_owned(),
    }
}

fn kinds(events: &str) -> Result<Vec<String>, serde_json::Error> {
    events.lines().map(|line| Ok(field(&serde_json::from_str(line)?, "/event"))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn output(report: Value) -> FarOutput {
        FarOutput { exit: "3".to_owned(), printed: Vec::new(), report, pal: "absent.jsonl".into() }
    }

    #[test]
    fn report_fields_are_returned() {
        let output = output(json!({ "outcome": "completed", "provider_calls": 1, "output": { "valid": true } }));
        assert_eq!(output.outcome(), "completed");
        assert_eq!(output.provider_calls(), "1");
        assert_eq!(output.output("valid"), "true");
    }

    #[test]
    fn missing_fields_are_absent() {
        for report in [Value::Null, json!({}), json!({ "output": null })] {
            let output = output(report);
            assert_eq!([output.outcome(), output.provider_calls(), output.output("valid")], ["absent"; 3]);
        }
    }

    #[test]
    fn event_kinds_are_parsed_strictly() {
        let events = "{\"v\":1,\"event\":\"task.started\"}\n{\"v\":1,\"event\":\"secret.denied\"}\n";
        assert_eq!(kinds(events).unwrap(), ["task.started", "secret.denied"]);
        assert!(kinds("{\"event\":\"task.started\"}\ncut o").is_err());
        assert!(output(Value::Null).events().is_err(), "a missing file is not an empty file");
    }
}
