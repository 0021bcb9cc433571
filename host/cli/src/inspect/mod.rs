//! `far inspect`: shows the capabilities of a component without running it.

mod print;

use std::path::{Path, PathBuf};

use clap::Args;
use far_component::review::{ComponentSummary, findings};
use far_runtime::{COMPONENT_MAX, LoadError};

use self::print::Inspection;
use crate::config::policy;
use crate::input;
use crate::messages::failure::Failure;
use crate::output::printer::Printer;

const HELP: &str = "\
The component is neither run nor compiled. A policy is a TOML file of optional rules:
  max-severity = \"low\"                         # highest accepted severity: info, low, medium, high
  accept = [\"wildcard-host\"]                   # findings accepted above that severity
  worlds = [\"skill\"]                           # skill, skill-revealing, other
  operations = [\"seal\", \"sign\"]                # operations that may be declared
  secrets = [\"github-*\"]                       # secrets that may be declared
  destinations = [\"https://api.github.com\"]    # destinations that may be declared

The host removes hop-by-hop headers, proxy headers (x-forwarded-*, x-original-*, x-*-override,
x-real-ip and others) and headers that name another resource from the requests of a skill: see
docs/reference/requests.md.

Exit codes:
  0  inspected, and without a policy violation
  2  usage, or an invalid policy
  3  policy violated, or not a component that a host would load

Example:
  far inspect skill.wasm --policy policy.toml";

/// Show the capabilities of a component without running it, and check a policy.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct InspectArgs {
    /// Component to inspect.
    #[arg(value_name = "SKILL")]
    skill: PathBuf,

    /// Policy: rules in a TOML file. The exit code of a violation is 3.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Inspects the component, and returns the exit code.
pub(crate) fn run(args: &InspectArgs, printer: &Printer) -> Result<u8, Failure> {
    // An invalid policy is reported before the component is read.
    let policy = args.policy.as_deref().map(|path| policy::read(path).map(|policy| (path, policy))).transpose()?;
    let summary = summary(&args.skill)?;
    let findings = findings(&summary);
    let policy = policy.map(|(path, policy)| (path, policy.violations(&summary, &findings)));
    printer.output(&Inspection { skill: &args.skill, summary, findings, policy })
}

/// Reads a component with the checks of a host.
pub(crate) fn summary(path: &Path) -> Result<ComponentSummary, Failure> {
    let refused = |source| Failure::InvalidSkill { path: path.to_owned(), source };
    let component = input::component(path)?;
    if component.len() > COMPONENT_MAX {
        return Err(refused(LoadError::TooLarge));
    }
    ComponentSummary::read(&component).map_err(|error| refused(LoadError::Component(error)))
}
