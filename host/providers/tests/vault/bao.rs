//! Administration of a test server.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use far_servers::http::{self, Request};
use far_servers::{OpenBao, or_skip};
use serde_json::Value;

/// A server with KV version 2 at `kv`. It stops when this is dropped.
pub(crate) struct Bao {
    pub(crate) address: String,
    server: OpenBao,
}

/// A directory for owner-only files.
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
    /// Starts a server; `None`, with a message, if OpenBao is not available.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(None)
    }

    /// Starts a server with an additional configuration file.
    pub(crate) fn start_with(configuration: Option<&Path>) -> Option<Self> {
        let server = or_skip(OpenBao::dev_with(configuration))?;
        server.mount_kv("kv").unwrap();
        Some(Self { address: server.address(), server })
    }

    /// Mounts KV version 2.
    pub(crate) fn mount_kv(&self, path: &str) {
        self.server.mount_kv(path).unwrap();
    }

    /// Returns the root token.
    pub(crate) fn root(&self) -> &str {
        self.server.root_token()
    }

    /// Sends a request as root.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Value {
        self.server.api(method, path, &Value::Null).unwrap()
    }

    /// Writes as root.
    pub(crate) fn ok(&self, path: &str, body: &str) -> Value {
        self.server.api("POST", path, &serde_json::from_str(body).unwrap()).unwrap()
    }

    /// Returns true if the server accepts a write as root.
    pub(crate) fn takes(&self, path: &str, body: &str) -> bool {
        self.server.api("POST", path, &serde_json::from_str(body).unwrap()).is_ok()
    }

    /// Writes as root with response wrapping; returns the wrapping token.
    pub(crate) fn wrapped(&self, path: &str) -> String {
        let headers = [("x-vault-token", self.root()), ("x-vault-wrap-ttl", "300s")];
        let path = format!("/v1/{path}");
        let request = Request { method: "POST", path: &path, headers: &headers, body: b"{}" };
        let answer = http::send(self.server.socket(), &request).unwrap();
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        answer["wrap_info"]["token"].as_str().unwrap().to_owned()
    }
}

/// Returns a free port for a second listener.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
