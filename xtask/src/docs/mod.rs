//! `cargo xtask docs`: every command in `docs/`, run as it stands there, each page from its top in a folder of its own.
//!
//! A page's blocks marked `console` are a session: lines that begin with `$ ` are typed (`> ` continues one), and what
//! stands below them is what must be printed, with `…` for whatever differs from run to run. A block whose mark is
//! followed by a file's name is that file. `$FAR` is this checkout, and `far` is on the search path.

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

/// Runs the pages whose names have `only` in them, and says whether all was as they say.
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
    proof
        .conclude()
        .map_err(|failure| failure.or_next("what was printed instead is above; mend the page, or the program"))
}

/// The names of all pages, in order.
fn pages(repository: &Repository) -> Result<Vec<String>, Failure> {
    let listed = repository.files()?.into_iter().filter_map(|file| Some(file.strip_prefix("docs/")?.to_owned()));
    Ok(listed.filter(|name| name.ends_with(".md")).collect())
}

/// A row for one command of a page: whether it printed what the page says.
fn row(page: &str, line: usize, seen: Result<(), String>) -> Row {
    let id = format!("{page}:{line}");
    match seen {
        Ok(()) => Row::equal(id, "as written", "as written"),
        Err(difference) => Row::equal(id, "as written", difference),
    }
}
