//! What an operator does to a server.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use far_servers::http::{self, Request};
use far_servers::{OpenBao, or_skip};
use serde_json::Value;

/// A server with an engine of the second kind at `kv`. It ends when this is dropped.
pub(crate) struct Bao {
    pub(crate) address: String,
    server: OpenBao,
}

/// Files that are their owner's alone.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }
}

impl Bao {
    /// Starts one; none where it cannot be had, which is said.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(None)
    }

    /// The same, with a file that has more of its configuration.
    pub(crate) fn start_with(configuration: Option<&Path>) -> Option<Self> {
        let server = or_skip(OpenBao::dev_with(configuration))?;
        server.mount_kv("kv").unwrap();
        Some(Self { address: server.address(), server })
    }

    /// Mounts another engine of the second kind.
    pub(crate) fn mount_kv(&self, path: &str) {
        self.server.mount_kv(path).unwrap();
    }

    /// The token that may do anything.
    pub(crate) fn root(&self) -> &str {
        self.server.root_token()
    }

    /// Asks for something as root.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Value {
        self.server.api(method, path, &Value::Null).unwrap()
    }

    /// Writes something as root.
    pub(crate) fn ok(&self, path: &str, body: &str) -> Value {
        self.server.api("POST", path, &serde_json::from_str(body).unwrap()).unwrap()
    }

    /// Whether it takes what is written as root.
    pub(crate) fn takes(&self, path: &str, body: &str) -> bool {
        self.server.api("POST", path, &serde_json::from_str(body).unwrap()).is_ok()
    }

    /// The same, with what is answered in a wrapping: its token.
    pub(crate) fn wrapped(&self, path: &str) -> String {
        let headers = [("x-vault-token", self.root()), ("x-vault-wrap-ttl", "300s")];
        let path = format!("/v1/{path}");
        let request = Request { method: "POST", path: &path, headers: &headers, body: b"{}" };
        let answer = http::send(self.server.socket(), &request).unwrap();
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        answer["wrap_info"]["token"].as_str().unwrap().to_owned()
    }
}

/// A port that is free, for another listener.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
