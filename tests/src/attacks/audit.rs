//! The audit log: kept from recording, or changed afterwards.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use far_audit::{FileOptions, FileSink, Head, LineRange, PublicKey, Soundness, Tail, Trust, verify};
use far_core::pal::{EventKind, Pal, PalBuilder, Receipt, Record, Sink, SinkError};
use far_runtime::End;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Case;
use super::told::{get, told};
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
            what: "a value while the audit log takes no more",
            attack: Trial::new("audit-unavailable, 1 call, without the value, not ready", || release(until(full))),
            twin: twin(),
        },
        Case {
            id: "50-sink-slow",
            what: "a value while the audit log does not answer",
            attack: Trial::new("audit-unavailable, 1 call, without the value, not ready", || release(until(hanging))),
            twin: twin(),
        },
        Case {
            id: "50-sink-gone",
            what: "a value after the audit log went away",
            attack: Trial::new("audit-unavailable, 1 call, without the value, not ready", || release(until(gone))),
            twin: twin(),
        },
    ]
}

fn file() -> Vec<Case> {
    let twin = || Trial::new("sound, tail proven", || tampered(|_| {}, true));
    vec![
        Case {
            id: "51-edited-line",
            what: "a line of an audit file edited",
            attack: Trial::new("found: unchained", || tampered(|lines| edit(lines), true)),
            twin: twin(),
        },
        Case {
            id: "51-moved-line",
            what: "two lines of an audit file in each other's place",
            attack: Trial::new("found: missing", || tampered(|lines| lines.swap(2, 3), true)),
            twin: twin(),
        },
        Case {
            id: "51-made-anew",
            what: "a line edited, and all after it chained anew",
            attack: Trial::new("found: wrong-signature", || tampered(|lines| chain_anew(lines), false)),
            twin: twin(),
        },
        Case {
            id: "51-cut-tail",
            what: "the last lines cut off",
            attack: Trial::new("found: cut", || tampered(|lines| lines.truncate(lines.len() - 3), true)),
            twin: twin(),
        },
        Case {
            id: "51-emptied",
            what: "an audit file emptied, where no head was kept",
            attack: Trial::new("unsigned", || tampered(|lines| lines.clear(), false)),
            twin: Trial::new("sound, tail unproven", || tampered(|_| {}, false)),
        },
        Case {
            id: "51-cut-to-opening",
            what: "an audit file cut down to its first line, which nothing signs",
            attack: Trial::new("unsigned", || tampered(|lines| lines.truncate(1), false)),
            twin: Trial::new("sound, tail unproven", || tampered(|_| {}, false)),
        },
        Case {
            id: "51-forged-tail",
            what: "lines of somebody without the key, well chained, which the next run signs",
            attack: Trial::new("sound, says that 1 line was not signed as it was written", || gone_on_with(1)),
            twin: Trial::new("sound, says nothing of unsigned lines", || gone_on_with(0)),
        },
    ]
}

/// A required sink that takes everything until a value is revealed, and nothing from then on.
struct Until {
    then: fn() -> Receipt,
    over: AtomicBool,
}

impl Sink for Until {
    fn submit(&self, record: &Arc<Record>) -> Receipt {
        let now = record.event.kind() == EventKind::SecretRevealed;
        let over = self.over.fetch_or(now, Ordering::Relaxed) || now;
        if over { (self.then)() } else { Receipt::Ready(Ok(())) }
    }
}

fn until(then: fn() -> Receipt) -> PalBuilder {
    Pal::builder().required_sink(Arc::new(Until { then, over: AtomicBool::new(false) }), Duration::from_millis(100))
}

fn full() -> Receipt {
    Receipt::Ready(Err(SinkError::Full))
}

fn hanging() -> Receipt {
    let (word, receipt) = tokio::sync::oneshot::channel();
    std::mem::forget(word);
    Receipt::Pending(receipt)
}

fn gone() -> Receipt {
    Receipt::Pending(tokio::sync::oneshot::channel().1)
}

/// Whether a guest has a value is told by the hash that it answers with: the output itself is redacted.
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
    format!("{}, {value} the value, {ready}", told(&host, &report))
}

/// What is found of a file of one task's events, after something was done to its lines. The key was kept, and the head
/// perhaps.
async fn tampered(tamper: fn(&mut Vec<Vec<u8>>), head_is_kept: bool) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit").join("far.jsonl");
    let (head, key) = write(&path).await;
    let mut lines: Vec<_> =
        std::fs::read(&path).unwrap().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    tamper(&mut lines);
    let verdict = verify(&lines.concat()[..], Trust { key: Some(key), head: head_is_kept.then_some(head) }).unwrap();
    match verdict.findings.first() {
        Some(finding) => format!("found: {}", finding.what.kind()),
        None if verdict.soundness() == Soundness::Unsigned => "unsigned".to_owned(),
        None if matches!(verdict.tail, Tail::ProvenTo(line) if line == head.line()) => "sound, tail proven".to_owned(),
        None => "sound, tail unproven".to_owned(),
    }
}

/// Verifies a file to which somebody without the key added so many lines, and which another run
/// then continued.
async fn gone_on_with(forged: usize) -> String {
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
    let verdict = verify(&std::fs::read(&path).unwrap()[..], Trust { key: Some(key), head: None }).unwrap();
    let state = if verdict.soundness() == Soundness::Sound { "sound" } else { "not sound" };
    match verdict.inherited.iter().map(LineRange::count).sum::<u64>() {
        0 => format!("{state}, says nothing of unsigned lines"),
        lines => format!("{state}, says that {lines} line was not signed as it was written"),
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

/// Edits a line, and has each line after it name the hashes of the new ones: all that can be done without the key.
fn chain_anew(lines: &mut [Vec<u8>]) {
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
