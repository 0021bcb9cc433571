use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use far_audit::TailStatus;

use super::*;

/// Records to the file that stdin names until it is killed. Prints the number of accepted records.
#[tokio::test]
#[ignore = "a child process of the tests below"]
async fn endless_writer() {
    let mut path = String::new();
    std::io::stdin().read_line(&mut path).unwrap();
    if path.is_empty() {
        return;
    }
    let sink = open(Path::new(path.trim_end())).unwrap();
    let pal = gated(&sink);
    for accepted in 1_u64.. {
        record(&pal).await.unwrap();
        println!("accepted {accepted}");
    }
}

/// Starts the writer, and waits until this number of records is accepted.
fn writer(path: &Path, records: u64) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::endless_writer", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.as_mut().unwrap(), "{}", path.display()).unwrap();
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let wanted = format!("accepted {records}");
    assert!(lines.map(Result::unwrap).any(|line| line == wanted), "the writer stopped");
    child
}

#[tokio::test]
async fn killed_writer_loses_no_accepted_record() {
    let (_dir, path) = folder();
    for round in 1..=4_usize {
        let mut child = writer(&path, 50);
        assert!(matches!(open(&path), Err(FileError::Locked { .. })));
        child.kill().unwrap();
        child.wait().unwrap();
        let killed = checked(&path, TrustAnchors::default());
        assert!(killed.is_consistent(), "{:?}", killed.findings);

        // A power failure can leave a part of the last line.
        let whole = fs::read(&path).unwrap();
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(whole.len() as u64 - 5).unwrap();
        let torn = checked(&path, TrustAnchors::default());
        assert!(torn.is_consistent() && torn.torn.is_some(), "{torn:?}");

        let head = written(&path, 1).await;
        let verdict = checked(&path, TrustAnchors { key: None, head: Some(head) });
        assert!(verdict.is_consistent(), "{:?}", verdict.findings);
        assert_eq!((verdict.torn, verdict.tail), (None, TailStatus::ProvenTo(head.line())));
        assert_eq!(verdict.recovered.last().map(|torn| torn.line), torn.torn.map(|torn| torn.line));
        assert_eq!(verdict.recovered.len(), round);
        let now = fs::read(&path).unwrap();
        assert!(now.starts_with(&whole[..whole.len() - 5]), "the torn line is preserved");
        assert!(String::from_utf8(now).unwrap().matches("secret.listed").count() >= 50 * round);
    }
}
