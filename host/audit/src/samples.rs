//! Records and audit files for tests.

use std::sync::Arc;

use far_core::pal::{Event, Record, Subject};
use far_core::{AgentId, TaskId};
use jiff::Timestamp;

use crate::head::Head;
use crate::key::{AuditKey, PublicKey};
use crate::line::ChainWriter;
use crate::verdict::{Defect, Verdict};
use crate::verify::{TrustAnchors, verify};

pub(super) fn key() -> AuditKey {
    AuditKey::from_seed([7; 32])
}

/// Returns a record with this number.
pub(super) fn record(seq: u64) -> Record {
    let agent_id = AgentId::parse("a1").unwrap();
    let task_id = Some(TaskId::parse("t1").unwrap());
    let subject = Arc::new(Subject { task_id, agent_id, skill: None, skill_digest: None });
    Record { v: 1, seq, ts: Timestamp::now(), subject, event: Event::secret_listed() }
}

/// Returns the file of a sink that was opened, accepted this number of records and was closed.
pub(super) fn log(records: u64) -> Vec<u8> {
    written(|chain, key| {
        chain.opening([1; 16], None, key).unwrap();
        (1..=records).for_each(|seq| chain.record(&record(seq), key).unwrap());
        chain.checkpoint(key).unwrap();
    })
}

/// Returns the lines that `add` writes to an empty chain.
pub(super) fn written(add: impl FnOnce(&mut ChainWriter<'_>, &AuditKey)) -> Vec<u8> {
    let mut buffer = Vec::new();
    add(&mut ChainWriter { buffer: &mut buffer, head: Head::START, unsigned: 0 }, &key());
    buffer
}

pub(super) fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Verifies an audit file with the key of the tests.
pub(super) fn verified(bytes: &[u8]) -> Verdict {
    verify(bytes, TrustAnchors { key: Some(public()), head: None }).unwrap()
}

pub(super) fn public() -> PublicKey {
    key().public()
}

/// Returns the defects with their lines.
pub(super) fn findings(verdict: &Verdict) -> Vec<(u64, Defect)> {
    verdict.findings.iter().map(|finding| (finding.line, finding.defect)).collect()
}

/// Returns the numbers of the records, in the order of the file.
pub(super) fn seqs(bytes: &[u8]) -> Vec<u64> {
    let parsed = lines(bytes).into_iter().filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok());
    parsed.filter_map(|line| line["seq"].as_u64()).collect()
}
