//! Clones the newest commit of a repository, with all files and without what came before: what `git clone --depth=1` does, but
//! that nothing is written anywhere. It says which files there are, and what is in those that it is asked for.
//!
//! It speaks git's own protocol over HTTPS, and takes the pack apart itself; the server is not believed. The requests carry a
//! password that this skill never sees: the host puts it there as each leaves, towards this one server and nowhere else. Who takes
//! this example for another server names that, here and in `skill.json`.

#![forbid(unsafe_code)]

mod listing;

use far_skill::{Schema, secrets};
use git_client::object::Commit;
use git_client::{Name, ObjectId, Remote, Repository, pack, tree};
use serde::{Deserialize, Serialize};

use crate::listing::{Content, File};

const SERVER: &str = "https://git.example.com";
/// As much of a commit's first line as is said.
const SUBJECT: usize = 1000;

#[derive(Deserialize, Schema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// Who the password is of; some servers take any name with a token.
    user: String,
    /// The repository's path on the server.
    repository: String,
    /// The branch or tag, as in `refs/heads/main`; what HEAD is if left out.
    reference: Option<String>,
    /// The paths of files whose content is wanted: 128 KiB of it together at most.
    #[serde(default)]
    show: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Output {
    /// The commit.
    commit: ObjectId,
    /// What it was found by: of HEAD, the branch that it is.
    reference: String,
    /// The first line of the commit's message, up to 1,000 characters.
    subject: String,
    /// How many objects were fetched.
    objects: usize,
    /// How many of them were sent as what changes in another.
    deltas: usize,
    /// All files, in git's order.
    files: Vec<File>,
    /// What was wanted, in that order.
    contents: Vec<Content>,
}

#[far_skill::skill]
fn clone(input: Input) -> Result<Output, far_skill::Error> {
    let repository = Repository::at(SERVER, &input.repository)?;
    let name = input.reference.as_deref().map_or_else(|| Ok(Name::head()), Name::parse)?;
    let password = secrets::get("git-password")?;
    let remote = Remote { repository, user: &input.user, password: &password };
    let reference = remote.reference(&name)?;
    let pack = remote.fetch(reference.id, pack::Limits::default())?;

    let commit = Commit::at(&pack, reference.id)?;
    let files = tree::files(&pack, commit.tree, tree::Bounds::default())?;
    Ok(Output {
        commit: commit.id,
        reference: reference.name,
        subject: commit.subject().chars().take(SUBJECT).collect(),
        objects: pack.len(),
        deltas: pack.deltas(),
        contents: listing::contents(&files, input.show)?,
        files: files.iter().map(File::from).collect(),
    })
}

#[cfg(test)]
mod tests;
