//! An OCI registry: Docker's.

mod image;
mod install;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::{Value, json};

use crate::failure::{Failure, OrFailure};
use crate::http::{self, Answer, Request};
use crate::port;
use crate::process::{Process, Program};
use crate::{Authority, random};

/// What a password's hash costs: nothing, since it guards nothing.
const COST: u32 = 4;

/// An empty registry over TLS, which a user and a password open.
pub struct Registry {
    process: Process,
    port: u16,
    client: Arc<ClientConfig>,
    name: String,
    password: String,
}

impl Registry {
    /// The version that is installed, without its last part.
    pub const VERSION: &str = "2.8";
    /// Who may do everything.
    pub const USER: &str = "tests";

    /// Installs it, unless the machine has it, or that was done.
    ///
    /// # Errors
    ///
    /// [`Failure::is_absent`] if the package cannot be had.
    pub fn install() -> Result<(), Failure> {
        install::program().map(drop)
    }

    /// A registry with a certificate of this authority, and a password of its own.
    ///
    /// # Errors
    ///
    /// [`Failure::is_absent`] if it cannot be installed; otherwise it does not start.
    pub fn start(authority: &Authority) -> Result<Self, Failure> {
        Self::named(authority, "localhost", &random::text()?)
    }

    /// The same with a certificate of this name, and this password, of 72 bytes at most.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub fn named(authority: &Authority, name: &str, password: &str) -> Result<Self, Failure> {
        let program = install::program()?;
        let folder = Arc::new(tempfile::tempdir().or_failure("make a temporary folder")?);
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).or_failure(format!("write {name}")).map(|()| path)
        };
        let (certificate, key) = authority.files(name);
        let hash = bcrypt::hash(password, COST).or_failure("hash a password")?;
        let certificate = write("tls.pem", &certificate)?;
        let key = write("tls.key", &key)?;
        let passwords = write("htpasswd", &format!("{}:{hash}\n", Self::USER))?;
        let secret = random::text()?;
        port::on_free(|port| {
            let http = json!({
                "addr": address(port), "secret": secret, "tls": { "certificate": certificate, "key": key },
            });
            // What is JSON is YAML, too.
            let config = json!({
                "version": "0.1", "http": http, "log": { "level": "info" },
                "storage": { "filesystem": { "rootdirectory": folder.path().join("storage") } },
                "auth": { "htpasswd": { "realm": "tests", "path": passwords } },
            });
            let mut command = Command::new(&program);
            command.arg("serve").arg(write("config.yml", &config.to_string())?);
            let program = Program { command, stop: "TERM", user: None, folder: folder.clone() };
            let process = Process::start(program, "listening on")?;
            Ok(Self { process, port, client: authority.client(), name: name.to_owned(), password: password.to_owned() })
        })
    }

    /// `https://NAME:PORT`.
    pub fn address(&self) -> String {
        format!("https://{}:{}", self.name, self.port)
    }

    /// Where it listens.
    pub fn socket(&self) -> SocketAddr {
        address(self.port)
    }

    /// The password of [`Self::USER`].
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Sends it a request, with the password.
    ///
    /// # Errors
    ///
    /// It does not answer.
    pub fn send(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        self.send_with(&self.password, request)
    }

    /// The same with another password.
    ///
    /// # Errors
    ///
    /// As [`Self::send`].
    pub fn send_with(&self, password: &str, request: &Request<'_>) -> Result<Answer, Failure> {
        let login = STANDARD.encode(format!("{}:{password}", Self::USER));
        let authorization = format!("Basic {login}");
        let mut headers = vec![("authorization", authorization.as_str())];
        headers.extend(request.headers);
        let name = ServerName::try_from(self.name.clone()).or_failure("name the registry")?;
        let tls = ClientConnection::new(self.client.clone(), name).or_failure("use TLS")?;
        let stream = http::connect(self.socket()).or_failure("connect to the registry")?;
        let mut stream = StreamOwned::new(tls, stream);
        http::exchange(&mut stream, &Request { headers: &headers, ..*request }).or_failure("send it to the registry")
    }

    /// The tags of a repository in their order; none if there is no such repository.
    ///
    /// # Errors
    ///
    /// As [`Self::send`].
    pub fn tags(&self, repository: &str) -> Result<Vec<String>, Failure> {
        let path = format!("/v2/{repository}/tags/list");
        let answer = self.send(&Request { method: "GET", path: &path, headers: &[], body: &[] })?;
        let list: Value = serde_json::from_slice(&answer.body).or_failure("read a list of tags")?;
        let tags = list.get("tags").and_then(Value::as_array).into_iter().flatten();
        let mut tags: Vec<_> = tags.filter_map(|tag| tag.as_str().map(str::to_owned)).collect();
        tags.sort();
        Ok(tags)
    }

    /// The digest of the manifest that has this tag.
    ///
    /// # Errors
    ///
    /// As [`Self::send`]; and there is none.
    pub fn digest(&self, repository: &str, tag: &str) -> Result<String, Failure> {
        let path = format!("/v2/{repository}/manifests/{tag}");
        let accept = [("accept", "application/vnd.oci.image.manifest.v1+json")];
        let answer = self.send(&Request { method: "HEAD", path: &path, headers: &accept, body: &[] })?;
        let digest = answer.header("docker-content-digest").filter(|_| answer.status == 200);
        digest.map(str::to_owned).ok_or_else(|| Failure::new(format!("the registry has no {repository}:{tag}")))
    }

    /// What it wrote to its log: a line for each request, too.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

impl crate::Running for Registry {
    fn address(&self) -> String {
        self.address()
    }
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
