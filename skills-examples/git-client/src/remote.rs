//! Requests to a server of git's, with a password that the host puts there.
//!
//! See <https://git-scm.com/docs/protocol-v2> for what is fetched, and <https://git-scm.com/docs/gitprotocol-pack> for what is pushed,
//! of which there is no version 2.

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
    /// Takes a path of plain names; nothing of it leads elsewhere on the server.
    ///
    /// # Errors
    ///
    /// It is something else; whoever made the input caused it.
    pub fn at(server: &str, path: &str) -> Result<Self, far_skill::Error> {
        let is_plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
        let is_name = |name: &str| !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain);
        if path.split('/').all(is_name) {
            return Ok(Self { url: format!("{server}/{path}") });
        }
        Err(format!("{path:?} is no path of a repository").into())
    }
}

/// A repository, and who asks for it.
pub struct Remote<'a> {
    /// Where it is.
    pub repository: Repository,
    /// Who the password is of.
    pub user: &'a str,
    /// A handle to the password.
    pub password: &'a Secret,
}

impl Remote<'_> {
    /// What a name stands for.
    ///
    /// # Errors
    ///
    /// The server does not speak version 2 of git's protocol, refuses, or has no such reference.
    pub fn reference(&self, name: &Name) -> Result<Reference, far_skill::Error> {
        self.speaks_version_2()?;
        let response = self.command("ls-refs", &["symrefs", &format!("ref-prefix {name}")])?;
        for packet in packet::all(response.body()) {
            let Packet::Line(line) = packet? else { continue };
            if let Some(reference) = Reference::parse(accepted(line)?, name)? {
                return Ok(reference);
            }
        }
        Err(format!("the repository has no {name}").into())
    }

    /// A commit with all its files, and without what came before: what `git clone --depth=1` receives.
    ///
    /// # Errors
    ///
    /// The server refuses, or what it sends is no pack, or one beyond the limits.
    pub fn fetch(&self, commit: ObjectId, limits: pack::Limits) -> Result<Pack, far_skill::Error> {
        let want = format!("want {commit}");
        let response = self.command("fetch", &["no-progress", "ofs-delta", "deepen 1", &want, "done"])?;
        let pack = unbanded(response.body())?;
        // As large as the pack, which stands in it.
        drop(response);
        Ok(Pack::read(&pack, limits)?)
    }

    /// Has the server take a commit, with what it does not have of it, as what a branch is from now on.
    ///
    /// # Errors
    ///
    /// The server refuses, or the branch is no longer what it was.
    pub fn push(&self, update: &Update<'_>, pack: &[u8]) -> Result<(), far_skill::Error> {
        let Update { branch, old, new } = update;
        let url = format!("{}/info/refs?service=git-receive-pack", self.repository.url);
        advertised(self.send(Request::get(url))?.body(), update)?;
        let command = packet::line(&format!("{old} {new} {branch}\0report-status agent=far"));
        let body = [command.as_bytes(), b"0000", pack].concat();
        let request = Request::post(format!("{}/git-receive-pack", self.repository.url))
            .header("content-type", "application/x-git-receive-pack-request")
            .header("accept", "application/x-git-receive-pack-result");
        reported(self.send(request.body(body))?.body(), branch)
    }

    fn speaks_version_2(&self) -> Result<(), far_skill::Error> {
        let request = Request::get(format!("{}/info/refs?service=git-upload-pack", self.repository.url));
        let response = self.send(request.header("git-protocol", "version=2"))?;
        for packet in packet::all(response.body()) {
            if packet? == Packet::Line(b"version 2") {
                return Ok(());
            }
        }
        Err("the server does not speak version 2 of git's protocol".into())
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
            401 | 403 => Err("the server does not take the password".into()),
            status => Err(format!("the server answered with status {status}").into()),
        }
    }
}

/// What a branch is to be.
#[derive(Clone, Copy, Debug)]
pub struct Update<'a> {
    /// Its name.
    pub branch: &'a str,
    /// What it must be before.
    pub old: ObjectId,
    /// What it is then.
    pub new: ObjectId,
}

/// That the server has the branch as it was, and says what becomes of it.
fn advertised(body: &[u8], update: &Update<'_>) -> Result<(), far_skill::Error> {
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
        (false, _) => Err("the server does not say whether it takes what is pushed".into()),
        (true, false) => Err(format!("{} is no longer {}", update.branch, update.old).into()),
    }
}

/// That the server took all of it.
fn reported(body: &[u8], branch: &str) -> Result<(), far_skill::Error> {
    let (mut is_unpacked, mut is_taken) = (false, false);
    for packet in packet::all(body) {
        let Packet::Line(line) = packet? else { continue };
        let line = accepted(line)?;
        if let Some(reason) = line.strip_prefix(format!("ng {branch} ").as_bytes()) {
            return Err(refused(reason));
        }
        is_unpacked |= line == b"unpack ok";
        is_taken |= line == format!("ok {branch}").as_bytes();
    }
    if is_unpacked && is_taken { Ok(()) } else { Err("the server does not say that it took what was pushed".into()) }
}

/// The pack in an answer, without what it says besides.
fn unbanded(body: &[u8]) -> Result<Vec<u8>, far_skill::Error> {
    let mut packets = packet::all(body);
    loop {
        match packets.next().ok_or("the server sends no pack")?? {
            Packet::Line(b"packfile") => break,
            Packet::Line(line) => accepted(line)?,
            Packet::Delimiter => continue,
        };
    }
    let mut pack = Vec::with_capacity(body.len());
    for packet in packets {
        match packet? {
            Packet::Line([1, data @ ..]) => pack.extend_from_slice(data),
            Packet::Line([3, error @ ..]) => return Err(refused(error)),
            _ => {}
        }
    }
    Ok(pack)
}

/// A line that is not the server's refusal.
fn accepted(line: &[u8]) -> Result<&[u8], far_skill::Error> {
    line.strip_prefix(b"ERR ").map_or(Ok(line), |error| Err(refused(error)))
}

fn refused(error: &[u8]) -> far_skill::Error {
    format!("the server refused it: {}", String::from_utf8_lossy(error).trim()).into()
}
