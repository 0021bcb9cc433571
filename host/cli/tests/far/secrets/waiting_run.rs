//! A run whose skill holds a handle to a secret and waits in a request until it is released.

use std::process::Output;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use far_component::embed;
use far_servers::Authority;
use far_servers::https::{Handler, Https, ReceivedRequest, Reply};
use far_tests::{github, guests};
use serde_json::json;

use crate::canary::Canaries;
use crate::fixture::Far;
use crate::masks::mask;
use crate::running::RunningFar;

/// The declaration of the skill. Its requests wait if their path begins with `/wait`.
const DECLARATION: &str = r#"{"name":"sender","version":"1","description":"d","secrets":[{"name":"token","operations":["seal"],
    "destinations":["https://api.github.com"],"reason":"r"}]}"#;
/// Longer than a run takes to send its first request.
pub(super) const LONGEST: Duration = Duration::from_secs(60);

pub(super) struct WaitingRun {
    pub(super) far: Far,
    pub(super) running: RunningFar,
    server: Https,
    go: Sender<()>,
    arrived: Receiver<()>,
    canaries: Canaries,
}

/// The result of a waiting run.
pub(super) struct RunResult {
    pub(super) code: Option<i32>,
    /// The masked stderr.
    pub(super) stderr: String,
    /// The credential of the request to `/then`, if any.
    pub(super) sent: Option<String>,
    /// The command, which keeps its folders.
    pub(super) far: Far,
}

impl WaitingRun {
    /// Starts a run with this provider and secret in `far.toml`, these values, and these files. It
    /// sends requests to these paths, each with the held handle or with a new one.
    pub(super) fn start(config: &str, values: &str, requests: &[(&str, bool)], with: impl FnOnce(Far) -> Far) -> Self {
        let (came, arrived) = mpsc::channel();
        let (go, going) = mpsc::channel();
        let going = Mutex::new(going);
        let handler: Handler = Arc::new(move |request: &ReceivedRequest| {
            if request.target.starts_with("/wait") {
                came.send(()).unwrap();
                // An error means that the test is over.
                let _ = going.lock().unwrap().recv();
            }
            Reply::new(200, "fine")
        });
        let authority = Authority::new();
        let server = Https::start(&authority, github::NAME, handler).unwrap();
        let sender = std::fs::read(guests::SENDER).unwrap();
        let sender = embed(&sender, DECLARATION.as_bytes(), false).unwrap().component;
        let to = |(path, new_handle): &(&str, bool)| {
            let url = format!("https://{}{path}", github::NAME);
            json!({ "method": "GET", "url": url, "bearer": "token", "new_handle": new_handle })
        };
        let input = json!({ "secrets": ["token"], "requests": requests.iter().map(to).collect::<Vec<_>>() });
        let config = format!(
            "[egress]\nnetworks = ['127.0.0.0/8']\nca-file = 'ca.pem'\nhosts = {{ '{}' = '127.0.0.1:{}' }}\n{config}\
             operations = ['seal']\ndestinations = ['https://api.github.com']\n",
            github::NAME,
            server.port()
        );
        let far = Far::run("sender.wasm", "--grant token:seal@https://api.github.com --config far.toml");
        let far = far.args(["--input".to_owned(), input.to_string()]).file("sender.wasm", sender);
        let far = with(far.file("far.toml", config).file("ca.pem", authority.pem()).env_file(values));
        let running = RunningFar::start(&far);
        Self { far, running, server, go, arrived, canaries: Canaries::of(&[values.to_owned()]) }
    }

    /// Starts a run with the secret in a `.env`.
    pub(super) fn dotenv(with: impl FnOnce(Far) -> Far) -> Self {
        let config = "[providers.dev]\ntype = 'dotenv'\npath = '.env'\n[secrets.token]\nprovider = 'dev'\n";
        Self::start(config, "TOKEN=token-canary-9b41e7\n", &[("/wait", false), ("/then", false)], with)
    }

    /// Waits until the skill waits with a handle.
    pub(super) fn waiting(self) -> Self {
        self.arrived.recv_timeout(LONGEST).unwrap();
        self
    }

    /// Releases the skill, and waits until it waits again.
    pub(super) fn again(self) -> Self {
        self.go.send(()).unwrap();
        self.waiting()
    }

    /// Runs another command with the same configuration. Returns the exit code, and stdout and
    /// stderr with masks and `PID` for the run's process id.
    pub(super) fn also(&self, words: &str) -> (Option<i32>, String, String) {
        self.masked(self.far.also(words).output().unwrap())
    }

    /// Returns the exit code and the masked output of a command.
    pub(super) fn masked(&self, output: Output) -> (Option<i32>, String, String) {
        self.canaries.assert_none_in("stdout", &output.stdout);
        self.canaries.assert_none_in("stderr", &output.stderr);
        let text = |bytes| mask(&String::from_utf8(bytes).unwrap()).replace(&self.running.id().to_string(), "PID");
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// Releases the skill, and waits for the run's end.
    pub(super) fn end(self) -> RunResult {
        let _ = self.go.send(());
        let (code, stdout, stderr) = self.running.end();
        self.canaries.assert_none_in("stdout", stdout.as_bytes());
        self.canaries.assert_none_in("stderr", stderr.as_bytes());
        self.canaries.assert_none_in_files(self.far.path("").as_path());
        let then = self.server.arrived().into_iter().find(|request| request.target == "/then");
        let sent = then.and_then(|request| request.header("authorization").map(str::to_owned));
        RunResult { code, stderr: mask(&stderr), sent, far: self.far }
    }

    /// Waits for the end of a killed run, and keeps its folders.
    pub(super) fn killed(self) -> Far {
        assert_eq!(self.running.end().0, None);
        self.far
    }

    pub(super) fn control(&self) -> std::path::PathBuf {
        self.far.control()
    }

    /// Returns the control socket of the run.
    pub(super) fn socket(&self) -> std::path::PathBuf {
        let mut sockets = self.control().read_dir().unwrap().map(|entry| entry.unwrap().path());
        let socket = sockets.next().unwrap();
        assert!(sockets.next().is_none(), "one socket for one process");
        socket
    }
}
