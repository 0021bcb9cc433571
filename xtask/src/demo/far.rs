//! Running `far`, and reading what it reports: the one place that knows the form of its report and of its events.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::search::Place;
use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::repository::Repository;

/// What all runs have in common.
pub(crate) struct Far<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) program: &'a Path,
    pub(crate) env_file: &'a Path,
    /// Where events are written to.
    pub(crate) folder: &'a Path,
    /// Where compiled skills are kept, if they are.
    pub(crate) cache: Option<&'a Path>,
}

impl Far<'_> {
    /// Runs a skill with one grant, showing the command and all that it prints.
    pub(crate) fn run(&self, skill: &Path, grant: &str, input: Option<&str>, pal: &str) -> Result<Ran, Failure> {
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
        Ok(Ran {
            exit,
            report: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            printed: vec![
                Place { name: format!("stdout of {skill}"), bytes: output.stdout },
                Place { name: format!("stderr of {skill}"), bytes: output.stderr },
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

/// A run that is over.
pub(crate) struct Ran {
    /// The exit code, or how else it ended.
    pub(crate) exit: String,
    pub(super) printed: Vec<Place>,
    report: Value,
    pal: PathBuf,
}

impl Ran {
    /// How the task ended.
    pub(crate) fn outcome(&self) -> String {
        field(&self.report, "/outcome")
    }

    /// How often a backend was asked.
    pub(crate) fn provider_calls(&self) -> String {
        field(&self.report, "/provider_calls")
    }

    /// The skill's whole output.
    pub(crate) fn whole_output(&self) -> String {
        field(&self.report, "/output")
    }

    /// What went wrong.
    pub(crate) fn error(&self) -> String {
        field(&self.report, "/error/message")
    }

    /// A field of the skill's output.
    pub(crate) fn output(&self, name: &str) -> String {
        field(&self.report, &format!("/output/{name}"))
    }

    /// The kinds of the recorded events, in order.
    pub(crate) fn events(&self) -> Result<Vec<String>, Failure> {
        let text =
            std::fs::read_to_string(&self.pal).or_failure(format!("read the events in {}", self.pal.display()))?;
        kinds(&text).or_failure(format!("understand the events in {}", self.pal.display()))
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

    fn ran(report: Value) -> Ran {
        Ran { exit: "3".to_owned(), printed: Vec::new(), report, pal: "absent.jsonl".into() }
    }

    #[test]
    fn a_report_is_read_by_its_fields() {
        let ran = ran(json!({ "outcome": "completed", "provider_calls": 1, "output": { "valid": true } }));
        assert_eq!(ran.outcome(), "completed");
        assert_eq!(ran.provider_calls(), "1");
        assert_eq!(ran.output("valid"), "true");
    }

    #[test]
    fn what_is_not_reported_is_told_from_any_value() {
        for report in [Value::Null, json!({}), json!({ "output": null })] {
            let ran = ran(report);
            assert_eq!([ran.outcome(), ran.provider_calls(), ran.output("valid")], ["absent", "absent", "absent"]);
        }
    }

    #[test]
    fn events_are_read_by_kind_and_what_is_no_event_is_an_error() {
        let events = "{\"v\":1,\"event\":\"task.started\"}\n{\"v\":1,\"event\":\"secret.denied\"}\n";
        assert_eq!(kinds(events).unwrap(), ["task.started", "secret.denied"]);
        assert!(kinds("{\"event\":\"task.started\"}\ncut o").is_err());
        assert!(ran(Value::Null).events().is_err(), "a file that is not there is not an empty one");
    }
}
