//! Fetches the newest commit of a repository, with all files and without what came before: what `git clone --depth=1` receives.
//!
//! It speaks git's own protocol over HTTPS, version 2: it asks which commit HEAD is, fetches a pack with it, and checks that the
//! pack is whole. What is in the pack, it does not unpack. The requests carry a password that this skill never sees: the host puts
//! it there as each leaves, towards this one server and nowhere else. Who takes this example for another server names that, here
//! and in `skill.json`.
//!
//! See <https://git-scm.com/docs/protocol-v2> and <https://git-scm.com/docs/gitformat-pack>.

#![forbid(unsafe_code)]

mod pack;
mod packet;

use far_skill::http::{Request, Response};
use far_skill::secrets::Secret;
use far_skill::{Schema, secrets};
use serde::{Deserialize, Serialize};

use crate::pack::Pack;
use crate::packet::Packet;

const SERVER: &str = "https://git.example.com";

#[derive(Deserialize, Schema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// Who the password is of; some servers take any name with a token.
    user: String,
    /// The repository's path on the server.
    repository: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Output {
    /// The commit that HEAD is.
    head: String,
    /// The branch that HEAD is, if it is one.
    branch: Option<String>,
    /// How many objects the pack has.
    objects: u32,
    /// How long the pack is, in bytes.
    pack_bytes: usize,
}

#[far_skill::skill]
fn fetch(input: Input) -> Result<Output, far_skill::Error> {
    let repository = path(&input.repository)?;
    let password = secrets::get("git-password")?;
    let remote = Remote { url: format!("{SERVER}/{repository}"), user: &input.user, password: &password };
    remote.speaks_version_2()?;
    let (head, branch) = remote.head()?;
    let pack = remote.pack(&head)?;
    Ok(Output { head, branch, objects: pack.objects, pack_bytes: pack.bytes })
}

/// A repository on a server, and who asks for it.
struct Remote<'a> {
    url: String,
    user: &'a str,
    password: &'a Secret,
}

impl Remote<'_> {
    fn speaks_version_2(&self) -> Result<(), far_skill::Error> {
        let request = Request::get(format!("{}/info/refs?service=git-upload-pack", self.url));
        let response = self.send(request)?;
        if packet::all(response.body())?.contains(&Packet::Line(b"version 2")) {
            return Ok(());
        }
        Err("the server does not speak version 2 of git's protocol".into())
    }

    /// The commit that HEAD is, and its branch.
    fn head(&self) -> Result<(String, Option<String>), far_skill::Error> {
        let response = self.command("ls-refs", &["symrefs", "ref-prefix HEAD"])?;
        for packet in packet::all(response.body())? {
            let Packet::Line(line) = packet else { continue };
            let line = str::from_utf8(line).map_err(|_| "a reference is not text")?;
            let mut words = line.split(' ');
            if let (Some(commit), Some("HEAD")) = (words.next(), words.next()) {
                let branch = words.find_map(|word| word.strip_prefix("symref-target:refs/heads/"));
                return Ok((object_id(commit)?.to_owned(), branch.map(str::to_owned)));
            }
        }
        Err("the repository has no commit".into())
    }

    /// A pack with the commit and its files.
    fn pack(&self, commit: &str) -> Result<Pack, far_skill::Error> {
        let response = self.command("fetch", &["no-progress", "deepen 1", &format!("want {commit}"), "done"])?;
        let packets = packet::all(response.body())?;
        let start = packets.iter().position(|packet| *packet == Packet::Line(b"packfile"));
        let start = start.ok_or("the server sends no pack")?;
        let mut bytes = Vec::new();
        for packet in packets.into_iter().skip(start + 1) {
            match packet {
                Packet::Line([1, data @ ..]) => bytes.extend_from_slice(data),
                Packet::Line([3, error @ ..]) => return Err(refused(error)),
                _ => {}
            }
        }
        Pack::read(&bytes)
    }

    fn command(&self, name: &str, arguments: &[&str]) -> Result<Response, far_skill::Error> {
        let request = Request::post(format!("{}/git-upload-pack", self.url))
            .header("content-type", "application/x-git-upload-pack-request")
            .header("accept", "application/x-git-upload-pack-result");
        self.send(request.body(packet::command(name, arguments)))
    }

    fn send(&self, request: Request) -> Result<Response, far_skill::Error> {
        let request = request.basic(self.user, self.password)?.header("git-protocol", "version=2");
        let response = request.send()?;
        match response.status() {
            200 => Ok(response),
            401 | 403 => Err("the server does not take the password".into()),
            status => Err(format!("the server answered with status {status}").into()),
        }
    }
}

/// A path of plain names; nothing of it leads elsewhere.
fn path(text: &str) -> Result<&str, far_skill::Error> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let is_name = |name: &str| !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain);
    if text.split('/').all(is_name) { Ok(text) } else { Err(format!("{text:?} is no path of a repository").into()) }
}

fn object_id(text: &str) -> Result<&str, far_skill::Error> {
    let is_id = text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_id { Ok(text) } else { Err("a reference is no SHA-1".into()) }
}

fn refused(error: &[u8]) -> far_skill::Error {
    format!("the server refused it: {}", String::from_utf8_lossy(error).trim()).into()
}

#[cfg(test)]
mod tests;
