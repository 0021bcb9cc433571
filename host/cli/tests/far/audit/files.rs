//! `far audit` and `far run --audit` on real audit files.

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use far_audit::{FileOptions, FileSink, Head, PublicKey};
use far_core::AgentId;
use far_core::pal::{Event, Pal, Subject};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(20);

fn far(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_far")).args(args).output().unwrap()
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

fn folder() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let path = dir.path().join("far.jsonl");
    (dir, path)
}

/// Writes this many events to an audit file.
fn write(path: &Path, records: usize) -> (Head, PublicKey) {
    let sink = FileSink::open(path, FileOptions::default()).unwrap();
    let pal = Pal::builder().sink(sink.clone()).build();
    let agent_id = AgentId::parse("a1").unwrap();
    let subject = Arc::new(Subject { task_id: None, agent_id, skill: None, skill_digest: None });
    (0..records).for_each(|_| pal.note(&subject, Event::secret_listed()));
    (sink.close(SOON).unwrap(), sink.key())
}

#[test]
fn verify_reports_sound_file() {
    let (_dir, path) = folder();
    let (head, key) = write(&path, 3);
    let file = path.to_str().unwrap();
    let output = far(&["audit", "verify", file]);
    assert_eq!(output.status.code(), Some(0));
    let expected = format!(
        "{file}: sound\n  lines      6\n  head       {head}\n  signed     all lines, by {key} (named only by the file itself: pass --key)\n  tail       unproven: lines may have been removed from the end; pass --head with a saved head\n"
    );
    assert_eq!((stdout(&output), stderr(&output)), (expected.as_str(), ""));

    let output = far(&["audit", "verify", file, "--key", &key.to_string(), "--head", &head.to_string()]);
    assert_eq!(output.status.code(), Some(0));
    let expected = format!(
        "{file}: sound\n  lines      6\n  head       {head}\n  signed     all lines, by {key}\n  tail       proven by the saved head\n"
    );
    assert_eq!(stdout(&output), expected);
}

#[test]
fn tampered_file_exits_with_finding() {
    let (_dir, path) = folder();
    let (head, _) = write(&path, 3);
    let file = path.to_str().unwrap();
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, whole.replace("\"seq\":2", "\"seq\":7")).unwrap();
    let output = far(&["audit", "verify", file]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stdout(&output).starts_with(&format!("{file}: TAMPERED WITH\n")));
    let found = "  FOUND      line 5 does not chain to the previous line: one of the two was changed\n";
    assert!(stdout(&output).ends_with(found), "{}", stdout(&output));

    // A file without its last lines is sound, but does not match the known head.
    let cut: String = whole.split_inclusive('\n').take(4).collect();
    fs::write(&path, cut).unwrap();
    assert_eq!(far(&["audit", "verify", file]).status.code(), Some(0));
    let output = far(&["audit", "verify", file, "--head", &head.to_string(), "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let object: serde_json::Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(
        (&object["ok"], &object["tail"], &object["findings"][0]["kind"], &object["exit_code"]),
        (&false.into(), &"refuted".into(), &"cut".into(), &3.into())
    );
}

#[test]
fn unsigned_file_has_exit_code() {
    let (_dir, path) = folder();
    let (head, key) = write(&path, 3);
    let (file, key, head) = (path.to_str().unwrap(), key.to_string(), head.to_string());
    let whole = fs::read_to_string(&path).unwrap();
    let opening = whole.split_inclusive('\n').next().unwrap();
    // Empty, or only the first line, whole or torn: nothing is signed.
    for kept in ["", opening, &opening[..40]] {
        fs::write(&path, kept).unwrap();
        for args in [&["audit", "verify", file][..], &["audit", "verify", file, "--key", &key]] {
            let output = far(args);
            assert_eq!(output.status.code(), Some(1), "{kept:?}");
            let begins = format!("{file}: sound, but unsigned: no checkpoint\n");
            assert!(stdout(&output).starts_with(&begins), "{}", stdout(&output));
        }
        let output = far(&["audit", "verify", file, "--json"]);
        let object: serde_json::Value = serde_json::from_str(stdout(&output)).unwrap();
        assert_eq!((&object["outcome"], &object["ok"]), (&"unsigned".into(), &false.into()));
        assert_eq!((&object["exit_code"], &object["signed_to"]), (&1.into(), &0.into()));
        // A known head proves the cut.
        assert_eq!(far(&["audit", "verify", file, "--head", &head]).status.code(), Some(3));
    }
    let start = format!("0:{}", "0".repeat(64));
    fs::write(&path, "").unwrap();
    assert_eq!(
        far(&["audit", "verify", file, "--head", &start]).status.code(),
        Some(0),
        "the file was empty from the start"
    );

    // Without the checkpoint, the first record is unsigned.
    let unsigned: String = whole.split_inclusive('\n').enumerate().filter(|(at, _)| *at != 1).map(|(_, l)| l).collect();
    fs::write(&path, unsigned).unwrap();
    assert_eq!(far(&["audit", "verify", file]).status.code(), Some(3));
    // A file cut at its first checkpoint is signed: only a known head shows the cut.
    let signed: String = whole.split_inclusive('\n').take(2).collect();
    fs::write(&path, signed).unwrap();
    assert_eq!(far(&["audit", "verify", file]).status.code(), Some(0));
    assert_eq!(far(&["audit", "verify", file, "--head", &head]).status.code(), Some(3));
    fs::remove_file(&path).unwrap();
    assert_eq!(far(&["audit", "verify", file]).status.code(), Some(2), "absent");
}

#[test]
fn run_reports_inherited_unsigned_lines() {
    let (dir, path) = folder();
    let skill = dir.path().join("none.wasm");
    fs::write(&skill, "no component").unwrap();
    write(&path, 3);
    // A killed process leaves the file without its last checkpoint.
    let killed: String = fs::read_to_string(&path).unwrap().split_inclusive('\n').take(5).collect();
    let (file, skill) = (path.to_str().unwrap(), skill.to_str().unwrap());
    for (args, line) in [
        (
            &[][..],
            format!(
                "audit {file}: lines 3 to 5 were not signed by an earlier process; this run signs them and records it"
            ),
        ),
        (&["--json"], r#""unsigned":{"from":3,"to":5}"#.to_owned()),
    ] {
        fs::write(&path, &killed).unwrap();
        let output = far(&[&["run", skill, "--no-cache", "--allow-swap", "--audit", file], args].concat());
        assert!(stderr(&output).contains(&line), "{}", stderr(&output));
        let output = far(&["audit", "verify", file]);
        assert_eq!(output.status.code(), Some(0));
        let row = "  inherited  lines 3 to 5 of the chain: not signed by the process that wrote them\n";
        assert!(stdout(&output).contains(row), "{}", stdout(&output));
    }
}

#[test]
fn verify_rejects_another_key() {
    let (_dir, path) = folder();
    let (_other_dir, other) = folder();
    write(&path, 1);
    let (_, key) = write(&other, 1);
    let output = far(&["audit", "verify", path.to_str().unwrap(), "--key", &key.to_string()]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stdout(&output).contains("names another key"), "{}", stdout(&output));
}

#[test]
fn unverifiable_input_is_usage_error() {
    for args in [
        &["audit", "verify", "/nonexistent/far.jsonl"][..],
        &["audit", "verify"],
        &["audit", "verify", "/dev/null", "--key", "x"],
        &["audit", "verify", "/dev/null", "--head", "1:x"],
        &["audit", "tail", "/nonexistent/far.jsonl"],
        &["audit"],
    ] {
        let output = far(args);
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""), "{args:?}");
    }
    let output = far(&["audit", "verify", "/nonexistent/far.jsonl", "--json"]);
    let object: serde_json::Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!((object["error"]["kind"].as_str(), object["exit_code"].as_u64()), (Some("unreadable"), Some(2)));
}

#[test]
fn hostile_file_is_escaped() {
    let (_dir, path) = folder();
    fs::write(&path, "\u{1b}[2J\0\u{202e}{}\n[[[[\n").unwrap();
    let output = far(&["audit", "verify", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    assert!(!stdout(&output).contains(['\u{1b}', '\u{202e}']));
}

/// A running `far audit tail`, killed on drop.
struct Tail(Child, Lines<BufReader<ChildStdout>>);

impl Tail {
    fn of(path: &Path, args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_far"));
        let mut child = command.args(["audit", "tail"]).arg(path).args(args).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self(child, lines)
    }

    fn next(&mut self) -> String {
        self.1.next().unwrap().unwrap()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn tail_follows_file_across_rotation() {
    let (dir, path) = folder();
    write(&path, 3);
    let mut tail = Tail::of(&path, &["-n", "2"]);
    assert!(tail.next().contains(" secret.listed"), "the last record");
    assert!(tail.next().contains(" audit.checkpoint head=5:"));
    write(&path, 1);
    for event in [" audit.opened", " audit.checkpoint", " secret.listed", " audit.checkpoint"] {
        let line = tail.next();
        assert!(line.contains(event), "{line}");
    }
    // Another file of the same name, with an invalid line.
    fs::rename(&path, dir.path().join("old.jsonl")).unwrap();
    fs::write(dir.path().join("new"), "\u{1b}[2J\n").unwrap();
    fs::rename(dir.path().join("new"), &path).unwrap();
    assert_eq!(tail.next(), "(invalid record) \\u{1b}[2J");
    // A truncated file is read from its start.
    fs::write(&path, "cut\n").unwrap();
    assert_eq!(tail.next(), "(invalid record) cut");
}

#[test]
fn json_tail_prints_raw_lines() {
    let (_dir, path) = folder();
    write(&path, 1);
    let mut tail = Tail::of(&path, &["--json", "-n", "100"]);
    for line in fs::read_to_string(&path).unwrap().lines() {
        assert_eq!(tail.next(), line);
    }
}

#[test]
fn run_prints_head_and_key() {
    let (dir, path) = folder();
    let skill = dir.path().join("none.wasm");
    fs::write(&skill, "no component").unwrap();
    let run = |args: &[&str]| {
        far(&[&["run", skill.to_str().unwrap(), "--no-cache", "--allow-swap", "--audit", path.to_str().unwrap()], args]
            .concat())
    };
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(3));
    let begins = format!("audit {}: head ", path.display());
    let proof = stderr(&output).lines().find_map(|line| line.strip_prefix(&begins)).unwrap();
    let (head, key) = proof.split_once(", key ").unwrap();
    let output = far(&["audit", "verify", path.to_str().unwrap(), "--key", key, "--head", head]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).ends_with("proven by the saved head\n"));

    let output = run(&["--json"]);
    let line: serde_json::Value =
        serde_json::from_str(stderr(&output).lines().rfind(|line| line.contains("audit.")).unwrap()).unwrap();
    assert_eq!((line["event"].as_str(), line["key"].as_str()), (Some("audit.closed"), Some(key)));
}

#[test]
fn unusable_audit_file_refuses_run() {
    let (dir, path) = folder();
    let skill = dir.path().join("none.wasm");
    fs::write(&skill, "no component").unwrap();
    let refused = |audit: &str| {
        let output = far(&["run", skill.to_str().unwrap(), "--no-cache", "--allow-swap", "--audit", audit]);
        assert_eq!((output.status.code(), stdout(&output)), (Some(5), ""), "{audit}: {}", stderr(&output));
        stderr(&output).to_owned()
    };
    let sink = FileSink::open(&path, FileOptions::default()).unwrap();
    assert!(refused(path.to_str().unwrap()).contains("is being written to by another process"));
    sink.close(SOON).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o750)).unwrap();
    let text = refused(path.to_str().unwrap());
    assert!(text.contains("its mode is 0750\n  help: chmod 700 "), "{text}");
    refused("/dev/full");
    refused("/nonexistent/folder/far.jsonl");
}
