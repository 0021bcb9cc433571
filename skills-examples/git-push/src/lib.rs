//! Commits a change to one file on top of a branch, and pushes it: without a working tree, and without git.
//!
//! It fetches the branch's newest commit, makes the blob, the trees above it and the commit, and sends the server a pack of those.
//! The server takes it only if the branch is still what it was. The requests carry a password that this skill never sees: the host
//! puts it there as each leaves, towards this one server and nowhere else. An operator who permits `…/info/refs` and
//! `…/git-upload-pack` of a repository, and not `…/git-receive-pack`, permits reading alone. Who takes this example for another
//! server names that, here and in `skill.json`.
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
    /// Who the password is of; some servers take any name with a token.
    user: String,
    /// The repository's path on the server.
    repository: String,
    /// The branch, as in `main`.
    branch: String,
    /// The file's path; it is made if it is not there.
    path: String,
    /// What the file has then.
    text: String,
    /// What is said of the change.
    message: String,
    /// Who makes it.
    author: Author,
    /// When, in seconds since 1970: the same task makes the same commit.
    time: u64,
}

#[derive(Clone, Deserialize, Schema)]
#[serde(deny_unknown_fields)]
struct Author {
    /// Their name.
    name: String,
    /// Their address.
    email: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Output {
    /// The new commit, which the branch now is.
    commit: ObjectId,
    /// What the branch was.
    parent: ObjectId,
    /// The file's blob.
    blob: ObjectId,
    /// How many objects were sent.
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
    let made = edit::commit(&fetched, &commit, &path, &input.text, &signature, &input.message)?;
    let update = Update { branch: name.as_str(), old: parent, new: made.commit };
    remote.push(&update, &pack::write(&made.objects)?)?;
    Ok(Output { commit: made.commit, parent, blob: made.blob, objects: made.objects.len() })
}

#[cfg(test)]
mod tests;
