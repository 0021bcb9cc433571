//! `cargo xtask demo`: shows the main use case, from a fresh checkout.
//!
//! A skill verifies a webhook with a secret that it never sees. Another skill requests a secret
//! that it was not granted, and the host ends its task before it calls a provider. All output and
//! files are then searched for both values.

pub(crate) mod far;
mod search;

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use self::far::{Far, FarOutput};
use self::search::{Haystack, NamedNeedle};
use crate::artifacts::{self, Skills};
use crate::failure::{Failure, OrFailure};
use crate::proof::{Proof, Row};
use crate::repository::Repository;
use crate::setup;

/// The secret, payload and signature of the example in GitHub's documentation.
/// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
const WEBHOOK_SECRET: &str = "It's a Secret to Everybody";
pub(crate) const DELIVERY: &str = r#"{"payload":"Hello, World!","signature":"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}"#;
/// The grant of both skills.
pub(crate) const GRANT: &str = "github-webhook-secret:sign";

/// Runs the demo.
///
/// # Errors
///
/// Fails if a result differs from the expected one.
pub(crate) fn run(repository: &Repository, json: Option<&Path>) -> Result<(), Failure> {
    let shown = show(repository);
    let rows = shown.as_ref().map_or_else(|failure| vec![Row::failed("demo", failure)], Vec::clone);
    let proof = Proof { command: "cargo xtask demo", rows };
    if let Some(path) = json {
        proof.write_json(path, repository)?;
    }
    shown?;
    println!("\n{}", proof.table());
    proof.conclude().map_err(|failure| failure.or_next("the commands and their output are above"))
}

fn show(repository: &Repository) -> Result<Vec<Row>, Failure> {
    step(1, "install the compilation target");
    setup::run(repository)?;

    step(2, "build `far` and the skills");
    let program = artifacts::far(repository)?;
    let skills = Skills::build(repository)?;
    let (webhook, snoop) = (skills.component("github_webhook")?, skills.component("snoop")?);

    step(3, "write two secrets to an owner-only .env");
    let workdir = WorkDir::create()?;
    println!("{}", workdir.env_file.display());
    let far = Far { repository, program: &program, env_file: &workdir.env_file, folder: &workdir.written, cache: None };

    step(4, "run a skill that verifies a webhook with a secret that it never sees");
    let verified = far.run(webhook, GRANT, Some(DELIVERY), "pal-webhook.jsonl")?;

    step(5, "run a skill that requests a secret that it was not granted");
    let snooped = far.run(snoop, GRANT, None, "pal-snoop.jsonl")?;

    step(6, "search all output and files for both values");
    let mut rows = verification(&verified);
    rows.extend(violation(&snooped));
    rows.extend(workdir.search([verified, snooped])?);
    Ok(rows)
}

fn step(number: u8, name: &str) {
    println!("\n[{number}/6] {name}");
}

fn verification(run: &FarOutput) -> Vec<Row> {
    vec![
        Row::equal("webhook.exit-code", 0, &run.exit),
        Row::equal("webhook.outcome", "completed", run.outcome()),
        Row::equal("webhook.output.valid", true, run.output("valid")),
        Row::equal("webhook.provider-calls", 1, run.provider_calls()),
        Row::equal(
            "webhook.events",
            "secret.requested, secret.signed",
            recorded(run.events(), &["secret.requested", "secret.signed", "secret.denied", "secret.revealed"]),
        ),
    ]
}

fn violation(run: &FarOutput) -> Vec<Row> {
    vec![
        Row::equal("snoop.exit-code", 3, &run.exit),
        Row::equal("snoop.outcome", "scope-violation", run.outcome()),
        Row::equal("snoop.output", "absent", run.output("escaped")),
        Row::equal("snoop.provider-calls", 0, run.provider_calls()),
        Row::equal(
            "snoop.events",
            "secret.denied",
            recorded(run.events(), &["secret.requested", "secret.denied", "secret.injected"]),
        ),
    ]
}

/// Lists the recorded kinds among `kinds`, or the failure to read the events.
fn recorded(events: Result<Vec<String>, Failure>, kinds: &[&str]) -> String {
    let events = match events {
        Ok(events) => events,
        Err(failure) => return failure.message().to_owned(),
    };
    let recorded: Vec<_> = kinds.iter().filter(|kind| events.iter().any(|event| event == *kind)).copied().collect();
    if recorded.is_empty() { "none".to_owned() } else { recorded.join(", ") }
}

/// A temporary folder with the secrets and a subfolder for written files. It is removed on drop.
pub(crate) struct WorkDir {
    folder: tempfile::TempDir,
    pub(crate) env_file: PathBuf,
    pub(crate) written: PathBuf,
    needles: [NamedNeedle; 2],
}

impl WorkDir {
    /// Creates a folder with the webhook's secret and a random canary.
    pub(crate) fn create() -> Result<Self, Failure> {
        let folder = tempfile::tempdir().or_failure("create a temporary folder")?;
        let (env_file, written) = (folder.path().join(".env"), folder.path().join("written"));
        DirBuilder::new().mode(0o700).create(&written).or_failure("create the folder for events")?;
        let canary = canary()?;
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&env_file)
            .and_then(|mut file| file.write_all(env_text(&canary).as_bytes()))
            .or_failure(format!("write {}", env_file.display()))?;
        let needles = [
            NamedNeedle::new("github-webhook-secret", WEBHOOK_SECRET)?,
            NamedNeedle::new("payroll-db-password", &canary)?,
        ];
        Ok(Self { folder, env_file, written, needles })
    }

    /// Searches for the values in all files and output. A control search in `.env` must find them.
    pub(crate) fn search(&self, runs: impl IntoIterator<Item = FarOutput>) -> Result<Vec<Row>, Failure> {
        let control = search::hits(&self.needles, &[Haystack::file(&self.env_file)?]);
        let mut haystacks = Haystack::files(self.folder.path(), &self.env_file)?;
        haystacks.extend(runs.into_iter().flat_map(|run| run.printed));
        for haystack in &haystacks {
            println!("{} ({} bytes)", haystack.name, haystack.bytes.len());
        }
        let hits = search::hits(&self.needles, &haystacks);
        hits.iter().for_each(|hit| println!("FOUND {hit}"));
        Ok(vec![
            Row::equal("search.control", "2 values in .env", format!("{} values in .env", control.len())),
            // At least two event files, and two streams of each run.
            Row { ok: haystacks.len() >= 6, ..Row::equal("search.places", "6 or more", haystacks.len()) },
            Row::equal("search.values", "0 found", format!("{} found", hits.len())),
        ])
    }
}

/// Returns a random value that occurs nowhere else.
fn canary() -> Result<String, Failure> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).or_failure("get random bytes")?;
    Ok(format!("canary-{}", hex::encode(bytes)))
}

fn env_text(canary: &str) -> String {
    format!("GITHUB_WEBHOOK_SECRET=\"{WEBHOOK_SECRET}\"\nPAYROLL_DB_PASSWORD={canary}\n")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn env_file_is_owner_only_and_searchable() {
        let workdir = WorkDir::create().unwrap();
        let mode = std::fs::metadata(&workdir.env_file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let control = search::hits(&workdir.needles, &[Haystack::file(&workdir.env_file).unwrap()]);
        assert_eq!(control.len(), 2);
    }

    #[test]
    fn canaries_differ() {
        assert_ne!(canary().unwrap(), canary().unwrap());
    }

    #[test]
    fn recorded_events_are_filtered_by_kind() {
        let events = ["task.started", "secret.denied"].map(str::to_owned);
        let recorded = |kinds| recorded(Ok(events.to_vec()), kinds);
        assert_eq!(recorded(&["secret.requested", "secret.denied"]), "secret.denied");
        assert_eq!(recorded(&["secret.requested"]), "none");
        assert_eq!(super::recorded(Err(Failure::new("cut off")), &["secret.denied"]), "cut off");
    }
}
