//! Skills that open an issue with a token that they never see, and hostile skills that send it to
//! another host.

use std::path::Path;

use serde_json::Value;

use super::Trial;
use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::proof::Row;
use crate::repository::Repository;

/// The result of opening an issue. The server echoes the token, which the host redacts.
const OPENED: &str = "exit 0, completed, 1 connection, token at server, \
                      {\"number\":7,\"url\":\"https://github.com/t/far/issues/7?t=[redacted:github-token]\"}";
const STOPPED: &str = "exit 3, scope-violation, 0 connections, token nowhere";

/// Runs the skills against a test server in place of GitHub.
pub(super) fn rows(repository: &Repository, issue: &Path, far: &Path, trials: &[Trial]) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for trial in trials {
        let hostile = trial.exfiltrate.iter().map(|skill| ("exfiltrate", skill, STOPPED));
        for (case, skill, expected) in [("issue", &trial.issue, OPENED)].into_iter().chain(hostile) {
            let run = Invocation::new(issue).arg(far).arg(super::cache(repository)).arg(skill);
            let mut seen = String::new();
            let status = run.for_each_line(&repository.root, |line| seen.push_str(&summary(line)))?;
            run.succeeded(status)?;
            rows.push(Row::equal(format!("{}.{case}", trial.language), expected, seen));
        }
    }
    Ok(rows)
}

/// Summarizes a report of the program.
fn summary(line: &str) -> String {
    let report: Value = serde_json::from_str(line).unwrap_or_default();
    let field = |name: &str| match report.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => "absent".to_owned(),
    };
    let connections = match report.get("connections").and_then(Value::as_u64) {
        Some(1) => "1 connection".to_owned(),
        _ => format!("{} connections", field("connections")),
    };
    let places: Vec<_> = report.get("token").and_then(Value::as_array).into_iter().flatten().collect();
    let token = match &places[..] {
        [] => "nowhere".to_owned(),
        places => {
            let names = places.iter().map(|place| place.as_str().unwrap_or_default());
            format!("at {}", names.collect::<Vec<_>>().join(" and "))
        }
    };
    let summary = format!("exit {}, {}, {connections}, token {token}", field("exit"), field("outcome"));
    match report.get("output") {
        Some(Value::Null) | None => summary,
        Some(output) => format!("{summary}, {output}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_is_summarized() {
        let line = r#"{"exit":0,"outcome":"completed","connections":1,"token":["server"],
            "output":{"number":7,"url":"https://github.com/t/far/issues/7?t=[redacted:github-token]"}}"#;
        assert_eq!(summary(line), OPENED);
        let line = r#"{"exit":3,"outcome":"scope-violation","connections":0,"token":[],"output":null}"#;
        assert_eq!(summary(line), STOPPED);
    }

    #[test]
    fn unexpected_report_is_summarized() {
        let line = r#"{"exit":0,"outcome":"completed","connections":2,"token":["server","stderr"],"output":"x"}"#;
        assert_eq!(summary(line), "exit 0, completed, 2 connections, token at server and stderr, \"x\"");
        assert_eq!(summary("no JSON"), "exit absent, absent, absent connections, token nowhere");
    }
}
