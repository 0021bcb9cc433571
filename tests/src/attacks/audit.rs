//! The audit log: prevented from recording, or tampered with.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use far_audit::{FileOptions, FileSink, Head, Integrity, LineRange, PublicKey, TailStatus, TrustAnchors, verify};
use far_core::pal::{EventKind, Pal, PalBuilder, Receipt, Record, Sink, SinkError};
use far_runtime::End;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Case;
use super::summary::{get, summarize};
use super::trial::Trial;
use crate::host::{Parts, SECRETS};
use crate::{TestHost, guests};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = gate();
    cases.extend(file());
    cases
}

fn gate() -> Vec<Case> {
    let twin = || Trial::new("completed [ok, ok], 1 call, with the value, ready", || release(Pal::builder()));
    vec![
        Case {
            id: "50-sink-full",
            description: "a value while the audit log is full",
            attack: Trial::new("audit-unavailable, 1 call, without the value, not ready", || {
                release(fail_after_reveal(full))
            }),
            twin: twin(),
        },
        Case {
            id: "50-sink-slow",
            description: "a value while the audit log hangs",
            attack: Trial::new("audit-unavailable, 1 call, without the value, not ready", || {
                release(fail_after_reveal(hanging))
            }),
            twin: twin(),
        },
        Case {
            id: "50-sink-gone",
            description: "a value after the audit log is closed",
            attack: Trial::new("audit-unavailable, 1 call, without the value, not ready", || {
                release(fail_after_reveal(closed))
            }),
            twin: twin(),
        },
    ]
}

fn file() -> Vec<Case> {
    let twin = || Trial::new("sound, tail proven", || tampered(|_| {}, true));
    vec![
        Case {
            id: "51-edited-line",
            description: "an edited line of an audit file",
            attack: Trial::new("found: unchained", || tampered(|lines| edit(lines), true)),
            twin: twin(),
        },
        Case {
            id: "51-moved-line",
            description: "two swapped lines of an audit file",
            attack: Trial::new("found: missing", || tampered(|lines| lines.swap(2, 3), true)),
            twin: twin(),
        },
        Case {
            id: "51-rechained",
            description: "an edited line, with all later lines chained again",
            attack: Trial::new("found: wrong-signature", || tampered(|lines| rechain(lines), false)),
            twin: twin(),
        },
        Case {
            id: "51-cut-tail",
            description: "an audit file without its last lines",
            attack: Trial::new("found: cut", || tampered(|lines| lines.truncate(lines.len() - 3), true)),
            twin: twin(),
        },
        Case {
            id: "51-emptied",
            description: "an emptied audit file, without a known head",
            attack: Trial::new("unsigned", || tampered(|lines| lines.clear(), false)),
            twin: Trial::new("sound, tail unproven", || tampered(|_| {}, false)),
        },
        Case {
            id: "51-cut-to-opening",
            description: "an audit file cut to its unsigned first line",
            attack: Trial::new("unsigned", || tampered(|lines| lines.truncate(1), false)),
            twin: Trial::new("sound, tail unproven", || tampered(|_| {}, false)),
        },
        Case {
            id: "51-forged-tail",
            description: "forged lines that are chained without the key, and signed by the next run",
            attack: Trial::new("sound, reports 1 inherited line", || forged_tail(1)),
            twin: Trial::new("sound, reports no inherited lines", || forged_tail(0)),
        },
    ]
}

/// A required sink that accepts all records until a value is revealed, and then fails.
struct FailAfterReveal {
    then: fn() -> Receipt,
    over: AtomicBool,
}

impl Sink for FailAfterReveal {
    fn submit(&self, record: &Arc<Record>) -> Receipt {
        let now = record.event.kind() == EventKind::SecretRevealed;
        let over = self.over.fetch_or(now, Ordering::Relaxed) || now;
        if over { (self.then)() } else { Receipt::Ready(Ok(())) }
    }
}

fn fail_after_reveal(then: fn() -> Receipt) -> PalBuilder {
    Pal::builder()
        .required_sink(Arc::new(FailAfterReveal { then, over: AtomicBool::new(false) }), Duration::from_millis(100))
}

fn full() -> Receipt {
    Receipt::Ready(Err(SinkError::Full))
}

fn hanging() -> Receipt {
    let (sender, receipt) = tokio::sync::oneshot::channel();
    std::mem::forget(sender);
    Receipt::Pending(receipt)
}

fn closed() -> Receipt {
    Receipt::Pending(tokio::sync::oneshot::channel().1)
}

/// Runs a revealing probe. The hash in its output shows whether the guest has the value, which is
/// redacted itself.
async fn release(pal: PalBuilder) -> String {
    let host = TestHost::of(Parts { pal, ..Parts::default() });
    let steps = json!([get("alpha"), { "do": "reveal" }]);
    let report = host.probe(guests::PROBE_REVEALING, &["alpha:reveal"], steps).await;
    let has_value = match &report.end {
        End::Completed(output) => String::from_utf8_lossy(output).contains(&hash(SECRETS[0].1.as_bytes())),
        _ => false,
    };
    let value = if has_value { "with" } else { "without" };
    let ready = if host.runtime.is_ready() { "ready" } else { "not ready" };
    format!("{}, {value} the value, {ready}", summarize(&host, &report))
}

/// Verifies a tampered audit file of one task, with the key and perhaps the head.
async fn tampered(tamper: fn(&mut Vec<Vec<u8>>), head_is_known: bool) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit").join("far.jsonl");
    let (head, key) = write(&path).await;
    let mut lines: Vec<_> =
        std::fs::read(&path).unwrap().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    tamper(&mut lines);
    let verdict =
        verify(&lines.concat()[..], TrustAnchors { key: Some(key), head: head_is_known.then_some(head) }).unwrap();
    match verdict.findings.first() {
        Some(finding) => format!("found: {}", finding.defect.kind()),
        None if verdict.integrity() == Integrity::Unsigned => "unsigned".to_owned(),
        None if matches!(verdict.tail, TailStatus::ProvenTo(line) if line == head.line()) => {
            "sound, tail proven".to_owned()
        }
        None => "sound, tail unproven".to_owned(),
    }
}

/// Verifies a file to which lines were forged without the key, and which another run then
/// continued.
async fn forged_tail(forged: usize) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit").join("far.jsonl");
    write(&path).await;
    let mut text = std::fs::read_to_string(&path).unwrap();
    let record = text.lines().find(|line| line.contains("task.started")).unwrap().to_owned();
    for _ in 0..forged {
        let (fields, _) = record.split_once(",\"chain\"").unwrap();
        let last = text.split_inclusive('\n').next_back().unwrap();
        let number = text.lines().count() + 1;
        let prev = hash(last.as_bytes());
        text.push_str(&format!("{fields},\"chain\":{{\"line\":{number},\"prev\":\"{prev}\"}}}}\n"));
    }
    std::fs::write(&path, text).unwrap();
    let (_, key) = write(&path).await;
    let verdict = verify(&std::fs::read(&path).unwrap()[..], TrustAnchors { key: Some(key), head: None }).unwrap();
    let state = if verdict.integrity() == Integrity::Sound { "sound" } else { "not sound" };
    match verdict.inherited.iter().map(LineRange::count).sum::<u64>() {
        0 => format!("{state}, reports no inherited lines"),
        lines => format!("{state}, reports {lines} inherited line"),
    }
}

async fn write(path: &Path) -> (Head, PublicKey) {
    let sink = FileSink::open(path, FileOptions::default()).unwrap();
    let pal = Pal::builder().required_sink(sink.clone(), Duration::from_secs(10));
    let host = TestHost::of(Parts { pal, ..Parts::default() });
    host.probe(guests::PROBE, &["alpha:sign"], json!([get("alpha")])).await;
    (sink.close(Duration::from_secs(10)).unwrap(), sink.key())
}

fn edit(lines: &mut [Vec<u8>]) {
    let line = lines.iter_mut().find(|line| line.windows(12).any(|window| window == b"task.started")).unwrap();
    let at = line.windows(12).position(|window| window == b"task.started").unwrap();
    line[at..at + 12].copy_from_slice(b"task.refused");
}

/// Edits a line and chains all later lines again, which needs no key.
fn rechain(lines: &mut [Vec<u8>]) {
    let before: Vec<_> = lines.iter().map(|line| hash(line)).collect();
    edit(lines);
    for at in 0..lines.len() {
        let now = hash(&lines[at]);
        for line in &mut lines[at + 1..] {
            *line = String::from_utf8(line.clone()).unwrap().replace(&before[at], &now).into_bytes();
        }
    }
}

fn hash(line: &[u8]) -> String {
    hex::encode(Sha256::digest(line))
}
