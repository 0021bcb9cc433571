//! Requests to a git server, with a password that the host inserts.
//!
//! See <https://git-scm.com/docs/protocol-v2> for fetching, and
//! <https://git-scm.com/docs/gitprotocol-pack> for pushing, which has no version 2.

use far_skill::http::{Request, Response};
use far_skill::secrets::Secret;

use crate::packet::{self, Packet};
use crate::reference::{Name, Reference};
use crate::{ObjectId, Pack, pack};

/// A repository on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    url: String,
}

impl Repository {
    /// Parses a path of plain names, which cannot refer to anything else on the server.
    ///
    /// # Errors
    ///
    /// An error if the path is not valid. The input caused it.
    pub fn at(server: &str, path: &str) -> Result<Self, far_skill::Error> {
        let is_plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
        let is_name = |name: &str| !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain);
        if path.split('/').all(is_name) {
            return Ok(Self { url: format!("{server}/{path}") });
        }
        Err(format!("{path:?} is not a valid repository path").into())
    }
}

/// A repository with the credentials for it.
pub struct Remote<'a> {
    /// The repository.
    pub repository: Repository,
    /// The user of the password.
    pub user: &'a str,
    /// A handle to the password.
    pub password: &'a Secret,
}

impl Remote<'_> {
    /// Looks up a reference on the server.
    ///
    /// # Errors
    ///
    /// An error if the server does not support version 2 of git's protocol, refuses the request, or
    /// has no such reference.
    pub fn reference(&self, name: &Name) -> Result<Reference, far_skill::Error> {
        self.require_version_2()?;
        let response = self.command("ls-refs", &["symrefs", &format!("ref-prefix {name}")])?;
        for packet in packet::all(response.body()) {
            let Packet::Line(line) = packet? else { continue };
            if let Some(reference) = Reference::parse(accepted(line)?, name)? {
                return Ok(reference);
            }
        }
        Err(format!("the repository has no {name}").into())
    }

    /// Fetches a commit with all its files and without its history, like `git clone --depth=1`.
    ///
    /// # Errors
    ///
    /// An error if the server refuses the request, or sends an invalid pack or one beyond the
    /// limits.
    pub fn fetch(&self, commit: ObjectId, limits: pack::Limits) -> Result<Pack, far_skill::Error> {
        let want = format!("want {commit}");
        let response = self.command("fetch", &["no-progress", "ofs-delta", "deepen 1", &want, "done"])?;
        let pack = extract_pack(response.body())?;
        // The response contains a copy of the pack.
        drop(response);
        Ok(Pack::read(&pack, limits)?)
    }

    /// Pushes a pack and moves a branch to its commit.
    ///
    /// # Errors
    ///
    /// An error if the server refuses the push, or the branch has moved.
    pub fn push(&self, update: &Update<'_>, pack: &[u8]) -> Result<(), far_skill::Error> {
        let Update { branch, old, new } = update;
        let url = format!("{}/info/refs?service=git-receive-pack", self.repository.url);
        check_advertisement(self.send(Request::get(url))?.body(), update)?;
        let command = packet::line(&format!("{old} {new} {branch}\0report-status agent=far"));
        let body = [command.as_bytes(), b"0000", pack].concat();
        let request = Request::post(format!("{}/git-receive-pack", self.repository.url))
            .header("content-type", "application/x-git-receive-pack-request")
            .header("accept", "application/x-git-receive-pack-result");
        check_report(self.send(request.body(body))?.body(), branch)
    }

    fn require_version_2(&self) -> Result<(), far_skill::Error> {
        let request = Request::get(format!("{}/info/refs?service=git-upload-pack", self.repository.url));
        let response = self.send(request.header("git-protocol", "version=2"))?;
        for packet in packet::all(response.body()) {
            if packet? == Packet::Line(b"version 2") {
                return Ok(());
            }
        }
        Err("the server does not support version 2 of git's protocol".into())
    }

    fn command(&self, name: &str, arguments: &[&str]) -> Result<Response, far_skill::Error> {
        let request = Request::post(format!("{}/git-upload-pack", self.repository.url))
            .header("git-protocol", "version=2")
            .header("content-type", "application/x-git-upload-pack-request")
            .header("accept", "application/x-git-upload-pack-result");
        self.send(request.body(packet::command(name, arguments)))
    }

    fn send(&self, request: Request) -> Result<Response, far_skill::Error> {
        let response = request.basic(self.user, self.password)?.send()?;
        match response.status() {
            200 => Ok(response),
            401 | 403 => Err("the server rejected the password".into()),
            status => Err(format!("the server returned status {status}").into()),
        }
    }
}

/// The update of a branch.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    /// The branch's full name.
    pub branch: &'a str,
    /// The expected current commit.
    pub old: ObjectId,
    /// The new commit.
    pub new: ObjectId,
}

/// Checks that the branch is unchanged and that the server reports the result of a push.
fn check_advertisement(body: &[u8], update: &Update<'_>) -> Result<(), far_skill::Error> {
    let (mut reports, mut is_there) = (false, false);
    for packet in packet::all(body) {
        let Packet::Line(line) = packet? else { continue };
        let mut parts = accepted(line)?.splitn(2, |byte| *byte == 0);
        is_there |= parts.next() == Some(format!("{} {}", update.old, update.branch).as_bytes());
        let capabilities = parts.next().unwrap_or_default();
        reports |= capabilities.split(|byte| *byte == b' ').any(|capability| capability == b"report-status");
    }
    match (reports, is_there) {
        (true, true) => Ok(()),
        (false, _) => Err("the server does not report the result of a push".into()),
        (true, false) => Err(format!("{} is no longer at {}", update.branch, update.old).into()),
    }
}

/// Checks that the server accepted the push.
fn check_report(body: &[u8], branch: &str) -> Result<(), far_skill::Error> {
    let (mut is_unpacked, mut is_updated) = (false, false);
    for packet in packet::all(body) {
        let Packet::Line(line) = packet? else { continue };
        let line = accepted(line)?;
        if let Some(reason) = line.strip_prefix(format!("ng {branch} ").as_bytes()) {
            return Err(refusal(reason));
        }
        is_unpacked |= line == b"unpack ok";
        is_updated |= line == format!("ok {branch}").as_bytes();
    }
    if is_unpacked && is_updated { Ok(()) } else { Err("the server did not confirm the push".into()) }
}

/// Extracts the pack from a response.
fn extract_pack(body: &[u8]) -> Result<Vec<u8>, far_skill::Error> {
    let mut packets = packet::all(body);
    loop {
        match packets.next().ok_or("the response contains no pack")?? {
            Packet::Line(b"packfile") => break,
            Packet::Line(line) => accepted(line)?,
            Packet::Delimiter => continue,
        };
    }
    let mut pack = Vec::with_capacity(body.len());
    for packet in packets {
        match packet? {
            Packet::Line([1, data @ ..]) => pack.extend_from_slice(data),
            Packet::Line([3, error @ ..]) => return Err(refusal(error)),
            _ => {}
        }
    }
    Ok(pack)
}

/// Returns the line, or the error that it reports.
fn accepted(line: &[u8]) -> Result<&[u8], far_skill::Error> {
    line.strip_prefix(b"ERR ").map_or(Ok(line), |error| Err(refusal(error)))
}

fn refusal(error: &[u8]) -> far_skill::Error {
    format!("the server refused it: {}", String::from_utf8_lossy(error).trim()).into()
}
