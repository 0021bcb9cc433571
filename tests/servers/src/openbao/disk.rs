//! A server with persistent state.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{OpenBao, address, call, folder, install, program_in};
use crate::failure::{Failure, OrFailure};
use crate::process::Process;

/// Logged when the server accepts requests, sealed or not.
const LISTENING: &str = "==> OpenBao server started!";
/// Logged in this order after unsealing. Until the server has won the election, of which it is the
/// only voter, it is read-only.
const UNSEALED: [&str; 2] = ["enabling active operation", "post-unseal setup complete"];

impl OpenBao {
    /// Returns the audit log, one JSON object in each line. Empty for a server in memory.
    pub fn audit_log(&self) -> String {
        fs::read_to_string(audit(self.folder.path())).unwrap_or_default()
    }

    /// Kills the server and restarts it on its port and folder. It is then sealed. A server in
    /// memory cannot be restarted, because its state is lost.
    ///
    /// # Errors
    ///
    /// An error if the server does not start.
    pub fn kill_and_restart(&mut self) -> Result<(), Failure> {
        if self.unseal_key.is_none() {
            return Err(Failure::new("a server in memory cannot be restarted"));
        }
        self.process.kill();
        self.process = serve(&install::program()?, &self.folder)?;
        Ok(())
    }

    /// Unseals the server and waits until it is active.
    ///
    /// # Errors
    ///
    /// An error if the server rejects the key, or is in memory.
    pub fn unseal(&self) -> Result<(), Failure> {
        let key = self.unseal_key.as_ref().ok_or_else(|| Failure::new("a server in memory is never sealed"))?;
        unseal(&self.process, self.port, key)
    }
}

/// Starts, initializes and unseals a server.
pub(super) fn start(program: &Path, port: u16) -> Result<OpenBao, Failure> {
    let folder = folder()?;
    fs::create_dir(folder.path().join("raft")).or_failure("create a folder for storage")?;
    fs::write(config(folder.path()), configuration(port, folder.path())).or_failure("write a configuration")?;
    let process = serve(program, &folder)?;
    let init = json!({ "secret_shares": 1, "secret_threshold": 1 });
    let response = call(address(port), None, "PUT", "sys/init", &init)?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let token = response.get("root_token").and_then(text);
    let key = response.pointer("/keys/0").and_then(text);
    let (Some(root_token), Some(key)) = (token, key) else {
        return Err(Failure::new("OpenBao returned no root token or no unseal key"));
    };
    unseal(&process, port, &key)?;
    Ok(OpenBao { process, folder, port, root_token, unseal_key: Some(key) })
}

fn serve(program: &Path, folder: &Arc<TempDir>) -> Result<Process, Failure> {
    let mut command = Command::new(program);
    command.arg("server").arg("-config").arg(config(folder.path()));
    Process::start(program_in(command, folder), LISTENING)
}

fn unseal(process: &Process, port: u16, key: &str) -> Result<(), Failure> {
    let before = process.lines();
    call(address(port), None, "PUT", "sys/unseal", &json!({ "key": key }))?;
    UNSEALED.into_iter().try_fold(before, |lines, words| process.wait_for_after(lines, words)).map(drop)
}

fn config(folder: &Path) -> std::path::PathBuf {
    folder.join("config.json")
}

fn audit(folder: &Path) -> std::path::PathBuf {
    folder.join("audit.jsonl")
}

/// Returns the configuration. Audit devices are configured here, because the API does not allow
/// devices that write files. The smallest multiplier shortens the election from half a minute to
/// seconds.
fn configuration(port: u16, folder: &Path) -> String {
    let here = address(port);
    let device = json!({ "description": "tests", "options": { "file_path": audit(folder) } });
    let configuration = json!({
        "api_addr": format!("http://{here}"),
        "cluster_addr": format!("http://{}", address(port + 1)),
        "listener": { "tcp": { "address": here, "tls_disable": true } },
        "storage": { "raft": { "path": folder.join("raft"), "node_id": "tests", "performance_multiplier": "1" } },
        "audit": { "file": { "tests": device } },
        "raw_storage_endpoint": false,
    });
    configuration.to_string()
}
