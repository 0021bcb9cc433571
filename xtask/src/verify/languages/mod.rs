//! `cargo xtask verify languages`: runs the same skills in Rust, Python and JavaScript, and hostile
//! skills, which the host must end.

mod build;
mod issue;
pub(crate) mod tools;

use std::path::{Path, PathBuf};

use self::build::Source;
use self::tools::Language;
use crate::artifacts::{self, Skills};
use crate::demo::far::{Far, FarOutput};
use crate::demo::{DELIVERY, GRANT, WorkDir};
use crate::failure::Failure;
use crate::proof::{Proof, Row};
use crate::repository::Repository;
use crate::setup;

/// The reaction to a language whose tools are not installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MissingTools {
    /// Prints a note and runs the other languages.
    Skip,
    /// Fails the command.
    Fail,
}

/// Builds and runs the skills.
///
/// # Errors
///
/// Fails if a result differs from the expected one.
pub(crate) fn run(repository: &Repository, missing_tools: MissingTools, json: Option<&Path>) -> Result<(), Failure> {
    setup::run(repository)?;
    let [issue, far] = artifacts::issue(repository)?;
    let skills = Skills::build(repository)?;
    let mut trials = vec![Trial {
        language: "rust",
        webhook: skills.component("github_webhook")?.to_owned(),
        snoop: skills.component("snoop")?.to_owned(),
        issue: skills.component("github_issue")?.to_owned(),
        // `cargo xtask attacks` has hostile requests in Rust.
        exfiltrate: None,
    }];
    for language in Language::ALL {
        match language.missing(repository) {
            None => trials.push(Trial::build(repository, &far, language)?),
            Some(missing) if missing_tools == MissingTools::Fail => return Err(missing),
            Some(missing) => println!("skipped: {}: {missing}", language.name()),
        }
    }
    let mut rows = rows(repository, &far, &trials)?;
    rows.extend(issue::rows(repository, &issue, &far, &trials)?);
    let proof = Proof { command: "cargo xtask verify languages", rows };
    if let Some(path) = json {
        proof.write_json(path, repository)?;
    }
    println!("\n{}", proof.table());
    proof.conclude().map_err(|failure| failure.or_next("the commands and their output are above"))
}

/// The skills of a language.
struct Trial {
    language: &'static str,
    webhook: PathBuf,
    snoop: PathBuf,
    issue: PathBuf,
    exfiltrate: Option<PathBuf>,
}

impl Trial {
    fn build(repository: &Repository, far: &Path, language: Language) -> Result<Self, Failure> {
        let tools = language.install(repository)?;
        let build = |source: &Source| source.component(repository, far, language, &tools);
        let [webhook, snoop, issue, exfiltrate] = Source::of(language);
        Ok(Self {
            language: language.name(),
            webhook: build(&webhook)?,
            snoop: build(&snoop)?,
            issue: build(&issue)?,
            exfiltrate: Some(build(&exfiltrate)?),
        })
    }
}

fn rows(repository: &Repository, far: &Path, trials: &[Trial]) -> Result<Vec<Row>, Failure> {
    let workdir = WorkDir::create()?;
    let cache = cache(repository);
    let far =
        Far { repository, program: far, env_file: &workdir.env_file, folder: &workdir.written, cache: Some(&cache) };
    let other_payload = DELIVERY.replace("World!", "World?");
    let other_algorithm = DELIVERY.replace("sha256=", "sha1=");
    let (mut rows, mut runs) = (Vec::new(), Vec::new());
    for Trial { language, webhook, snoop, .. } in trials {
        let cases = [
            ("genuine", webhook, DELIVERY, r#"exit 0, 1 call, {"valid":true}"#),
            ("forged", webhook, other_payload.as_str(), r#"exit 0, 1 call, {"valid":false}"#),
            (
                "malformed",
                webhook,
                other_algorithm.as_str(),
                "exit 1, 0 calls, the skill failed: the signature does not start with `sha256=`",
            ),
            ("snoop", snoop, "{}", "exit 3, 0 calls, scope-violation"),
        ];
        for (case, skill, input, expected) in cases {
            let run = far.run(skill, GRANT, Some(input), &format!("{language}-{case}.jsonl"))?;
            rows.push(Row::equal(format!("{language}.{case}"), expected, summary(&run)));
            runs.push(run);
        }
    }
    rows.extend(workdir.search(runs)?);
    Ok(rows)
}

/// Returns the cache of compiled skills, which saves most of the time of a run.
fn cache(repository: &Repository) -> PathBuf {
    repository.target.join("languages/cache")
}

fn summary(run: &FarOutput) -> String {
    let calls = match run.provider_calls().as_str() {
        "1" => "1 call".to_owned(),
        calls => format!("{calls} calls"),
    };
    let result = match run.outcome().as_str() {
        "completed" => run.whole_output(),
        "skill-error" => run.error(),
        outcome => outcome.to_owned(),
    };
    format!("exit {}, {calls}, {result}", run.exit)
}
