//! OpenBao, whose API is Vault's.

mod disk;
mod install;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::failure::{Failure, OrFailure};
use crate::http::{self, Request};
use crate::port;
use crate::process::{Process, Program};
use crate::random;

/// A server that is initialized, unsealed and ready.
pub struct OpenBao {
    process: Process,
    folder: Arc<TempDir>,
    port: u16,
    root_token: String,
    /// The unseal key, for a server on disk.
    unseal_key: Option<String>,
}

impl OpenBao {
    /// The installed version.
    pub const VERSION: &str = "2.7.2";

    /// Installs OpenBao, unless it is installed.
    ///
    /// # Errors
    ///
    /// [`Failure::is_absent`] if the package is unavailable.
    pub fn install() -> Result<(), Failure> {
        install::program().map(drop)
    }

    /// Starts a server in memory, with KV version 2 at `secret/`. Takes a fraction of a second.
    ///
    /// # Errors
    ///
    /// [`Failure::is_absent`] if it cannot be installed, or an error if it does not start.
    pub fn dev() -> Result<Self, Failure> {
        Self::dev_with(None)
    }

    /// Starts a server in memory with an additional configuration file, for example for another
    /// listener.
    ///
    /// # Errors
    ///
    /// The errors of [`Self::dev`].
    pub fn dev_with(configuration: Option<&Path>) -> Result<Self, Failure> {
        let program = install::program()?;
        let root_token = random::text()?;
        port::on_free(|port| {
            let mut command = Command::new(&program);
            command.args(["server", "-dev", "-dev-no-store-token"]);
            command.arg(format!("-dev-root-token-id={root_token}"));
            command.arg(format!("-dev-listen-address={}", address(port)));
            command.args(configuration.map(|file| format!("-config={}", file.display())));
            let folder = folder()?;
            // Logged last, after the setup.
            let process = Process::start(program_in(command, &folder), "Development mode should NOT be used")?;
            Ok(Self { process, folder, port, root_token: root_token.clone(), unseal_key: None })
        })
    }

    /// Starts a server with persistent state, which can be restarted and writes an audit log:
    /// [`Self::audit_log`].
    ///
    /// # Errors
    ///
    /// The errors of [`Self::dev`].
    pub fn on_disk() -> Result<Self, Failure> {
        let program = install::program()?;
        port::on_free(|port| disk::start(&program, port))
    }

    /// Returns the URL, `http://127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("http://{}", self.socket())
    }

    /// Returns the address.
    pub fn socket(&self) -> SocketAddr {
        address(self.port)
    }

    /// Returns the root token.
    pub fn root_token(&self) -> &str {
        &self.root_token
    }

    /// Calls the API with the root token and returns the response's JSON, or null for an empty
    /// response. The path follows `/v1/`; a null body sends none.
    ///
    /// # Errors
    ///
    /// An error if there is no response, or a response with an error status.
    pub fn api(&self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        call(self.socket(), Some(&self.root_token), method, path, body)
    }

    /// Mounts a KV engine of version 2 at this path, and waits until it accepts requests.
    ///
    /// # Errors
    ///
    /// The errors of [`Self::api`].
    pub fn mount_kv(&self, path: &str) -> Result<(), Failure> {
        let before = self.process.lines();
        let engine = json!({ "type": "kv", "options": { "version": "2" } });
        self.api("POST", &format!("sys/mounts/{path}"), &engine)?;
        self.process.wait_for_after(before, "upgrading keys finished").map(drop)
    }

    /// Returns the server's log.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

impl crate::RunningServer for OpenBao {
    fn address(&self) -> String {
        self.address()
    }
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn folder() -> Result<Arc<TempDir>, Failure> {
    tempfile::tempdir().map(Arc::new).or_failure("create a temporary folder")
}

fn program_in(command: Command, folder: &Arc<TempDir>) -> Program {
    Program { command, stop: "TERM", user: None, folder: folder.clone() }
}

fn call(to: SocketAddr, token: Option<&str>, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let headers: Vec<_> = token.map(|token| ("x-vault-token", token)).into_iter().collect();
    let path = format!("/v1/{path}");
    let request = Request { method, path: &path, headers: &headers, body: &bytes };
    let response = http::send(to, &request).or_failure(format!("send {method} {path} to OpenBao"))?;
    let text = String::from_utf8_lossy(&response.body);
    if !(200..300).contains(&response.status) {
        return Err(Failure::new(format!("OpenBao answered {method} {path} with {}: {text}", response.status)));
    }
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).or_failure(format!("parse the response of OpenBao to {method} {path}"))
}

/// Returns true if the program runs.
fn is_program(path: &Path) -> bool {
    Command::new(path).arg("version").output().is_ok_and(|output| output.status.success())
}
