//! Records and whole audit files, for tests.

use std::sync::Arc;

use far_core::pal::{Event, Record, Subject};
use far_core::{AgentId, TaskId};
use jiff::Timestamp;

use crate::head::Head;
use crate::key::{AuditKey, PublicKey};
use crate::line::Chained;
use crate::verdict::{Damage, Verdict};
use crate::verify::{Trust, verify};

pub(super) fn key() -> AuditKey {
    AuditKey::of([7; 32])
}

/// A record like any other, with this number.
pub(super) fn record(seq: u64) -> Record {
    let agent_id = AgentId::parse("a1").unwrap();
    let task_id = Some(TaskId::parse("t1").unwrap());
    let subject = Arc::new(Subject { task_id, agent_id, skill: None, skill_digest: None });
    Record { v: 1, seq, ts: Timestamp::now(), subject, event: Event::secret_listed() }
}

/// What a sink writes that is opened, takes so many records, and is closed.
pub(super) fn log(records: u64) -> Vec<u8> {
    written(|chained, key| {
        chained.opened([1; 16], None, key).unwrap();
        (1..=records).for_each(|seq| chained.record(&record(seq), key).unwrap());
        chained.checkpoint(key).unwrap();
    })
}

/// What is written with the lines at hand.
pub(super) fn written(add: impl FnOnce(&mut Chained<'_>, &AuditKey)) -> Vec<u8> {
    let mut buffer = Vec::new();
    add(&mut Chained { buffer: &mut buffer, head: Head::START, unsigned: 0 }, &key());
    buffer
}

pub(super) fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Checked with the key that signed it.
pub(super) fn verified(bytes: &[u8]) -> Verdict {
    verify(bytes, Trust { key: Some(public()), head: None }).unwrap()
}

pub(super) fn public() -> PublicKey {
    key().public()
}

/// What was found, by line.
pub(super) fn findings(verdict: &Verdict) -> Vec<(u64, Damage)> {
    verdict.findings.iter().map(|finding| (finding.at, finding.what)).collect()
}

/// The numbers of the records that are lines, in the order of the file.
pub(super) fn seqs(bytes: &[u8]) -> Vec<u64> {
    let parsed = lines(bytes).into_iter().filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok());
    parsed.filter_map(|line| line["seq"].as_u64()).collect()
}
