//! `cargo xtask verify languages`: the same skills in Rust, Python and JavaScript, each run as its user would, and each with a hostile
//! one beside it that is stopped.

mod build;
mod issue;
pub(crate) mod tools;

use std::path::{Path, PathBuf};

use self::build::Source;
use self::tools::Language;
use crate::artifacts::{self, Skills};
use crate::demo::far::{Far, Ran};
use crate::demo::{DELIVERY, GRANT, Workplace};
use crate::failure::Failure;
use crate::proof::{Proof, Row};
use crate::repository::Repository;
use crate::setup;

/// What is done about a language whose tools are not on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// It is told, and the others are run.
    Told,
    /// Nothing counts as shown.
    Fails,
}

/// Builds and runs them, and says whether all was as expected.
pub(crate) fn run(repository: &Repository, absent: Absent, json: Option<&Path>) -> Result<(), Failure> {
    setup::run(repository)?;
    let [issue, far] = artifacts::issue(repository)?;
    let skills = Skills::build(repository)?;
    let mut trials = vec![Trial {
        language: "rust",
        webhook: skills.component("github_webhook")?.to_owned(),
        snoop: skills.component("snoop")?.to_owned(),
        issue: skills.component("github_issue")?.to_owned(),
        // What hostile components do with requests is among the attacks.
        exfiltrate: None,
    }];
    for language in Language::ALL {
        match language.missing(repository) {
            None => trials.push(Trial::build(repository, &far, language)?),
            Some(missing) if absent == Absent::Fails => return Err(missing),
            Some(missing) => println!("not tested: {}: {missing}", language.name()),
        }
    }
    let mut rows = rows(repository, &far, &trials)?;
    rows.extend(issue::rows(repository, &issue, &far, &trials)?);
    let proof = Proof { command: "cargo xtask verify languages", rows };
    if let Some(path) = json {
        proof.write_json(path, repository)?;
    }
    println!("\n{}", proof.table());
    proof.conclude().map_err(|failure| failure.or_next("the commands and what they printed are above"))
}

/// A language's skills.
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
    let place = Workplace::make()?;
    let cache = cache(repository);
    let far = Far { repository, program: far, env_file: &place.env_file, folder: &place.written, cache: Some(&cache) };
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
            let ran = far.run(skill, GRANT, Some(input), &format!("{language}-{case}.jsonl"))?;
            rows.push(Row::equal(format!("{language}.{case}"), expected, told(&ran)));
            runs.push(ran);
        }
    }
    rows.extend(place.search(runs)?);
    Ok(rows)
}

/// Where compiled skills are kept: compiling is most of what a first run takes.
fn cache(repository: &Repository) -> PathBuf {
    repository.target.join("languages/cache")
}

fn told(ran: &Ran) -> String {
    let calls = match ran.provider_calls().as_str() {
        "1" => "1 call".to_owned(),
        calls => format!("{calls} calls"),
    };
    let what = match ran.outcome().as_str() {
        "completed" => ran.whole_output(),
        "skill-error" => ran.error(),
        outcome => outcome.to_owned(),
    };
    format!("exit {}, {calls}, {what}", ran.exit)
}
