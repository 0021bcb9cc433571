//! `cargo xtask reference`: writes the generated pages below `docs/reference/`.

use std::fs;
use std::path::Path;

use crate::artifacts;
use crate::failure::{Failure, OrFailure};
use crate::invocation::Invocation;
use crate::repository::Repository;

const FOLDER: &str = "docs/reference";

/// The pages of `far explain --page`.
const PAGES: [&str; 9] =
    ["commands", "far-toml", "task-file", "policy", "dotenv", "events", "reasons", "metrics", "limits"];

/// Writes the pages that `far` generates, or compares them with the files.
///
/// # Errors
///
/// Fails if a page cannot be generated or written, or if `check` finds a difference.
pub(crate) fn run(repository: &Repository, check: bool) -> Result<(), Failure> {
    let far = artifacts::far(repository)?;
    let mut outdated = Vec::new();
    for page in PAGES {
        let invocation = Invocation::new(&far).words("explain --page").arg(page);
        let output = invocation.output(&repository.root)?;
        invocation.succeeded(output.status)?;
        let path = Path::new(FOLDER).join(format!("{page}.md"));
        let file = repository.root.join(&path);
        if fs::read(&file).is_ok_and(|written| written == output.stdout) {
            continue;
        }
        println!("{}: {}", path.display(), if check { "outdated" } else { "written" });
        if check {
            outdated.push(page);
        } else {
            fs::write(&file, &output.stdout).or_failure(format!("write {}", path.display()))?;
        }
    }
    if outdated.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("outdated pages of the reference: {}", outdated.join(", ")))
        .or_next("run 'cargo xtask reference'"))
}
