//! `far inspect`: what a component could do, without running it.

mod print;

use std::path::{Path, PathBuf};

use clap::Args;
use far_component::review::{Anatomy, findings};
use far_runtime::{COMPONENT_MAX, LoadError};

use self::print::Inspection;
use crate::config::policy;
use crate::input;
use crate::messages::failure::Failure;
use crate::output::printer::Printer;

const HELP: &str = "\
Nothing of the component is run or compiled. A policy is a TOML file of rules, any of which may be left out:
  max-severity = \"low\"                         # the gravest finding: info, low, medium, high
  accept = [\"wildcard-host\"]                   # findings that are accepted although they are graver
  worlds = [\"skill\"]                           # skill, skill-revealing, other
  operations = [\"seal\", \"sign\"]                # what may be declared
  secrets = [\"github-*\"]                       # of which secrets
  destinations = [\"https://api.github.com\"]    # and towards which destinations

Of a skill's requests, the host takes out headers of the connection, of proxies (x-forwarded-*, x-original-*,
x-*-override, x-real-ip and others) and those that name another resource: see docs/requests.md.

Exit codes:
  0  read, and within the policy if there is one
  2  usage, or something in the policy
  3  beyond the policy, or no component that a host would load

Example:
  far inspect skill.wasm --policy policy.toml";

/// Show what a component could do, without running it, and hold it against a policy.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct InspectArgs {
    /// The component.
    #[arg(value_name = "SKILL")]
    skill: PathBuf,

    /// What a component may be: rules in a TOML file. If it is more, the exit code is 3.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Does it, and returns the exit code.
pub(crate) fn run(args: &InspectArgs, printer: &Printer) -> Result<u8, Failure> {
    // The policy first: what is wrong with it is wrong whatever the component is.
    let policy = args.policy.as_deref().map(|path| policy::read(path).map(|policy| (path, policy))).transpose()?;
    let anatomy = anatomy(&args.skill)?;
    let findings = findings(&anatomy);
    let policy = policy.map(|(path, policy)| (path, policy.excesses(&anatomy, &findings)));
    printer.answer(&Inspection { skill: &args.skill, anatomy, findings, policy })
}

/// Reads a component as far as any host would.
pub(crate) fn anatomy(path: &Path) -> Result<Anatomy, Failure> {
    let refused = |source| Failure::NoSkillFile { path: path.to_owned(), source };
    let component = input::component(path)?;
    if component.len() > COMPONENT_MAX {
        return Err(refused(LoadError::TooLarge));
    }
    Anatomy::read(&component).map_err(|error| refused(LoadError::Component(error)))
}
