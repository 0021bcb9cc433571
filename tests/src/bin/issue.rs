//! Runs skills with `far run` against a fake of GitHub and prints one line of JSON for each, for
//! `cargo xtask verify languages`.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, reason = "this is a command line of tests")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use far_needle::{MaskedValue, Needle};
use far_tests::github;
use far_tests::server::{Authority, Server};
use serde_json::{Value, json};

const USAGE: &str = "usage: issue FAR CACHE SKILL…   runs each skill, with a cache of compiled skills";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let args: Vec<PathBuf> = std::env::args_os().skip(1).map(Into::into).collect();
    let [far, cache, skills @ ..] = &args[..] else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    for skill in skills {
        println!("{}", trial(far, cache, skill).await);
    }
    ExitCode::SUCCESS
}

/// Runs a skill and reports the places that contain the token.
async fn trial(far: &Path, cache: &Path, skill: &Path) -> Value {
    let authority = Authority::new();
    let server = Server::start(&authority, github::NAME, github::answer()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    file("far.toml", &github::config(server.port(), github::SEAL));
    file("ca.pem", &authority.pem());
    file(".env", &github::env());
    file("input.json", &github::long_input());
    fs::set_permissions(folder.path().join(".env"), Permissions::from_mode(0o600)).unwrap();

    let mut run = Command::new(far);
    run.env("XDG_STATE_HOME", cache);
    run.arg("run").arg(skill).arg("--cache").arg(cache).current_dir(&folder);
    run.args(["--grant", "github-token:seal@https://api.github.com", "--config", "far.toml"]);
    run.args(["--input", "@input.json"]);
    run.args(["--pal", "pal.jsonl", "--json", "--allow-swap"]);
    let output = tokio::task::spawn_blocking(move || run.output().unwrap()).await.unwrap();
    eprint!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));

    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    json!({
        "exit": output.status.code(),
        "outcome": report.get("outcome"),
        "output": report.get("output"),
        "connections": server.connections(),
        "token": found(&output, &server, folder.path()),
    })
}

/// Returns the places that contain the token, other than its `.env`.
fn found(output: &Output, server: &Server, folder: &Path) -> Vec<String> {
    let needle = Needle::new(MaskedValue::of(github::TOKEN.as_bytes()).unwrap()).unwrap();
    let arrived = server.arrived().concat().into_bytes();
    let streams = [("server", &arrived), ("stdout", &output.stdout), ("stderr", &output.stderr)];
    let mut places: Vec<_> = streams.map(|(name, bytes)| (name.to_owned(), bytes.clone())).into();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with(".env") {
            places.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    places.into_iter().filter(|(_, bytes)| !needle.find_in(bytes).is_empty()).map(|(name, _)| name).collect()
}
