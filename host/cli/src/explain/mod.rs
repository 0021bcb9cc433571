//! `far explain`: the meaning of reasons and exit codes, and the pages of the reference.

mod catalog;
mod pages;

use clap::Args;
use serde_json::{Value, json};

use self::catalog::{Entry, Group};
use self::pages::Page;
use crate::config::nearest;
use crate::exit::{self, ExitCodeDoc};
use crate::messages::explanation::Explanation;
use crate::messages::failure::Failure;
use crate::output::printer::{CommandOutput, Printer};
use crate::table::table;

const HELP: &str = "\
Examples:
  far explain undeclared
  far explain 3
  far explain --page far-toml";

/// Explain a reason of an event or an error, or an exit code.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct ExplainArgs {
    /// Reason or exit code to explain; default: list all reasons.
    #[arg(value_name = "REASON", conflicts_with = "page")]
    reason: Option<String>,

    /// Print a page of the reference as Markdown.
    #[arg(long, value_enum, value_name = "PAGE", conflicts_with = "json")]
    page: Option<Page>,

    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs `far explain`. `far` is the definition of the command line.
pub(crate) fn run(args: &ExplainArgs, far: clap::Command, printer: &Printer) -> Result<u8, Failure> {
    if let Some(page) = args.page {
        printer.print(&page.markdown(far))?;
        return Ok(0);
    }
    let entries = catalog::entries();
    let Some(reason) = &args.reason else {
        return printer.output(&Reasons { entries, codes: exit::CODES.iter().collect(), is_list: true });
    };
    let (matches, others): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.token == *reason);
    let codes: Vec<_> = exit::CODES.iter().filter(|doc| doc.covers(reason)).collect();
    if matches.is_empty() && codes.is_empty() {
        let near = nearest(reason, others.iter().map(|entry| entry.token)).map(str::to_owned);
        return Err(Failure::UnknownReason { reason: reason.clone(), near });
    }
    printer.output(&Reasons { entries: matches, codes, is_list: false })
}

/// The reasons and exit codes to print.
struct Reasons {
    entries: Vec<Entry>,
    codes: Vec<&'static ExitCodeDoc>,
    /// True for one line each.
    is_list: bool,
}

impl CommandOutput for Reasons {
    fn text(&self) -> String {
        if self.is_list { self.list() } else { self.explanations() }
    }

    fn problems(&self) -> Vec<Explanation> {
        Vec::new()
    }

    fn object(&self) -> Value {
        let reason = |entry: &Entry| {
            json!({
                "token": entry.token,
                "group": entry.group.name(),
                "shown_in": entry.group.shown_in(),
                "meaning": entry.meaning,
                "caused_by": entry.caused_by,
                "next_step": entry.next_step,
            })
        };
        let code =
            |doc: &&ExitCodeDoc| json!({ "exit_code": doc.code, "command": doc.command, "meaning": doc.meaning });
        json!({
            "reasons": self.entries.iter().map(reason).collect::<Vec<_>>(),
            "exit_codes": self.codes.iter().map(code).collect::<Vec<_>>(),
        })
    }

    fn code(&self) -> u8 {
        0
    }
}

impl Reasons {
    /// Returns one line for each reason, by group.
    fn list(&self) -> String {
        let mut text = String::new();
        for group in Group::ALL {
            let rows: Vec<_> = self.entries.iter().filter(|entry| entry.group == *group).map(row).collect();
            text.push_str(&format!(
                "{}, in {}\n{}\n",
                group.name(),
                plain(group.shown_in()),
                indented(&table(["", ""], &rows))
            ));
        }
        let rows: Vec<_> = self
            .codes
            .iter()
            .map(|doc| [doc.code.to_owned(), format!("{}: {}", doc.command, plain(doc.meaning))])
            .collect();
        text.push_str(&format!("exit codes\n{}", indented(&table(["", ""], &rows))));
        text
    }

    fn explanations(&self) -> String {
        let mut blocks = Vec::new();
        for entry in &self.entries {
            let mut block = format!("{} ({})\n  {}\n", entry.token, entry.group.name(), plain(&entry.meaning));
            block.push_str(&format!("  shown in: {}\n", plain(entry.group.shown_in())));
            entry.caused_by.iter().for_each(|who| block.push_str(&format!("  caused by: {}\n", plain(who))));
            entry.next_step.iter().for_each(|step| block.push_str(&format!("  next step: {}\n", plain(step))));
            blocks.push(block);
        }
        for doc in &self.codes {
            blocks.push(format!("exit code {} of {}\n  {}\n", doc.code, doc.command, plain(doc.meaning)));
        }
        blocks.join("\n")
    }
}

fn row(entry: &Entry) -> [String; 2] {
    [entry.token.to_owned(), plain(&entry.meaning)]
}

/// Indents the rows of a table, without its empty header.
fn indented(table: &str) -> String {
    table.lines().skip(1).map(|line| format!("  {line}\n")).collect()
}

/// Replaces the marks of code in Markdown by quotes.
fn plain(text: &str) -> String {
    text.replace('`', "'")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_entry_has_a_sentence() {
        let mut seen = HashSet::new();
        for entry in catalog::entries() {
            assert!(entry.meaning.ends_with('.') && entry.meaning.len() > 10, "{}: {}", entry.token, entry.meaning);
            assert!(entry.next_step.is_none_or(|step| !step.ends_with('.')), "{}", entry.token);
            assert!(
                seen.insert((entry.group, entry.token)),
                "{} is listed twice in {}",
                entry.token,
                entry.group.name()
            );
        }
        assert!(Group::ALL.iter().all(|group| seen.iter().any(|(of, _)| of == group)));
    }

    #[test]
    fn token_in_two_groups_has_two_entries() {
        let groups: Vec<_> =
            catalog::entries().iter().filter(|entry| entry.token == "not-found").map(|e| e.group).collect();
        assert_eq!(groups, [Group::Backend, Group::Secret]);
    }

    #[test]
    fn signal_codes_are_covered() {
        let covering = |reason: &str| exit::CODES.iter().filter(|doc| doc.covers(reason)).count();
        assert_eq!((covering("130"), covering("256"), covering("77"), covering("abc")), (1, 0, 0, 0));
        assert!(covering("3") > 1);
    }
}
