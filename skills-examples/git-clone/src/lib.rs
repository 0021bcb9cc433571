//! Fetches the newest commit of a repository with all files and without its history, like `git
//! clone --depth=1`, but writes nothing to disk. Returns the list of files and the content of
//! requested files.
//!
//! The skill implements git's protocol over HTTPS and unpacks the pack itself, without trusting the
//! server. The requests carry a password that the skill never sees: the host inserts it as a
//! request leaves, for this server only. To use the example with another server, change its name
//! here and in `skill.json`.

#![forbid(unsafe_code)]

mod listing;

use far_skill::{Schema, secrets};
use git_client::object::Commit;
use git_client::{Name, ObjectId, Remote, Repository, pack, tree};
use serde::{Deserialize, Serialize};

use crate::listing::{Content, File};

const SERVER: &str = "https://git.example.com";
/// The maximum length of the subject, in characters.
const SUBJECT_MAX: usize = 1000;

#[derive(Deserialize, Schema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The user name for the password. Some servers accept any name with a token.
    user: String,
    /// The repository's path on the server.
    repository: String,
    /// The branch or tag, as in `refs/heads/main`. The default is HEAD.
    reference: Option<String>,
    /// The paths of files to return with their contents, at most 128 KiB in total.
    #[serde(default)]
    show: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Output {
    /// The commit.
    commit: ObjectId,
    /// The full name of the reference, resolved if it is `HEAD`.
    reference: String,
    /// The first line of the commit's message, up to 1,000 characters.
    subject: String,
    /// The number of fetched objects.
    objects: usize,
    /// The number of objects that were sent as deltas.
    deltas: usize,
    /// All files, in git's order.
    files: Vec<File>,
    /// The requested contents, in the order of the request.
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
        subject: commit.subject().chars().take(SUBJECT_MAX).collect(),
        objects: pack.len(),
        deltas: pack.deltas(),
        contents: listing::contents(&files, input.show)?,
        files: files.iter().map(File::from).collect(),
    })
}

#[cfg(test)]
mod tests;
