//! `cargo xtask docs`: runs every command on every page below `docs/`.
//!
//! Each page runs from its top, in a directory of its own. Its `console` blocks form one session:
//!
//! - A line that begins with `$ ` is a command, and `> ` continues it.
//! - The lines below a command are its expected output, with `…` for text that differs from run to
//!   run.
//! - A block whose language is followed by a file name is written to that file.
//! - `$FAR` is this checkout, and `far` is on the search path.

mod expect;
mod page;
mod session;

use std::path::Path;

use self::page::Page;
use self::session::Session;
use crate::artifacts::{self, Skills};
use crate::failure::{Failure, OrFailure};
use crate::proof::{Proof, Row};
use crate::repository::Repository;
use crate::setup;

const FOLDER: &str = "docs";

/// Runs the pages whose paths below `docs/` contain `only`.
///
/// # Errors
///
/// Fails if a page is malformed, or if the output of a command differs from its page.
pub(crate) fn run(repository: &Repository, only: &str, json: Option<&Path>) -> Result<(), Failure> {
    setup::run(repository)?;
    let far = artifacts::far(repository)?;
    Skills::build(repository)?;
    let mut rows = Vec::new();
    for name in pages(repository)?.iter().filter(|name| name.contains(only)) {
        let path = Path::new(FOLDER).join(name);
        let text =
            std::fs::read_to_string(repository.root.join(&path)).or_failure(format!("read {}", path.display()))?;
        let page = Page::parse(&text).map_err(|problem| Failure::new(format!("{}: {problem}", path.display())))?;
        println!("\n[docs] {}: {} commands", path.display(), page.commands());
        rows.extend(Session { repository, far: &far }.run(name, &page)?);
    }
    let proof = Proof { command: "cargo xtask docs", rows };
    if let Some(path) = json {
        proof.write_json(path, repository)?;
    }
    println!("\n{}", proof.table());
    proof.conclude().map_err(|failure| failure.or_next("the actual output is above; correct the page or the program"))
}

/// Returns the paths of all pages below `docs/`, in order.
fn pages(repository: &Repository) -> Result<Vec<String>, Failure> {
    let listed = repository.files()?.into_iter().filter_map(|file| Some(file.strip_prefix("docs/")?.to_owned()));
    Ok(listed.filter(|name| name.ends_with(".md")).collect())
}

/// Returns the row for one command, from the result of its comparison.
fn row(page: &str, line: usize, seen: Result<(), String>) -> Row {
    let id = format!("{page}:{line}");
    match seen {
        Ok(()) => Row::equal(id, "as written", "as written"),
        Err(difference) => Row::equal(id, "as written", difference),
    }
}
