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

/// A server that is initialised, unsealed and takes requests.
pub struct OpenBao {
    process: Process,
    folder: Arc<TempDir>,
    port: u16,
    root_token: String,
    /// What unseals it, if it keeps its state.
    unseal_key: Option<String>,
}

impl OpenBao {
    /// The version that is installed.
    pub const VERSION: &str = "2.7.2";

    /// Installs it, unless that was done.
    ///
    /// # Errors
    ///
    /// [`Failure::is_absent`] if the package cannot be had.
    pub fn install() -> Result<(), Failure> {
        install::program().map(drop)
    }

    /// A server in memory: KV version 2 at `secret/`, and nothing else set up. It starts in a fraction of a second.
    ///
    /// # Errors
    ///
    /// [`Failure::is_absent`] if it cannot be installed; otherwise it does not start.
    pub fn dev() -> Result<Self, Failure> {
        Self::dev_with(None)
    }

    /// The same, with a file that has more of its configuration, such as another listener.
    ///
    /// # Errors
    ///
    /// As [`Self::dev`].
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
            // Said last, when all of it is set up.
            let process = Process::start(program_in(command, &folder), "Development mode should NOT be used")?;
            Ok(Self { process, folder, port, root_token: root_token.clone(), unseal_key: None })
        })
    }

    /// A server that keeps its state in a folder, and writes an audit log: [`Self::audit_log`]. It can be stopped and started
    /// again.
    ///
    /// # Errors
    ///
    /// As [`Self::dev`].
    pub fn on_disk() -> Result<Self, Failure> {
        let program = install::program()?;
        port::on_free(|port| disk::start(&program, port))
    }

    /// `http://127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("http://{}", self.socket())
    }

    /// Where it listens.
    pub fn socket(&self) -> SocketAddr {
        address(self.port)
    }

    /// A token that may do everything.
    pub fn root_token(&self) -> &str {
        &self.root_token
    }

    /// Calls its API with the root token: the answer's JSON, or null where there is none. The path is what follows `/v1/`; null is
    /// no body.
    ///
    /// # Errors
    ///
    /// It answers with an error, or not at all.
    pub fn api(&self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        call(self.socket(), Some(&self.root_token), method, path, body)
    }

    /// Mounts a KV engine of version 2 at this path, and waits until it takes requests: it refuses them for a moment.
    ///
    /// # Errors
    ///
    /// As [`Self::api`].
    pub fn mount_kv(&self, path: &str) -> Result<(), Failure> {
        let before = self.process.lines();
        let engine = json!({ "type": "kv", "options": { "version": "2" } });
        self.api("POST", &format!("sys/mounts/{path}"), &engine)?;
        self.process.wait_for_after(before, "upgrading keys finished").map(drop)
    }

    /// What it wrote to its log.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

impl crate::Running for OpenBao {
    fn address(&self) -> String {
        self.address()
    }
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn folder() -> Result<Arc<TempDir>, Failure> {
    tempfile::tempdir().map(Arc::new).or_failure("make a temporary folder")
}

fn program_in(command: Command, folder: &Arc<TempDir>) -> Program {
    Program { command, stop: "TERM", user: None, folder: folder.clone() }
}

fn call(to: SocketAddr, token: Option<&str>, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let headers: Vec<_> = token.map(|token| ("x-vault-token", token)).into_iter().collect();
    let path = format!("/v1/{path}");
    let request = Request { method, path: &path, headers: &headers, body: &bytes };
    let answer = http::send(to, &request).or_failure(format!("send {method} {path} to OpenBao"))?;
    let text = String::from_utf8_lossy(&answer.body);
    if !(200..300).contains(&answer.status) {
        return Err(Failure::new(format!("OpenBao answered {method} {path} with {}: {text}", answer.status)));
    }
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).or_failure(format!("read what OpenBao answered to {method} {path}"))
}

/// Whether this is a program that can be run.
fn is_program(path: &Path) -> bool {
    Command::new(path).arg("version").output().is_ok_and(|output| output.status.success())
}
