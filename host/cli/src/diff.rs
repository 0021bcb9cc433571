//! `far diff`: what a new version of a skill could do that the old could not.

use std::path::PathBuf;

use clap::Args;
use far_component::review::{Anatomy, Change, Direction, changes};
use serde_json::{Value, json};

use crate::escape::escape;
use crate::inspect;
use crate::messages::explanation::Explanation;
use crate::messages::failure::Failure;
use crate::output::printer::{Answer, Printer};
use crate::table::{cell, first_rows};

const HELP: &str = "\
What is compared is what could be asked of a host: imports, and what is declared. Code is not compared: a version that could
do the same may well do something else with it.

Exit codes:
  0  the new version could do nothing that the old could not
  2  usage
  3  it could, or one of the two is no component that a host would load

Example:
  far diff approved/skill.wasm skill.wasm";

/// Show what a new version of a skill could do that the old could not.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct DiffArgs {
    /// The version that is known.
    #[arg(value_name = "OLD")]
    old: PathBuf,

    /// The version that is to replace it.
    #[arg(value_name = "NEW")]
    new: PathBuf,

    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Two versions, and what is different.
struct Comparison<'a> {
    args: &'a DiffArgs,
    old: Anatomy,
    new: Anatomy,
    changes: Vec<Change>,
}

/// Does it, and returns the exit code.
pub(crate) fn run(args: &DiffArgs, printer: &Printer) -> Result<u8, Failure> {
    let (old, new) = (inspect::anatomy(&args.old)?, inspect::anatomy(&args.new)?);
    let changes = changes(&old, &new);
    printer.answer(&Comparison { args, old, new, changes })
}

impl Comparison<'_> {
    fn count(&self, direction: Direction) -> usize {
        self.changes.iter().filter(|change| change.id.direction() == direction).count()
    }

    /// Why the new version must not just take the old one's place, if it must not.
    fn failure(&self) -> Option<Failure> {
        let count = self.count(Direction::Widening);
        (count > 0).then(|| Failure::Wider { skill: self.args.new.clone(), count })
    }
}

impl Answer for Comparison<'_> {
    fn code(&self) -> u8 {
        self.failure().map_or(0, |failure| failure.code())
    }

    fn problems(&self) -> Vec<Explanation> {
        self.failure().iter().map(Explanation::of_failure).collect()
    }

    fn text(&self) -> String {
        let version = |path: &PathBuf, anatomy: &Anatomy| {
            let path = escape(&path.to_string_lossy());
            let declared = anatomy.declaration.as_ref();
            let version = declared.map_or_else(
                || "no declaration".to_owned(),
                |declaration| format!("'{}', version '{}'", declaration.name, cell(&declaration.version)),
            );
            format!("{path}: {version}, {}\n", anatomy.digest)
        };
        let mut text = version(&self.args.old, &self.old);
        text.push_str(&version(&self.args.new, &self.new));
        text.push('\n');
        if self.old.digest == self.new.digest {
            text.push_str("the same component\n");
        } else if self.changes.is_empty() {
            text.push_str("no difference in what they could do; the code differs\n");
        } else {
            text.push_str(&first_rows(["DIRECTION", "CHANGE", "ABOUT", "WHAT"], &self.changes, |change| {
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
        let version = |path: &PathBuf, anatomy: &Anatomy| {
            let declared = anatomy.declaration.as_ref();
            json!({
                "skill": path.to_string_lossy(),
                "digest": anatomy.digest,
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
