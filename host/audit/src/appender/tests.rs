use proptest::prelude::*;

use super::*;
use crate::line::{CHECKPOINT_EVERY, TORN_MARK};
use crate::samples::{findings, key, lines, log, record, seqs, verified, written};
use crate::store::faulty::FaultyStore;
use crate::verdict::{Integrity, Verdict};

const ID: [u8; 16] = [3; 16];
const FULL: SinkError = SinkError::Write(io::ErrorKind::StorageFull);

fn open(store: &FaultyStore) -> Result<Appender<FaultyStore>, ResumeError> {
    Appender::open(store.clone(), key(), false, ID)
}

fn write(appender: &mut Appender<FaultyStore>, seqs: impl IntoIterator<Item = u64>) -> Result<(), SinkError> {
    let records: Vec<_> = seqs.into_iter().map(record).collect();
    appender.write(&records)
}

/// Verifies a store: no findings, and at most one record in each line.
fn consistent(store: &FaultyStore) -> Verdict {
    let bytes = store.bytes();
    let verdict = verified(&bytes);
    assert_eq!(findings(&verdict), [], "{}", String::from_utf8_lossy(&bytes));
    for line in lines(&bytes) {
        let objects = serde_json::Deserializer::from_slice(line).into_iter::<serde_json::Value>().count();
        assert!(objects == 1 || line.ends_with(TORN_MARK) || !line.ends_with(b"\n"));
    }
    verdict
}

#[test]
fn opening_resumes_closed_file() {
    let store = FaultyStore::new();
    for seq in 1..=3 {
        let mut appender = open(&store).unwrap();
        write(&mut appender, [seq]).unwrap();
        let head = appender.close().unwrap();
        assert_eq!(consistent(&store).head, head);
    }
    assert_eq!(seqs(&store.bytes()), [1, 2, 3]);
    // Each opening writes four lines: opening, checkpoint, record, checkpoint.
    assert_eq!(consistent(&store).lines, 12);
}

#[test]
fn opening_resumes_unclosed_file() {
    let store = FaultyStore::new();
    for seq in 1..=3 {
        write(&mut open(&store).unwrap(), [seq]).unwrap();
    }
    assert_eq!(consistent(&store).recovered, []);
    assert_eq!(seqs(&store.bytes()), [1, 2, 3]);
}

#[test]
fn group_is_one_write() {
    let store = FaultyStore::new();
    let mut appender = open(&store).unwrap();
    let before = store.0.lock().appends;
    write(&mut appender, 1..=3000).unwrap();
    assert_eq!(store.0.lock().appends, before + 1);
    let head = appender.close().unwrap();
    let verdict = consistent(&store);
    assert_eq!((verdict.head, verdict.signed_to), (head, head.line()));
}

#[test]
fn write_recovers_after_full_disk() {
    let whole = written(|chain, key| (1..=2).for_each(|seq| chain.record(&record(seq), key).unwrap())).len();
    for room in 0..whole {
        let store = FaultyStore::new();
        let mut appender = open(&store).unwrap();
        write(&mut appender, [1]).unwrap();
        store.set_free_space(room);
        assert_eq!(write(&mut appender, [2, 3]), Err(FULL));
        // The disk is still full: the mark of the torn write may be torn too.
        store.set_free_space(room % 11);
        assert_eq!(write(&mut appender, [4]), Err(FULL));
        store.set_free_space(usize::MAX);
        write(&mut appender, [5]).unwrap();
        let head = appender.close().unwrap();

        let verdict = consistent(&store);
        assert_eq!(verdict.head, head);
        let seqs = seqs(&store.bytes());
        assert_eq!((seqs.first(), seqs.last()), (Some(&1), Some(&5)), "{seqs:?}");
        assert!(seqs.is_sorted() && !seqs.contains(&4) && !seqs.contains(&3), "{seqs:?}");
        assert!(!verdict.recovered.is_empty() || room % 11 == 0);
    }
}

#[test]
fn opening_recovers_after_two_crashes() {
    let log = log(1);
    let opening = written(|chain, key| {
        chain.recovery(1, [0; 32]).unwrap();
        chain.opening(ID, None, key).unwrap();
    });
    // A sample: all pairs of crashes are a million.
    for first in (0..=log.len()).step_by(7) {
        let store = FaultyStore::with_bytes(log[..first].to_vec());
        for second in (first % 53..opening.len()).step_by(53) {
            let store = FaultyStore::with_bytes(store.bytes());
            store.set_free_space(second);
            let _ = open(&store);
            store.set_free_space(usize::MAX);
            let mut appender = open(&store).unwrap();
            write(&mut appender, [9]).unwrap();
            appender.close().unwrap();
            let verdict = consistent(&store);
            assert!(store.bytes().starts_with(&log[..first]), "the torn bytes are preserved");
            let begun = first > 0 && log[first - 1] != b'\n';
            assert!(!begun || !verdict.recovered.is_empty());
        }
    }
}

#[test]
fn failed_sync_rejects_later_records() {
    let store = FaultyStore::new();
    let mut appender = Appender::open(store.clone(), key(), true, ID).unwrap();
    write(&mut appender, [1]).unwrap();
    assert_eq!(store.0.lock().syncs, 2);
    store.0.lock().sync_fails = true;
    let failed = Err(SinkError::Write(io::ErrorKind::Other));
    assert_eq!(write(&mut appender, [2]), failed);
    store.0.lock().sync_fails = false;
    assert_eq!(write(&mut appender, [3]), failed);
    assert_eq!(appender.close().map(|_| ()), failed);
}

#[test]
fn unsynced_write_does_not_sync() {
    let store = FaultyStore::new();
    write(&mut open(&store).unwrap(), [1]).unwrap();
    assert_eq!(store.0.lock().syncs, 0);
}

#[test]
fn concurrently_modified_file_rejects_records() {
    for change in [|bytes: &mut Vec<u8>| bytes.truncate(100), |bytes: &mut Vec<u8>| bytes.push(b'x')] {
        let store = FaultyStore::new();
        let mut appender = open(&store).unwrap();
        write(&mut appender, [1]).unwrap();
        change(store.0.lock().file.get_mut());
        let before = store.bytes();
        for seq in 2..4 {
            assert_eq!(write(&mut appender, [seq]), Err(SinkError::Write(io::ErrorKind::InvalidData)));
        }
        assert_eq!(store.bytes(), before);
    }
}

#[test]
fn truncation_after_failed_write_is_detected() {
    let store = FaultyStore::new();
    let mut appender = open(&store).unwrap();
    let opened = store.bytes().len();
    write(&mut appender, [1]).unwrap();
    store.set_free_space(3);
    assert_eq!(write(&mut appender, [2]), Err(FULL));
    store.set_free_space(usize::MAX);
    store.0.lock().file.get_mut().truncate(opened);
    assert_eq!(write(&mut appender, [3]), Err(SinkError::Write(io::ErrorKind::InvalidData)));
}

#[test]
fn unsigned_lines_are_verified_before_signing() {
    let unsigned = written(|chain, key| {
        chain.opening(ID, None, key).unwrap();
        (1..=3).for_each(|seq| chain.record(&record(seq), key).unwrap());
    });
    assert!(open(&FaultyStore::with_bytes(unsigned.clone())).is_ok());
    let edited = String::from_utf8(unsigned).unwrap().replace("\"seq\":2", "\"seq\":7");
    assert!(matches!(open(&FaultyStore::with_bytes(edited.into_bytes())), Err(ResumeError::Corrupt)));
    assert!(matches!(open(&FaultyStore::with_bytes(b"plain text\n".to_vec())), Err(ResumeError::Corrupt)));
}

/// Returns the ranges of inherited lines.
fn inherited(store: &FaultyStore) -> Vec<(u64, u64)> {
    consistent(store).inherited.iter().map(|lines| (lines.from, lines.to)).collect()
}

#[test]
fn unsigned_tail_is_named_before_signing() {
    // An opening, a checkpoint and three unsigned records: the work of a killed process, or of a
    // writer without the key.
    let unsigned = written(|chain, key| {
        chain.opening(ID, None, key).unwrap();
        (1..=3).for_each(|seq| chain.record(&record(seq), key).unwrap());
    });
    let store = FaultyStore::with_bytes(unsigned.clone());
    let mut appender = open(&store).unwrap();
    assert_eq!(appender.inherited(), Some(LineRange { from: 3, to: 5 }));
    write(&mut appender, [4]).unwrap();
    appender.close().unwrap();
    assert_eq!(inherited(&store), [(3, 5)]);
    // The order is opening, inheritance, checkpoint.
    let bytes = store.bytes();
    let named = lines(&bytes).iter().position(|line| line.windows(15).any(|part| part == b"audit.inherited"));
    assert_eq!(named, Some(6));
    // Signed lines are not named again.
    let appender = open(&store).unwrap();
    assert_eq!((appender.inherited(), inherited(&store).len()), (None, 1));

    // A torn write has a separate line, and is not in the range.
    let torn = FaultyStore::with_bytes([&unsigned[..], b"{\"v\":1,"].concat());
    drop(open(&torn).unwrap());
    assert_eq!(inherited(&torn), [(3, 5)]);
    assert_eq!(consistent(&torn).recovered.len(), 1);
}

#[test]
fn file_without_checkpoint_is_inherited() {
    let opening = written(|chain, key| chain.opening(ID, None, key).unwrap());
    let first = lines(&opening)[0].to_vec();
    let store = FaultyStore::with_bytes(first);
    assert_eq!(verified(&store.bytes()).integrity(), Integrity::Unsigned);
    drop(open(&store).unwrap());
    assert_eq!((inherited(&store), consistent(&store).integrity()), (vec![(1, 1)], Integrity::Sound));
    let empty = FaultyStore::new();
    assert_eq!(verified(&empty.bytes()).integrity(), Integrity::Unsigned);
    assert_eq!(open(&empty).unwrap().inherited(), None, "an empty file has no unsigned lines");
}

#[test]
fn file_of_another_key_is_refused() {
    let store = FaultyStore::with_bytes(log(1));
    let other = Appender::open(store.clone(), AuditKey::from_seed([8; 32]), false, ID);
    assert!(matches!(other, Err(ResumeError::KeyMismatch)));
    assert_eq!(consistent(&store).lines, 4);
}

#[test]
fn opening_reads_from_last_checkpoint() {
    let mut log = log(u64::from(CHECKPOINT_EVERY) * 3);
    assert!(log.len() > 512 * 1024);
    // The opening does not verify signed lines again.
    log[700] ^= 1;
    let store = FaultyStore::with_bytes(log);
    write(&mut open(&store).unwrap(), [1]).unwrap();
    assert!(!verified(&store.bytes()).is_consistent());

    // After a torn checkpoint, the previous one counts.
    let (log, last) = long_log();
    for keep in [1, 40, 300] {
        let store = FaultyStore::with_bytes(log[..last + keep].to_vec());
        write(&mut open(&store).unwrap(), [1]).unwrap();
        assert_eq!(consistent(&store).recovered.len(), 1);
    }
}

/// Returns a long log, and the offset of its last line, a checkpoint.
fn long_log() -> (Vec<u8>, usize) {
    let log = log(900);
    let last = lines(&log).last().unwrap().len();
    let begins = log.len() - last;
    (log, begins)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn accepted_records_survive_faults_in_order(
        steps in prop::collection::vec((0_usize..3000, 1_u64..4, any::<bool>()), 1..12),
    ) {
        let store = FaultyStore::new();
        let mut appender = open(&store).unwrap();
        let (mut seq, mut accepted) = (0, Vec::new());
        for (room, count, reopen) in steps {
            store.set_free_space(room);
            let group = seq + 1..=seq + count;
            seq += count;
            if write(&mut appender, group.clone()).is_ok() {
                accepted.extend(group);
            }
            if reopen {
                store.set_free_space(usize::MAX);
                drop(appender);
                appender = open(&store).unwrap();
            }
        }
        store.set_free_space(usize::MAX);
        appender.close().unwrap();
        consistent(&store);
        let stored = seqs(&store.bytes());
        prop_assert!(stored.is_sorted());
        prop_assert!(accepted.iter().all(|seq| stored.contains(seq)), "{:?} {:?}", accepted, stored);
    }
}
