use proptest::prelude::*;

use super::*;
use crate::key::AuditKey;
use crate::line::{Chained, TORN_MARK};
use crate::samples::{findings, key, lines, log, public, record, verified, written};
use crate::verdict::{Soundness, Torn};

/// The lines of a log, changed as a whole.
fn changed(log: &[u8], change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let mut lines: Vec<_> = lines(log).into_iter().map(<[u8]>::to_vec).collect();
    change(&mut lines);
    lines.concat()
}

/// A log whose lines are hung on each other anew, by somebody without the key: checkpoints stay as they are.
fn rechained(log: &[u8]) -> Vec<u8> {
    let mut head = Head::START;
    let rehang = |line: &[u8]| {
        let mut value: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line).unwrap();
        value["chain"] = serde_json::json!({ "line": head.line + 1, "prev": hex::encode(head.hash) });
        let mut line = serde_json::to_vec(&value).unwrap();
        line.push(b'\n');
        head = Head::of(head.line + 1, &line);
        line
    };
    lines(log).into_iter().map(rehang).collect::<Vec<_>>().concat()
}

#[test]
fn a_log_as_it_was_written_is_sound() {
    for records in [0, 1, 2, 1023, 1024, 3000] {
        let log = log(records);
        let verdict = verified(&log);
        assert_eq!(findings(&verdict), []);
        assert_eq!((verdict.lines, verdict.head.line()), (lines(&log).len() as u64, verdict.lines));
        // The last line is a checkpoint.
        assert_eq!((verdict.signed, verdict.tail, verdict.torn), (verdict.lines, Tail::Unproven, None));
        assert_eq!((verdict.key, verdict.recovered), (Some(public()), vec![]));
    }
    let nothing = verified(b"");
    assert!(nothing.is_sound() && nothing.lines == 0 && nothing.key == Some(public()));
}

#[test]
fn each_kind_of_damage_is_named_with_its_line() {
    let log = log(6);
    // Lines 1 and 2: opened, checkpoint; 3 to 8: records; 9: checkpoint.
    type Change = fn(&mut Vec<Vec<u8>>);
    let cases: [(Change, Vec<(u64, Damage)>); 10] = [
        (|lines| lines[4][3] = b'X', vec![(5, Damage::Unreadable(1))]),
        (|lines| lines[4] = lines[4].replacen_bytes(b"\"seq\":3", b"\"seq\":7"), vec![(6, Damage::Unchained)]),
        (|lines| drop(lines.remove(4)), vec![(5, Damage::Missing(5, 5))]),
        (|lines| drop(lines.drain(3..6)), vec![(4, Damage::Missing(4, 6))]),
        (|lines| drop(lines.remove(0)), vec![(1, Damage::Missing(1, 1))]),
        (|lines| lines.insert(5, lines[4].clone()), vec![(6, Damage::OutOfOrder(5))]),
        (
            |lines| lines.swap(4, 5),
            vec![(5, Damage::Missing(5, 5)), (6, Damage::OutOfOrder(5)), (7, Damage::Missing(6, 6))],
        ),
        (|lines| lines.insert(4, b"\n".to_vec()), vec![(5, Damage::Unreadable(1))]),
        (|lines| lines.insert(4, b"{} <torn>\n".to_vec()), vec![(5, Damage::Unreadable(1))]),
        (|lines| lines[7].clear(), vec![(8, Damage::Missing(8, 8))]),
    ];
    for (change, expected) in cases {
        let verdict = verified(&changed(&log, change));
        assert_eq!(findings(&verdict), expected);
        assert_eq!(verdict.found, expected.len() as u64);
    }
}

trait ReplacenBytes {
    fn replacen_bytes(&self, from: &[u8], to: &[u8]) -> Vec<u8>;
}

impl ReplacenBytes for Vec<u8> {
    fn replacen_bytes(&self, from: &[u8], to: &[u8]) -> Vec<u8> {
        let text = String::from_utf8(self.clone()).unwrap();
        assert!(text.contains(str::from_utf8(from).unwrap()), "{text}");
        text.replacen(str::from_utf8(from).unwrap(), str::from_utf8(to).unwrap(), 1).into_bytes()
    }
}

#[test]
fn every_byte_counts() {
    let log = log(3);
    for at in 0..log.len() {
        for byte in [b'0', b'1', b' ', b'"', b'\n', b'}', b'a', log[at] ^ 0x20, log[at] ^ 0x01, 0, 0xff] {
            let mut edited = log.clone();
            edited[at] = byte;
            let verdict = verified(&edited);
            // Without its last line feed, a log looks as a crash leaves it: that is said, and not called tampering.
            let torn = at == log.len() - 1 && verdict.torn.is_some();
            assert_eq!(verdict.is_sound(), byte == log[at] || torn, "byte {at} is {byte}");
        }
    }
}

#[test]
fn a_kept_head_proves_what_is_before_it() {
    let log = log(6);
    let with = |bytes: &[u8], head| verify(bytes, Trust { key: None, head: Some(head) }).unwrap();
    let heads: Vec<_> = lines(&log).iter().enumerate().map(|(at, line)| Head::of(at as u64 + 1, line)).collect();
    for head in heads.iter().copied().chain([Head::START]) {
        let verdict = with(&log, head);
        assert!(verdict.is_sound());
        assert_eq!(verdict.tail, Tail::ProvenTo(head.line()));
    }
    let last = *heads.last().unwrap();
    let cut = changed(&log, |lines| lines.truncate(7));
    assert_eq!(findings(&with(&cut, last)), [(7, Damage::Cut(9))]);
    assert_eq!(with(&cut, last).tail, Tail::Refuted);
    let edited = changed(&log, |lines| drop(lines.remove(4)));
    assert_eq!(with(&edited, last).tail, Tail::Refuted);
    assert_eq!(with(&edited, heads[3]).tail, Tail::ProvenTo(4));
    assert_eq!(findings(&with(b"", last)), [(0, Damage::Cut(9))]);
    let other = Head { line: 4, ..last };
    assert_eq!(findings(&with(&log, other)), [(4, Damage::NotAsKept(4))]);
    assert_eq!(findings(&with(&log, Head { line: 0, ..last })), [(9, Damage::NotAsKept(0))]);
}

#[test]
fn a_cut_tail_is_not_seen_without_a_head_and_nothing_says_that_it_is() {
    let cut = changed(&log(6), |lines| lines.truncate(5));
    let verdict = verified(&cut);
    assert!(verdict.is_sound());
    assert_eq!((verdict.tail, verdict.signed, verdict.head.line()), (Tail::Unproven, 2, 5));
}

#[test]
fn who_has_no_key_cannot_write_it_anew() {
    let log = log(6);
    let edited = rechained(&changed(&log, |lines| lines[4] = lines[4].replacen_bytes(b"\"seq\":3", b"\"seq\":7")));
    assert_eq!(findings(&verified(&edited)), [(2, Damage::WrongCheckpoint), (9, Damage::WrongCheckpoint)]);

    // With the head put right, it is the signature that does not agree.
    let forged = |add: &mut dyn FnMut(&mut Chained<'_>)| {
        written(|chained, key| {
            chained.opened([1; 16], None, key).unwrap();
            add(chained);
        })
    };
    let forged = forged(&mut |chained| {
        chained.record(&record(1), &key()).unwrap();
        let (head, public) = (chained.head.to_string(), public().to_string());
        let genuine = str::from_utf8(lines(&log)[8]).unwrap().to_owned();
        let genuine: serde_json::Value = serde_json::from_str(&genuine).unwrap();
        let checkpoint = serde_json::json!({
            "v": 1, "event": "audit.checkpoint", "ts": genuine["ts"], "key": public, "head": head,
            "signature": genuine["signature"],
        });
        chained.record(&checkpoint, &key()).unwrap();
    });
    assert_eq!(findings(&verified(&forged)), [(4, Damage::WrongSignature)]);
}

#[test]
fn a_log_of_another_key_is_another_log() {
    let other = AuditKey::of([8; 32]);
    let log = written(|chained, _| {
        chained.opened([1; 16], None, &other).unwrap();
        chained.checkpoint(&other).unwrap();
    });
    assert!(verify(&log[..], Trust::default()).unwrap().is_sound());
    let kinds: Vec<_> = findings(&verified(&log)).into_iter().map(|(_, damage)| damage.kind()).collect();
    let other_key = Damage::OtherKey.kind();
    assert_eq!(kinds, [other_key, other_key, "wrong-signature", other_key, "wrong-signature"]);

    // A log that changes its key on the way was continued by somebody else.
    let both = written(|chained, key| {
        chained.opened([1; 16], None, key).unwrap();
        chained.checkpoint(&other).unwrap();
    });
    let verdict = verify(&both[..], Trust::default()).unwrap();
    assert_eq!(findings(&verdict), [(3, Damage::OtherKey), (3, Damage::WrongSignature)]);
}

#[test]
fn lines_that_nothing_signs_are_few() {
    let unsigned = |lines: u32| {
        written(|chained, key| {
            chained.opened([1; 16], None, key).unwrap();
            for seq in 0..lines {
                chained.unsigned = 0;
                chained.record(&record(u64::from(seq)), key).unwrap();
            }
        })
    };
    assert_eq!(findings(&verified(&unsigned(CHECKPOINT_EVERY))), []);
    let too_many = unsigned(CHECKPOINT_EVERY * 3);
    assert_eq!(findings(&verified(&too_many)), [(u64::from(CHECKPOINT_EVERY) + 3, Damage::Unsigned)]);

    // Without any checkpoint, a log is nobody's.
    let stripped = rechained(&changed(&log(6), |lines| {
        lines.remove(8);
        lines.remove(1);
    }));
    assert_eq!(findings(&verified(&stripped)), [(2, Damage::Unsigned)]);
}

#[test]
fn crash_before_a_checkpoint_stays_sound() {
    // The process was killed as it wrote the record that a checkpoint follows.
    let torn = b"{\"v\":1,\"se";
    let file = written(|chained, key| {
        chained.opened([1; 16], None, key).unwrap();
        for number in 1..CHECKPOINT_EVERY {
            chained.record(&record(number.into()), key).unwrap();
        }
        let mut region = Region::new(1);
        region.add(true, &[&torn[..], b" <torn>\n"].concat());
        chained.buffer.extend_from_slice(&[&torn[..], b" <torn>\n"].concat());
        chained.recovered(region.bytes(), region.sha256()).unwrap();
        let unsigned = LineRange { from: 3, to: u64::from(CHECKPOINT_EVERY) + 1 };
        chained.opened([2; 16], Some(unsigned), key).unwrap();
    });
    assert_eq!(findings(&verified(&file)), []);
}

#[test]
fn torn_bytes_are_explained_by_the_line_after_them_or_not_at_all() {
    let torn = |named: &[u8], there: &[u8]| {
        let mut region = Region::new(1);
        region.add(true, named);
        written(|chained, key| {
            chained.opened([1; 16], None, key).unwrap();
            chained.buffer.extend_from_slice(there);
            chained.recovered(region.bytes(), region.sha256()).unwrap();
            chained.checkpoint(key).unwrap();
        })
    };
    let verdict = verified(&torn(b"{\"v\":1,\"se <torn>\n", b"{\"v\":1,\"se <torn>\n"));
    assert_eq!(findings(&verdict), []);
    assert_eq!(verdict.recovered, [Torn { at: 3, bytes: 18 }]);
    assert_eq!((verdict.lines, verdict.head.line()), (5, 4));

    let wrong = [(4, Damage::WrongRecovery), (4, Damage::Missing(3, 3))];
    let other = torn(b"{\"v\":1,\"se <torn>\n", b"{\"v\":1,\"sE <torn>\n");
    assert_eq!(findings(&verified(&other)), wrong[..1]);
    assert_eq!(findings(&verified(&torn(b"1 <torn>\n", b""))), [(3, Damage::WrongRecovery)]);
    // The count is said to people: it is right, too.
    let miscounted = written(|chained, key| {
        let mut region = Region::new(1);
        region.add(true, b"1 <torn>\n");
        chained.opened([1; 16], None, key).unwrap();
        chained.buffer.extend_from_slice(b"1 <torn>\n");
        chained.recovered(region.bytes() + 1, region.sha256()).unwrap();
    });
    assert_eq!(findings(&verified(&miscounted))[0], (4, Damage::WrongRecovery));
    // What explains torn bytes is a line, not the end of one that is too long.
    let filler = vec![b'x'; MAX_LINE];
    assert_eq!(findings(&verified(&torn(&filler, &filler)))[0], (3, Damage::Unreadable(1)));
    // A line that is whole does not become a torn one by being called so.
    let whole = written(|chained, key| chained.record(&record(1), key).unwrap());
    let verdict = verified(&torn(&whole, &whole));
    assert!(!verdict.is_sound());
    assert!(verdict.recovered.is_empty());
}

#[test]
fn wrong_inheritance_is_found() {
    let naming = |records: u64, from: u64, to: u64| {
        written(|chained, key| {
            chained.opened([1; 16], None, key).unwrap();
            (1..=records).for_each(|seq| chained.record(&record(seq), key).unwrap());
            chained.opened([2; 16], Some(LineRange { from, to }), key).unwrap();
        })
    };
    let right = verified(&naming(3, 3, 5));
    assert_eq!((findings(&right), right.inherited), (vec![], vec![LineRange { from: 3, to: 5 }]));
    for (records, from, to) in [(3, 2, 5), (3, 4, 5), (3, 3, 4), (3, 3, 6), (3, 5, 3), (0, 3, 2), (0, 3, 3), (0, 1, 2)]
    {
        let verdict = verified(&naming(records, from, to));
        let line = records + 4;
        assert_eq!(findings(&verdict), [(line, Damage::WrongInheritance)], "{records} {from} {to}");
    }
    // Anywhere but after an opening, nobody found anything.
    let log = log(3);
    let moved = changed(&naming(3, 3, 5), |lines| lines.swap(5, 6));
    assert!(!verified(&moved).is_sound() && verified(&log).inherited.is_empty());
}

#[test]
fn soundness_needs_a_checkpoint_or_head() {
    let log = log(3);
    let soundness = |bytes: &[u8], head| verify(bytes, Trust { key: None, head }).unwrap().soundness();
    let opening = lines(&log)[0];
    assert_eq!(soundness(&log, None), Soundness::Sound);
    assert_eq!(soundness(b"", None), Soundness::Unsigned);
    assert_eq!(soundness(opening, None), Soundness::Unsigned);
    assert_eq!(soundness(&opening[..9], None), Soundness::Unsigned);
    assert_eq!(soundness(opening, Some(Head::of(1, opening))), Soundness::Sound, "the head proves it");
    assert_eq!(soundness(opening, Some(Head::START)), Soundness::Unsigned, "the head proves none of it");
    assert_eq!(soundness(b"", Some(Head::START)), Soundness::Sound);
    assert_eq!(soundness(b"{}\n", None), Soundness::Tampered);
}

#[test]
fn a_torn_end_is_told_from_an_edited_one() {
    let log = log(3);
    for length in (0..log.len()).filter(|length| *length > 0 && log[length - 1] != b'\n') {
        let verdict = verified(&log[..length]);
        assert_eq!(findings(&verdict), []);
        let begins = lines(&log[..length]).last().unwrap().len() as u64;
        assert_eq!(verdict.torn, Some(Torn { at: lines(&log[..length]).len() as u64, bytes: begins }));
    }
    // A sink that crashed again, on its way to say so.
    for mark in 1..=TORN_MARK.len() {
        let crashed = [&log[..log.len() - 9], &TORN_MARK[..mark]].concat();
        assert!(verified(&crashed).is_sound() && verified(&crashed).torn.is_some());
    }
    let edited = [&log[..log.len() - 9], b"\n"].concat();
    assert_eq!(findings(&verified(&edited)), [(6, Damage::Unreadable(1))]);
}

#[test]
fn hostile_files_are_refused_in_bounded_memory_and_without_a_panic() {
    let deep = format!("{{\"v\":1,\"seq\":1,\"event\":\"a\",\"x\":{}1{},", "[".repeat(30_000), "]".repeat(30_000));
    let chain = |line: u64| format!("\"chain\":{{\"line\":{line},\"prev\":\"{}\"}}}}\n", "0".repeat(64));
    let huge_number = format!("{{\"v\":1,\"seq\":1,\"event\":\"a\",{}", chain(u64::MAX));
    for hostile in [
        vec![0; 1 << 20],
        vec![b'\n'; 1 << 12],
        vec![0xff; 100],
        [vec![b'x'; MAX_LINE * 3], b"\n".to_vec(), log(1)].concat(),
        format!("{deep}{}{deep}{}", chain(1), chain(1)).into_bytes(),
        format!("{huge_number}{huge_number}").into_bytes(),
        format!("{{\"v\":1,\"seq\":1,\"event\":\"a\",{}", chain(0)).into_bytes(),
        b"\xef\xbb\xbf{}\r\n".to_vec(),
        log(1).into_iter().flat_map(|byte| if byte == b'\n' { vec![b'\r', b'\n'] } else { vec![byte] }).collect(),
    ] {
        let verdict = verified(&hostile);
        assert!(!verdict.is_sound() || verdict.torn.is_some());
        assert!(verdict.findings.len() <= KEPT);
    }
    // A line of another's that is as long as all of memory.
    let endless = io::repeat(b'x').take(1 << 30);
    assert_eq!(verified_reader(endless).torn, Some(Torn { at: 1, bytes: 1 << 30 }));
}

fn verified_reader(reader: impl Read) -> Verdict {
    verify(reader, Trust { key: Some(public()), head: None }).unwrap()
}

#[test]
fn findings_are_counted_beyond_those_that_are_kept() {
    let log = log(KEPT as u64 * 4);
    let every_other: Vec<u8> = lines(&log).into_iter().step_by(2).flatten().copied().collect();
    let verdict = verified(&every_other);
    assert_eq!(verdict.findings.len(), KEPT);
    assert!(verdict.found > KEPT as u64 * 2 - 5, "{}", verdict.found);
}

#[test]
fn a_reader_that_fails_is_an_error() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("bad sector"))
        }
    }
    let log = log(1);
    assert!(verify(log.chain(Failing), Trust::default()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_change_before_the_end_is_found(records in 1_u64..30, what in 0..4, seed: prop::sample::Index, other: prop::sample::Index, byte: u8) {
        let log = log(records);
        let count = lines(&log).len();
        // Anywhere but in the last line: there, nothing comes after.
        let (at, to) = (seed.index(count - 1), other.index(count - 1));
        let changed = changed(&log, |lines| match what {
            0 => drop(lines.remove(at)),
            1 => lines.swap(at, to),
            2 => lines.insert(to, lines[at].clone()),
            _ => {
                let position = other.index(lines[at].len());
                lines[at][position] = byte;
            }
        });
        prop_assert_eq!(verified(&changed).is_sound(), changed == log);
    }

    #[test]
    fn any_bytes_are_judged(bytes: Vec<u8>, at: prop::sample::Index, records in 0_u64..3) {
        let mut log = log(records);
        let at = at.index(log.len());
        log.splice(at..at, bytes.iter().copied());
        let verdict = verified(&log);
        prop_assert!(bytes.is_empty() || !verdict.is_sound() || verdict.torn.is_some());
    }
}
