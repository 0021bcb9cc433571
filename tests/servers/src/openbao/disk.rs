//! A server that keeps its state.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{OpenBao, address, call, folder, install, program_in};
use crate::failure::{Failure, OrFailure};
use crate::process::Process;

/// Said when requests are taken, whether it is sealed or not.
const LISTENING: &str = "==> OpenBao server started!";
/// Said, one after the other, when it is not sealed any more and does what it is for: until it has won an election, of which it
/// is the only voter, it can only be read from.
const UNSEALED: [&str; 2] = ["enabling active operation", "post-unseal setup complete"];

impl OpenBao {
    /// What its audit device wrote, one JSON object to a line; nothing for a server in memory.
    pub fn audit_log(&self) -> String {
        fs::read_to_string(audit(self.folder.path())).unwrap_or_default()
    }

    /// Kills it, with no time to put anything in order, and starts it again on its port with what is in its folder. It is then
    /// sealed. A server in memory has lost its state and cannot be started so.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub fn kill_and_start(&mut self) -> Result<(), Failure> {
        if self.unseal_key.is_none() {
            return Err(Failure::new("a server in memory has nothing to start again with"));
        }
        self.process.kill();
        self.process = serve(&install::program()?, &self.folder)?;
        Ok(())
    }

    /// Unseals it, and waits until it does what it is for.
    ///
    /// # Errors
    ///
    /// It does not take the key, or is a server in memory.
    pub fn unseal(&self) -> Result<(), Failure> {
        let key = self.unseal_key.as_ref().ok_or_else(|| Failure::new("a server in memory is never sealed"))?;
        unseal(&self.process, self.port, key)
    }
}

/// Starts, initialises and unseals one.
pub(super) fn start(program: &Path, port: u16) -> Result<OpenBao, Failure> {
    let folder = folder()?;
    fs::create_dir(folder.path().join("raft")).or_failure("make a folder for storage")?;
    fs::write(config(folder.path()), configuration(port, folder.path())).or_failure("write a configuration")?;
    let process = serve(program, &folder)?;
    let init = json!({ "secret_shares": 1, "secret_threshold": 1 });
    let made = call(address(port), None, "PUT", "sys/init", &init)?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let token = made.get("root_token").and_then(text);
    let key = made.pointer("/keys/0").and_then(text);
    let (Some(root_token), Some(key)) = (token, key) else {
        return Err(Failure::new("OpenBao was initialised and told no token, or no key"));
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

/// An audit device is only taken from here: over the API, it would be a way to write files. The smallest multiplier has the only
/// voter wait for a rival for seconds, not for half a minute.
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
