//! A run whose skill has a handle to a secret, and waits in a request until it is let go.

use std::process::Output;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use far_component::embed;
use far_servers::Authority;
use far_servers::https::{Arrived, Handler, Https, Reply};
use far_tests::{github, guests};
use serde_json::json;

use crate::canary::Canaries;
use crate::fixture::Far;
use crate::masks::mask;
use crate::running::Running;

/// Where the secret may be sent, and the skill's requests go: it waits in those whose path begins with `/wait`.
const DECLARATION: &str = r#"{"name":"sender","version":"1","description":"d","secrets":[{"name":"token","operations":["seal"],
    "destinations":["https://api.github.com"],"reason":"r"}]}"#;
/// Longer than a run takes to send its first request.
pub(super) const LONGEST: Duration = Duration::from_secs(60);

pub(super) struct Held {
    pub(super) far: Far,
    pub(super) running: Running,
    server: Https,
    go: Sender<()>,
    arrived: Receiver<()>,
    canaries: Canaries,
}

/// What came of it.
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    /// Masked.
    pub(super) stderr: String,
    /// The header of the request to `/then`, if there was one.
    pub(super) sent: Option<String>,
    /// Its folders stay as long as this.
    pub(super) far: Far,
}

impl Held {
    /// A run with this provider and these lines of the secret in its `far.toml`, these values, and this state of its files. It
    /// sends requests to these paths, each with the handle that it has, or with one that it gets anew.
    pub(super) fn start(config: &str, values: &str, requests: &[(&str, bool)], with: impl FnOnce(Far) -> Far) -> Self {
        let (came, arrived) = mpsc::channel();
        let (go, going) = mpsc::channel();
        let going = Mutex::new(going);
        let handler: Handler = Arc::new(move |request: &Arrived| {
            if request.target.starts_with("/wait") {
                came.send(()).unwrap();
                // If it fails, the test is over.
                let _ = going.lock().unwrap().recv();
            }
            Reply::new(200, "fine")
        });
        let authority = Authority::new();
        let server = Https::start(&authority, github::NAME, handler).unwrap();
        let sender = std::fs::read(guests::SENDER).unwrap();
        let sender = embed(&sender, DECLARATION.as_bytes(), false).unwrap().component;
        let to = |(path, anew): &(&str, bool)| {
            let url = format!("https://{}{path}", github::NAME);
            json!({ "method": "GET", "url": url, "bearer": "token", "anew": anew })
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
        let running = Running::start(&far);
        Self { far, running, server, go, arrived, canaries: Canaries::of(&[values.to_owned()]) }
    }

    /// With a `.env` that has the secret.
    pub(super) fn dotenv(with: impl FnOnce(Far) -> Far) -> Self {
        let config = "[providers.dev]\ntype = 'dotenv'\npath = '.env'\n[secrets.token]\nprovider = 'dev'\n";
        Self::start(config, "TOKEN=token-canary-9b41e7\n", &[("/wait", false), ("/then", false)], with)
    }

    /// Waits until the skill waits, with a handle.
    pub(super) fn waiting(self) -> Self {
        self.arrived.recv_timeout(LONGEST).unwrap();
        self
    }

    /// Lets the skill go on, and waits until it waits again.
    pub(super) fn again(self) -> Self {
        self.go.send(()).unwrap();
        self.waiting()
    }

    /// Another command of the same configuration: exit code, stdout and stderr, masked, `PID` in the place of the run's number.
    pub(super) fn also(&self, words: &str) -> (Option<i32>, String, String) {
        self.told(self.far.also(words).output().unwrap())
    }

    /// What a command said, masked as well.
    pub(super) fn told(&self, output: Output) -> (Option<i32>, String, String) {
        self.canaries.assert_none_in("stdout", &output.stdout);
        self.canaries.assert_none_in("stderr", &output.stderr);
        let text = |bytes| mask(&String::from_utf8(bytes).unwrap()).replace(&self.running.id().to_string(), "PID");
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// Lets the skill go on, and waits for the run's end.
    pub(super) fn end(self) -> Ended {
        let _ = self.go.send(());
        let (code, stdout, stderr) = self.running.end();
        self.canaries.assert_none_in("stdout", stdout.as_bytes());
        self.canaries.assert_none_in("stderr", stderr.as_bytes());
        self.canaries.assert_none_in_files(self.far.path("").as_path());
        let then = self.server.arrived().into_iter().find(|request| request.target == "/then");
        let sent = then.and_then(|request| request.header("authorization").map(str::to_owned));
        Ended { code, stderr: mask(&stderr), sent, far: self.far }
    }

    /// Waits for the end of a run that was killed. Its folders stay.
    pub(super) fn killed(self) -> Far {
        assert_eq!(self.running.end().0, None);
        self.far
    }

    pub(super) fn control(&self) -> std::path::PathBuf {
        self.far.control()
    }

    /// The socket of the run.
    pub(super) fn socket(&self) -> std::path::PathBuf {
        let mut sockets = self.control().read_dir().unwrap().map(|entry| entry.unwrap().path());
        let socket = sockets.next().unwrap();
        assert!(sockets.next().is_none(), "one process, one socket");
        socket
    }
}
