//! `cargo xtask demo`: the main job, from a fresh checkout.
//!
//! A skill verifies a webhook with a secret that it never sees; another asks for a secret that it was not granted, and
//! is stopped before any backend is asked. Then all that was printed and written is searched for both values.

pub(crate) mod far;
mod search;

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use self::far::{Far, Ran};
use self::search::{Place, Sought};
use crate::artifacts::{self, Skills};
use crate::failure::{Failure, OrFailure};
use crate::proof::{Proof, Row};
use crate::repository::Repository;
use crate::setup;

/// The example of GitHub's documentation: secret, payload and signature.
/// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
const WEBHOOK_SECRET: &str = "It's a Secret to Everybody";
pub(crate) const DELIVERY: &str = r#"{"payload":"Hello, World!","signature":"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}"#;
/// What both skills declare, and both are granted.
pub(crate) const GRANT: &str = "github-webhook-secret:sign";

/// Runs it, and says whether all was as expected.
pub(crate) fn run(repository: &Repository, json: Option<&Path>) -> Result<(), Failure> {
    let shown = show(repository);
    let rows = shown.as_ref().map_or_else(|failure| vec![Row::failed("demo", failure)], Vec::clone);
    let proof = Proof { command: "cargo xtask demo", rows };
    if let Some(path) = json {
        proof.write_json(path, repository)?;
    }
    shown?;
    println!("\n{}", proof.table());
    proof.conclude().map_err(|failure| failure.or_next("the commands and what they printed are above"))
}

fn show(repository: &Repository) -> Result<Vec<Row>, Failure> {
    step(1, "what is needed");
    setup::run(repository)?;

    step(2, "build `far` and the skills");
    let program = artifacts::far(repository)?;
    let skills = Skills::build(repository)?;
    let (webhook, snoop) = (skills.component("github_webhook")?, skills.component("snoop")?);

    step(3, "two secrets in a .env that only its owner can read");
    let place = Workplace::make()?;
    println!("{}", place.env_file.display());
    let far = Far { repository, program: &program, env_file: &place.env_file, folder: &place.written, cache: None };

    step(4, "a skill verifies a webhook with a secret that it never sees");
    let verified = far.run(webhook, GRANT, Some(DELIVERY), "pal-webhook.jsonl")?;

    step(5, "a skill asks for a secret that it was not granted");
    let snooped = far.run(snoop, GRANT, None, "pal-snoop.jsonl")?;

    step(6, "search all that was printed and written for both values");
    let mut rows = verification(&verified);
    rows.extend(violation(&snooped));
    rows.extend(place.search([verified, snooped])?);
    Ok(rows)
}

fn step(number: u8, what: &str) {
    println!("\n[{number}/6] {what}");
}

fn verification(ran: &Ran) -> Vec<Row> {
    vec![
        Row::equal("webhook.exit-code", 0, &ran.exit),
        Row::equal("webhook.outcome", "completed", ran.outcome()),
        Row::equal("webhook.output.valid", true, ran.output("valid")),
        Row::equal("webhook.provider-calls", 1, ran.provider_calls()),
        Row::equal(
            "webhook.events",
            "secret.requested, secret.signed",
            among(ran.events(), &["secret.requested", "secret.signed", "secret.denied", "secret.revealed"]),
        ),
    ]
}

fn violation(ran: &Ran) -> Vec<Row> {
    vec![
        Row::equal("snoop.exit-code", 3, &ran.exit),
        Row::equal("snoop.outcome", "scope-violation", ran.outcome()),
        Row::equal("snoop.output", "absent", ran.output("escaped")),
        Row::equal("snoop.provider-calls", 0, ran.provider_calls()),
        Row::equal(
            "snoop.events",
            "secret.denied",
            among(ran.events(), &["secret.requested", "secret.denied", "secret.injected"]),
        ),
    ]
}

/// Those of `kinds` that were recorded, or why that cannot be told.
fn among(events: Result<Vec<String>, Failure>, kinds: &[&str]) -> String {
    let events = match events {
        Ok(events) => events,
        Err(failure) => return failure.what().to_owned(),
    };
    let recorded: Vec<_> = kinds.iter().filter(|kind| events.iter().any(|event| event == *kind)).copied().collect();
    if recorded.is_empty() { "none".to_owned() } else { recorded.join(", ") }
}

/// A temporary folder, gone when this is: the secrets, and apart from them whatever is written.
pub(crate) struct Workplace {
    folder: tempfile::TempDir,
    pub(crate) env_file: PathBuf,
    pub(crate) written: PathBuf,
    needles: [Sought; 2],
}

impl Workplace {
    /// Makes one, with the webhook's secret and one that is nowhere else.
    pub(crate) fn make() -> Result<Self, Failure> {
        let folder = tempfile::tempdir().or_failure("make a temporary folder")?;
        let (env_file, written) = (folder.path().join(".env"), folder.path().join("written"));
        DirBuilder::new().mode(0o700).create(&written).or_failure("make a folder for events")?;
        let canary = canary()?;
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&env_file)
            .and_then(|mut file| file.write_all(env_text(&canary).as_bytes()))
            .or_failure(format!("write {}", env_file.display()))?;
        let needles =
            [Sought::new("github-webhook-secret", WEBHOOK_SECRET)?, Sought::new("payroll-db-password", &canary)?];
        Ok(Self { folder, env_file, written, needles })
    }

    /// Whether a value is anywhere but where it was put; first, that the search finds it there.
    pub(crate) fn search(&self, runs: impl IntoIterator<Item = Ran>) -> Result<Vec<Row>, Failure> {
        let control = search::hits(&self.needles, &[Place::file(&self.env_file)?]);
        let mut places = Place::files(self.folder.path(), &self.env_file)?;
        places.extend(runs.into_iter().flat_map(|ran| ran.printed));
        for place in &places {
            println!("{} ({} bytes)", place.name, place.bytes.len());
        }
        let hits = search::hits(&self.needles, &places);
        hits.iter().for_each(|hit| println!("FOUND {hit}"));
        Ok(vec![
            Row::equal("search.control", "2 values in .env", format!("{} values in .env", control.len())),
            // Two files of events, and two streams of each run; whatever else was written is searched as well.
            Row { ok: places.len() >= 6, ..Row::equal("search.places", "6 or more", places.len()) },
            Row::equal("search.values", "0 found", format!("{} found", hits.len())),
        ])
    }
}

/// A value that is nowhere else.
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
    fn the_secrets_are_only_their_owners_and_the_search_finds_them() {
        let place = Workplace::make().unwrap();
        let mode = std::fs::metadata(&place.env_file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let control = search::hits(&place.needles, &[Place::file(&place.env_file).unwrap()]);
        assert_eq!(control.len(), 2);
    }

    #[test]
    fn no_canary_is_like_another() {
        assert_ne!(canary().unwrap(), canary().unwrap());
    }

    #[test]
    fn of_all_events_those_that_count_are_told() {
        let events = ["task.started", "secret.denied"].map(str::to_owned);
        let among = |kinds| among(Ok(events.to_vec()), kinds);
        assert_eq!(among(&["secret.requested", "secret.denied"]), "secret.denied");
        assert_eq!(among(&["secret.requested"]), "none");
        assert_eq!(super::among(Err(Failure::new("cut off")), &["secret.denied"]), "cut off");
    }
}
