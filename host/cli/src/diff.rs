//! `far diff`: compares the capabilities of two versions of a skill.

use std::path::PathBuf;

use clap::Args;
use far_component::review::{Change, ComponentSummary, Direction, changes};
use serde_json::{Value, json};

use crate::escape::escape;
use crate::inspect;
use crate::messages::explanation::Explanation;
use crate::messages::failure::Failure;
use crate::output::printer::{CommandOutput, Printer};
use crate::table::{cell, first_rows};

const HELP: &str = "\
Compares imports and declarations, the capabilities of a component. Code is not compared:
a version with the same capabilities may use them differently.

Exit codes:
  0  the new version has no additional capabilities
  2  usage
  3  additional capabilities, or not a component that a host would load

Example:
  far diff approved/skill.wasm skill.wasm";

/// Show the capabilities that a new version of a skill adds or drops.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct DiffArgs {
    /// The approved version.
    #[arg(value_name = "OLD")]
    old: PathBuf,

    /// The new version.
    #[arg(value_name = "NEW")]
    new: PathBuf,

    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Two versions and their differences.
struct Comparison<'a> {
    args: &'a DiffArgs,
    old: ComponentSummary,
    new: ComponentSummary,
    changes: Vec<Change>,
}

/// Compares two versions, and returns the exit code.
pub(crate) fn run(args: &DiffArgs, printer: &Printer) -> Result<u8, Failure> {
    let (old, new) = (inspect::summary(&args.old)?, inspect::summary(&args.new)?);
    let changes = changes(&old, &new);
    printer.output(&Comparison { args, old, new, changes })
}

impl Comparison<'_> {
    fn count(&self, direction: Direction) -> usize {
        self.changes.iter().filter(|change| change.id.direction() == direction).count()
    }

    /// Returns the failure if the new version has more capabilities.
    fn failure(&self) -> Option<Failure> {
        let count = self.count(Direction::Widening);
        (count > 0).then(|| Failure::WidenedCapabilities { skill: self.args.new.clone(), count })
    }
}

impl CommandOutput for Comparison<'_> {
    fn code(&self) -> u8 {
        self.failure().map_or(0, |failure| failure.code())
    }

    fn problems(&self) -> Vec<Explanation> {
        self.failure().iter().map(Explanation::of_failure).collect()
    }

    fn text(&self) -> String {
        let version = |path: &PathBuf, summary: &ComponentSummary| {
            let path = escape(&path.to_string_lossy());
            let declared = summary.declaration.as_ref();
            let version = declared.map_or_else(
                || "no declaration".to_owned(),
                |declaration| format!("'{}', version '{}'", declaration.name, cell(&declaration.version)),
            );
            format!("{path}: {version}, {}\n", summary.digest)
        };
        let mut text = version(&self.args.old, &self.old);
        text.push_str(&version(&self.args.new, &self.new));
        text.push('\n');
        if self.old.digest == self.new.digest {
            text.push_str("identical components\n");
        } else if self.changes.is_empty() {
            text.push_str("same capabilities; the code differs\n");
        } else {
            text.push_str(&first_rows(["DIRECTION", "CHANGE", "ABOUT", "DETAILS"], &self.changes, |change| {
                [
                    change.id.direction().as_str().to_owned(),
                    change.id.to_string(),
                    cell(&change.subject),
                    cell(&change.message),
                ]
            }));
        }
        text
    }

    fn object(&self) -> Value {
        let version = |path: &PathBuf, summary: &ComponentSummary| {
            let declared = summary.declaration.as_ref();
            json!({
                "skill": path.to_string_lossy(),
                "digest": summary.digest,
                "name": declared.map(|declaration| &declaration.name),
                "version": declared.map(|declaration| &declaration.version),
            })
        };
        let change = |change: &Change| {
            json!({
                "direction": change.id.direction().as_str(),
                "id": change.id.as_str(),
                "about": change.subject,
                "message": change.message,
            })
        };
        json!({
            "command": "diff",
            "ok": self.code() == 0,
            "exit_code": self.code(),
            "old": version(&self.args.old, &self.old),
            "new": version(&self.args.new, &self.new),
            "changes": self.changes.iter().map(change).collect::<Vec<_>>(),
            "error": self.failure().map(|failure| Explanation::of_failure(&failure)),
        })
    }
}
