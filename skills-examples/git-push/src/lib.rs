//! Commits a change to one file on top of a branch and pushes it, without a working tree and
//! without the git program.
//!
//! The skill fetches the branch's newest commit, creates the blob, its trees and the commit, and
//! pushes a pack of these. The server accepts the push only if the branch has not moved.
//!
//! The requests carry a password that the skill never sees: the host inserts it as a request
//! leaves, for this server only. An operator who permits only `…/info/refs` and `…/git-upload-pack`
//! of a repository, without `…/git-receive-pack`, permits reading only. To use the example with
//! another server, change its name here and in `skill.json`.
//!
//! See <https://git-scm.com/docs/gitprotocol-pack>.

#![forbid(unsafe_code)]

use far_skill::{Schema, secrets};
use git_client::edit::{self, Path, Signature};
use git_client::object::Commit;
use git_client::remote::Update;
use git_client::{Name, ObjectId, Remote, Repository, pack};
use serde::{Deserialize, Serialize};

const SERVER: &str = "https://git.example.com";

#[derive(Clone, Deserialize, Schema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The user name for the password. Some servers accept any name with a token.
    user: String,
    /// The repository's path on the server.
    repository: String,
    /// The branch, as in `main`.
    branch: String,
    /// The path of the file to create or replace.
    path: String,
    /// The new content of the file.
    text: String,
    /// The commit message.
    message: String,
    /// The author of the commit.
    author: Author,
    /// The time of the commit, in seconds since 1970. Equal inputs create equal commits.
    time: u64,
}

#[derive(Clone, Deserialize, Schema)]
#[serde(deny_unknown_fields)]
struct Author {
    /// The author's name.
    name: String,
    /// The author's email address.
    email: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Output {
    /// The new commit of the branch.
    commit: ObjectId,
    /// The previous commit of the branch.
    parent: ObjectId,
    /// The file's blob.
    blob: ObjectId,
    /// The number of pushed objects.
    objects: usize,
}

#[far_skill::skill]
fn push(input: Input) -> Result<Output, far_skill::Error> {
    let repository = Repository::at(SERVER, &input.repository)?;
    let name = Name::branch(&input.branch)?;
    let path = Path::parse(&input.path)?;
    let signature = Signature::new(&input.author.name, &input.author.email, input.time)?;
    let password = secrets::get("git-password")?;
    let remote = Remote { repository, user: &input.user, password: &password };

    let parent = remote.reference(&name)?.id;
    let fetched = remote.fetch(parent, pack::Limits::default())?;
    let commit = Commit::at(&fetched, parent)?;
    let new = edit::commit(&fetched, &commit, &path, &input.text, &signature, &input.message)?;
    let update = Update { branch: name.as_str(), old: parent, new: new.commit };
    remote.push(&update, &pack::write(&new.objects)?)?;
    Ok(Output { commit: new.commit, parent, blob: new.blob, objects: new.objects.len() })
}

#[cfg(test)]
mod tests;
