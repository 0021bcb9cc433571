use proptest::prelude::*;

use super::*;
use crate::line::{CHECKPOINT_EVERY, TORN_MARK};
use crate::samples::{findings, key, lines, log, record, seqs, verified, written};
use crate::store::flaky::Flaky;
use crate::verdict::{Soundness, Verdict};

const ID: [u8; 16] = [3; 16];
const FULL: SinkError = SinkError::Write(io::ErrorKind::StorageFull);

fn open(store: &Flaky) -> Result<Appender<Flaky>, Unusable> {
    Appender::open(store.clone(), key(), false, ID)
}

fn write(appender: &mut Appender<Flaky>, seqs: impl IntoIterator<Item = u64>) -> Result<(), SinkError> {
    let records: Vec<_> = seqs.into_iter().map(record).collect();
    appender.write(&records)
}

/// What a store holds: sound, and no line stuck to another.
fn sound(store: &Flaky) -> Verdict {
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
fn each_opening_goes_on_where_the_last_one_ended() {
    let store = Flaky::new();
    for seq in 1..=3 {
        let mut appender = open(&store).unwrap();
        write(&mut appender, [seq]).unwrap();
        let head = appender.close().unwrap();
        assert_eq!(sound(&store).head, head);
    }
    assert_eq!(seqs(&store.bytes()), [1, 2, 3]);
    // Opened, signed, the record, signed.
    assert_eq!(sound(&store).lines, 12);
}

#[test]
fn what_was_not_closed_is_gone_on_with() {
    let store = Flaky::new();
    for seq in 1..=3 {
        write(&mut open(&store).unwrap(), [seq]).unwrap();
    }
    assert_eq!(sound(&store).recovered, []);
    assert_eq!(seqs(&store.bytes()), [1, 2, 3]);
}

#[test]
fn a_group_is_one_write() {
    let store = Flaky::new();
    let mut appender = open(&store).unwrap();
    let before = store.0.lock().appends;
    write(&mut appender, 1..=3000).unwrap();
    assert_eq!(store.0.lock().appends, before + 1);
    let head = appender.close().unwrap();
    let verdict = sound(&store);
    assert_eq!((verdict.head, verdict.signed), (head, head.line()));
}

#[test]
fn a_disk_that_is_full_at_any_byte_takes_nothing_by_halves() {
    let whole = written(|chained, key| (1..=2).for_each(|seq| chained.record(&record(seq), key).unwrap())).len();
    for room in 0..whole {
        let store = Flaky::new();
        let mut appender = open(&store).unwrap();
        write(&mut appender, [1]).unwrap();
        store.room(room);
        assert_eq!(write(&mut appender, [2, 3]), Err(FULL));
        // Still full: the mark of the torn line may be torn too.
        store.room(room % 11);
        assert_eq!(write(&mut appender, [4]), Err(FULL));
        store.room(usize::MAX);
        write(&mut appender, [5]).unwrap();
        let head = appender.close().unwrap();

        let verdict = sound(&store);
        assert_eq!(verdict.head, head);
        let seqs = seqs(&store.bytes());
        assert_eq!((seqs.first(), seqs.last()), (Some(&1), Some(&5)), "{seqs:?}");
        assert!(seqs.is_sorted() && !seqs.contains(&4) && !seqs.contains(&3), "{seqs:?}");
        assert!(!verdict.recovered.is_empty() || room % 11 == 0);
    }
}

#[test]
fn a_crash_at_any_byte_and_another_on_the_way_back_are_recovered_from() {
    let log = log(1);
    let opening = written(|chained, key| {
        chained.recovered(1, [0; 32]).unwrap();
        chained.opened(ID, None, key).unwrap();
    });
    // Not every second crash after every first: there are a million.
    for first in (0..=log.len()).step_by(7) {
        let store = Flaky::holding(log[..first].to_vec());
        for second in (first % 53..opening.len()).step_by(53) {
            let store = Flaky::holding(store.bytes());
            store.room(second);
            let _ = open(&store);
            store.room(usize::MAX);
            let mut appender = open(&store).unwrap();
            write(&mut appender, [9]).unwrap();
            appender.close().unwrap();
            let verdict = sound(&store);
            assert!(store.bytes().starts_with(&log[..first]), "evidence is kept");
            let begun = first > 0 && log[first - 1] != b'\n';
            assert!(!begun || !verdict.recovered.is_empty());
        }
    }
}

#[test]
fn what_failed_to_reach_the_disk_once_is_never_taken_for_there() {
    let store = Flaky::new();
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
fn nothing_waits_for_the_disk_unless_asked_to() {
    let store = Flaky::new();
    write(&mut open(&store).unwrap(), [1]).unwrap();
    assert_eq!(store.0.lock().syncs, 0);
}

#[test]
fn a_file_that_was_cut_or_added_to_meanwhile_takes_no_more() {
    for change in [|bytes: &mut Vec<u8>| bytes.truncate(100), |bytes: &mut Vec<u8>| bytes.push(b'x')] {
        let store = Flaky::new();
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
fn a_file_that_was_cut_is_not_taken_for_one_where_a_write_failed() {
    let store = Flaky::new();
    let mut appender = open(&store).unwrap();
    let opened = store.bytes().len();
    write(&mut appender, [1]).unwrap();
    store.room(3);
    assert_eq!(write(&mut appender, [2]), Err(FULL));
    store.room(usize::MAX);
    store.0.lock().file.get_mut().truncate(opened);
    assert_eq!(write(&mut appender, [3]), Err(SinkError::Write(io::ErrorKind::InvalidData)));
}

#[test]
fn what_nobody_signed_is_looked_at_before_it_is_signed() {
    let unsigned = written(|chained, key| {
        chained.opened(ID, None, key).unwrap();
        (1..=3).for_each(|seq| chained.record(&record(seq), key).unwrap());
    });
    assert!(open(&Flaky::holding(unsigned.clone())).is_ok());
    let edited = String::from_utf8(unsigned).unwrap().replace("\"seq\":2", "\"seq\":7");
    assert!(matches!(open(&Flaky::holding(edited.into_bytes())), Err(Unusable::Damaged)));
    assert!(matches!(open(&Flaky::holding(b"plain text\n".to_vec())), Err(Unusable::Damaged)));
}

/// The lines that openings named as not signed when they were found.
fn inherited(store: &Flaky) -> Vec<(u64, u64)> {
    sound(store).inherited.iter().map(|lines| (lines.from, lines.to)).collect()
}

#[test]
fn unsigned_tail_is_named_before_signing() {
    // Opened, signed, and then three records that nobody signed: as after a kill, or by somebody
    // without the key.
    let unsigned = written(|chained, key| {
        chained.opened(ID, None, key).unwrap();
        (1..=3).for_each(|seq| chained.record(&record(seq), key).unwrap());
    });
    let store = Flaky::holding(unsigned.clone());
    let mut appender = open(&store).unwrap();
    assert_eq!(appender.inherited(), Some(LineRange { from: 3, to: 5 }));
    write(&mut appender, [4]).unwrap();
    appender.close().unwrap();
    assert_eq!(inherited(&store), [(3, 5)]);
    // The line is before the first signature: opened, inherited, checkpoint.
    let bytes = store.bytes();
    let named = lines(&bytes).iter().position(|line| line.windows(15).any(|part| part == b"audit.inherited"));
    assert_eq!(named, Some(6));
    // Signed since, they are not named again.
    let appender = open(&store).unwrap();
    assert_eq!((appender.inherited(), inherited(&store).len()), (None, 1));

    // A torn line among them is named by its own line, and is not one of them.
    let torn = Flaky::holding([&unsigned[..], b"{\"v\":1,"].concat());
    drop(open(&torn).unwrap());
    assert_eq!(inherited(&torn), [(3, 5)]);
    assert_eq!(sound(&torn).recovered.len(), 1);
}

#[test]
fn file_without_checkpoint_is_named_whole() {
    let opening = written(|chained, key| chained.opened(ID, None, key).unwrap());
    let first = lines(&opening)[0].to_vec();
    let store = Flaky::holding(first);
    assert_eq!(verified(&store.bytes()).soundness(), Soundness::Unsigned);
    drop(open(&store).unwrap());
    assert_eq!((inherited(&store), sound(&store).soundness()), (vec![(1, 1)], Soundness::Sound));
    let empty = Flaky::new();
    assert_eq!(verified(&empty.bytes()).soundness(), Soundness::Unsigned);
    assert_eq!(open(&empty).unwrap().inherited(), None, "there were no lines");
}

#[test]
fn another_keys_file_is_not_gone_on_with() {
    let store = Flaky::holding(log(1));
    let other = Appender::open(store.clone(), AuditKey::of([8; 32]), false, ID);
    assert!(matches!(other, Err(Unusable::OtherKey)));
    assert_eq!(sound(&store).lines, 4);
}

#[test]
fn a_long_file_is_read_from_its_last_checkpoint_on() {
    let mut log = log(u64::from(CHECKPOINT_EVERY) * 3);
    assert!(log.len() > 512 * 1024);
    // What was signed before is not looked at again: that is what verifying is for.
    log[700] ^= 1;
    let store = Flaky::holding(log);
    write(&mut open(&store).unwrap(), [1]).unwrap();
    assert!(!verified(&store.bytes()).is_sound());

    // A checkpoint that is torn is none: it is gone on from the one before.
    let (log, last) = long_log();
    for keep in [1, 40, 300] {
        let store = Flaky::holding(log[..last + keep].to_vec());
        write(&mut open(&store).unwrap(), [1]).unwrap();
        assert_eq!(sound(&store).recovered.len(), 1);
    }
}

/// A long log, and where its last line begins, which is a checkpoint.
fn long_log() -> (Vec<u8>, usize) {
    let log = log(900);
    let last = lines(&log).last().unwrap().len();
    let begins = log.len() - last;
    (log, begins)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_accepted_is_there_in_order_whatever_fails(
        steps in prop::collection::vec((0_usize..3000, 1_u64..4, any::<bool>()), 1..12),
    ) {
        let store = Flaky::new();
        let mut appender = open(&store).unwrap();
        let (mut seq, mut accepted) = (0, Vec::new());
        for (room, count, reopen) in steps {
            store.room(room);
            let group = seq + 1..=seq + count;
            seq += count;
            if write(&mut appender, group.clone()).is_ok() {
                accepted.extend(group);
            }
            if reopen {
                store.room(usize::MAX);
                drop(appender);
                appender = open(&store).unwrap();
            }
        }
        store.room(usize::MAX);
        appender.close().unwrap();
        sound(&store);
        let there = seqs(&store.bytes());
        prop_assert!(there.is_sorted());
        prop_assert!(accepted.iter().all(|seq| there.contains(seq)), "{:?} {:?}", accepted, there);
    }
}
