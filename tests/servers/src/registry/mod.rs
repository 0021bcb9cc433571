//! Docker's OCI registry.

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
use crate::http::{self, Request, Response};
use crate::port;
use crate::process::{Process, Program};
use crate::{Authority, random};

/// The cost of a password's hash: the lowest, because the password protects nothing.
const COST: u32 = 4;

/// A registry over TLS, with one user and password.
pub struct Registry {
    process: Process,
    port: u16,
    client: Arc<ClientConfig>,
    name: String,
    password: String,
}

impl Registry {
    /// The installed version, without its last component.
    pub const VERSION: &str = "2.8";
    /// The user with all permissions.
    pub const USER: &str = "tests";

    /// Installs the registry, unless it is installed.
    ///
    /// # Errors
    ///
    /// [`Failure::is_absent`] if the package is unavailable.
    pub fn install() -> Result<(), Failure> {
        install::program().map(drop)
    }

    /// Starts an empty registry, with a certificate of this authority and a random password.
    ///
    /// # Errors
    ///
    /// [`Failure::is_absent`] if it cannot be installed, or an error if it does not start.
    pub fn start(authority: &Authority) -> Result<Self, Failure> {
        Self::named(authority, "localhost", &random::text()?)
    }

    /// Starts an empty registry with this name and password, of at most 72 bytes.
    ///
    /// # Errors
    ///
    /// The errors of [`Self::start`].
    pub fn named(authority: &Authority, name: &str, password: &str) -> Result<Self, Failure> {
        let program = install::program()?;
        let folder = Arc::new(tempfile::tempdir().or_failure("create a temporary folder")?);
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
            // JSON is also YAML.
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

    /// Returns the URL, `https://NAME:PORT`.
    pub fn address(&self) -> String {
        format!("https://{}:{}", self.name, self.port)
    }

    /// Returns the address.
    pub fn socket(&self) -> SocketAddr {
        address(self.port)
    }

    /// Returns the password of [`Self::USER`].
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Sends a request with the password.
    ///
    /// # Errors
    ///
    /// An error if the registry does not respond.
    pub fn send(&self, request: &Request<'_>) -> Result<Response, Failure> {
        self.send_with(&self.password, request)
    }

    /// Sends a request with another password.
    ///
    /// # Errors
    ///
    /// The errors of [`Self::send`].
    pub fn send_with(&self, password: &str, request: &Request<'_>) -> Result<Response, Failure> {
        let login = STANDARD.encode(format!("{}:{password}", Self::USER));
        let authorization = format!("Basic {login}");
        let mut headers = vec![("authorization", authorization.as_str())];
        headers.extend(request.headers);
        let name = ServerName::try_from(self.name.clone()).or_failure("parse the registry's name")?;
        let tls = ClientConnection::new(self.client.clone(), name).or_failure("use TLS")?;
        let stream = http::connect(self.socket()).or_failure("connect to the registry")?;
        let mut stream = StreamOwned::new(tls, stream);
        http::exchange(&mut stream, &Request { headers: &headers, ..*request })
            .or_failure("send a request to the registry")
    }

    /// Returns the sorted tags of a repository, or none if it does not exist.
    ///
    /// # Errors
    ///
    /// The errors of [`Self::send`].
    pub fn tags(&self, repository: &str) -> Result<Vec<String>, Failure> {
        let path = format!("/v2/{repository}/tags/list");
        let response = self.send(&Request { method: "GET", path: &path, headers: &[], body: &[] })?;
        let list: Value = serde_json::from_slice(&response.body).or_failure("parse a list of tags")?;
        let tags = list.get("tags").and_then(Value::as_array).into_iter().flatten();
        let mut tags: Vec<_> = tags.filter_map(|tag| tag.as_str().map(str::to_owned)).collect();
        tags.sort();
        Ok(tags)
    }

    /// Returns the digest of the manifest with this tag.
    ///
    /// # Errors
    ///
    /// The errors of [`Self::send`], and an error if the tag does not exist.
    pub fn digest(&self, repository: &str, tag: &str) -> Result<String, Failure> {
        let path = format!("/v2/{repository}/manifests/{tag}");
        let accept = [("accept", "application/vnd.oci.image.manifest.v1+json")];
        let response = self.send(&Request { method: "HEAD", path: &path, headers: &accept, body: &[] })?;
        let digest = response.header("docker-content-digest").filter(|_| response.status == 200);
        digest.map(str::to_owned).ok_or_else(|| Failure::new(format!("the registry has no {repository}:{tag}")))
    }

    /// Returns the log, with a line for each request.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

impl crate::RunningServer for Registry {
    fn address(&self) -> String {
        self.address()
    }
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
