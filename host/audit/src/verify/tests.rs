use proptest::prelude::*;

use super::*;
use crate::key::AuditKey;
use crate::line::{ChainWriter, TORN_MARK};
use crate::samples::{findings, key, lines, log, public, record, verified, written};
use crate::verdict::{Integrity, TornWrite};

/// Changes the lines of a log.
fn changed(log: &[u8], change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let mut lines: Vec<_> = lines(log).into_iter().map(<[u8]>::to_vec).collect();
    change(&mut lines);
    lines.concat()
}

/// Rebuilds the chain of a log without the key: the checkpoints keep their signatures.
fn rechained(log: &[u8]) -> Vec<u8> {
    let mut head = Head::START;
    let rechain = |line: &[u8]| {
        let mut value: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line).unwrap();
        value["chain"] = serde_json::json!({ "line": head.line + 1, "prev": hex::encode(head.hash) });
        let mut line = serde_json::to_vec(&value).unwrap();
        line.push(b'\n');
        head = Head::of(head.line + 1, &line);
        line
    };
    lines(log).into_iter().map(rechain).collect::<Vec<_>>().concat()
}

#[test]
fn unmodified_log_has_no_findings() {
    for records in [0, 1, 2, 1023, 1024, 3000] {
        let log = log(records);
        let verdict = verified(&log);
        assert_eq!(findings(&verdict), []);
        assert_eq!((verdict.lines, verdict.head.line()), (lines(&log).len() as u64, verdict.lines));
        // The last line is a checkpoint.
        assert_eq!((verdict.signed_to, verdict.tail, verdict.torn), (verdict.lines, TailStatus::Unproven, None));
        assert_eq!((verdict.key, verdict.recovered), (Some(public()), vec![]));
    }
    let nothing = verified(b"");
    assert!(nothing.is_consistent() && nothing.lines == 0 && nothing.key == Some(public()));
}

#[test]
fn defects_are_reported_with_their_lines() {
    let log = log(6);
    // Line 1 is the opening, 2 a checkpoint, 3 to 8 are records, 9 is a checkpoint.
    type Change = fn(&mut Vec<Vec<u8>>);
    let cases: [(Change, Vec<(u64, Defect)>); 10] = [
        (|lines| lines[4][3] = b'X', vec![(5, Defect::Unreadable(1))]),
        (|lines| lines[4] = lines[4].replacen_bytes(b"\"seq\":3", b"\"seq\":7"), vec![(6, Defect::BrokenChain)]),
        (|lines| drop(lines.remove(4)), vec![(5, Defect::MissingLines(5, 5))]),
        (|lines| drop(lines.drain(3..6)), vec![(4, Defect::MissingLines(4, 6))]),
        (|lines| drop(lines.remove(0)), vec![(1, Defect::MissingLines(1, 1))]),
        (|lines| lines.insert(5, lines[4].clone()), vec![(6, Defect::OutOfOrder(5))]),
        (
            |lines| lines.swap(4, 5),
            vec![(5, Defect::MissingLines(5, 5)), (6, Defect::OutOfOrder(5)), (7, Defect::MissingLines(6, 6))],
        ),
        (|lines| lines.insert(4, b"\n".to_vec()), vec![(5, Defect::Unreadable(1))]),
        (|lines| lines.insert(4, b"{} <torn>\n".to_vec()), vec![(5, Defect::Unreadable(1))]),
        (|lines| lines[7].clear(), vec![(8, Defect::MissingLines(8, 8))]),
    ];
    for (change, expected) in cases {
        let verdict = verified(&changed(&log, change));
        assert_eq!(findings(&verdict), expected);
        assert_eq!(verdict.finding_count, expected.len() as u64);
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
fn any_changed_byte_is_found() {
    let log = log(3);
    for at in 0..log.len() {
        for byte in [b'0', b'1', b' ', b'"', b'\n', b'}', b'a', log[at] ^ 0x20, log[at] ^ 0x01, 0, 0xff] {
            let mut edited = log.clone();
            edited[at] = byte;
            let verdict = verified(&edited);
            // Without its last line feed, a log ends in a torn write. That is not a finding.
            let torn = at == log.len() - 1 && verdict.torn.is_some();
            assert_eq!(verdict.is_consistent(), byte == log[at] || torn, "byte {at} is {byte}");
        }
    }
}

#[test]
fn saved_head_proves_preceding_lines() {
    let log = log(6);
    let with = |bytes: &[u8], head| verify(bytes, TrustAnchors { key: None, head: Some(head) }).unwrap();
    let heads: Vec<_> = lines(&log).iter().enumerate().map(|(at, line)| Head::of(at as u64 + 1, line)).collect();
    for head in heads.iter().copied().chain([Head::START]) {
        let verdict = with(&log, head);
        assert!(verdict.is_consistent());
        assert_eq!(verdict.tail, TailStatus::ProvenTo(head.line()));
    }
    let last = *heads.last().unwrap();
    let cut = changed(&log, |lines| lines.truncate(7));
    assert_eq!(findings(&with(&cut, last)), [(7, Defect::Truncated(9))]);
    assert_eq!(with(&cut, last).tail, TailStatus::Refuted);
    let edited = changed(&log, |lines| drop(lines.remove(4)));
    assert_eq!(with(&edited, last).tail, TailStatus::Refuted);
    assert_eq!(with(&edited, heads[3]).tail, TailStatus::ProvenTo(4));
    assert_eq!(findings(&with(b"", last)), [(0, Defect::Truncated(9))]);
    let other = Head { line: 4, ..last };
    assert_eq!(findings(&with(&log, other)), [(4, Defect::HeadMismatch(4))]);
    assert_eq!(findings(&with(&log, Head { line: 0, ..last })), [(9, Defect::HeadMismatch(0))]);
}

#[test]
fn truncation_without_head_is_unproven() {
    let cut = changed(&log(6), |lines| lines.truncate(5));
    let verdict = verified(&cut);
    assert!(verdict.is_consistent());
    assert_eq!((verdict.tail, verdict.signed_to, verdict.head.line()), (TailStatus::Unproven, 2, 5));
}

#[test]
fn rechained_log_fails_signature_check() {
    let log = log(6);
    let edited = rechained(&changed(&log, |lines| lines[4] = lines[4].replacen_bytes(b"\"seq\":3", b"\"seq\":7")));
    assert_eq!(findings(&verified(&edited)), [(2, Defect::CheckpointMismatch), (9, Defect::CheckpointMismatch)]);

    // With a matching head, the signature is invalid.
    let forged = |add: &mut dyn FnMut(&mut ChainWriter<'_>)| {
        written(|chain, key| {
            chain.opening([1; 16], None, key).unwrap();
            add(chain);
        })
    };
    let forged = forged(&mut |chain| {
        chain.record(&record(1), &key()).unwrap();
        let (head, public) = (chain.head.to_string(), public().to_string());
        let genuine = str::from_utf8(lines(&log)[8]).unwrap().to_owned();
        let genuine: serde_json::Value = serde_json::from_str(&genuine).unwrap();
        let checkpoint = serde_json::json!({
            "v": 1, "event": "audit.checkpoint", "ts": genuine["ts"], "key": public, "head": head,
            "signature": genuine["signature"],
        });
        chain.record(&checkpoint, &key()).unwrap();
    });
    assert_eq!(findings(&verified(&forged)), [(4, Defect::InvalidSignature)]);
}

#[test]
fn log_of_another_key_is_found() {
    let other = AuditKey::from_seed([8; 32]);
    let log = written(|chain, _| {
        chain.opening([1; 16], None, &other).unwrap();
        chain.checkpoint(&other).unwrap();
    });
    assert!(verify(&log[..], TrustAnchors::default()).unwrap().is_consistent());
    let kinds: Vec<_> = findings(&verified(&log)).into_iter().map(|(_, defect)| defect.kind()).collect();
    let other_key = Defect::KeyMismatch.kind();
    assert_eq!(kinds, [other_key, other_key, "wrong-signature", other_key, "wrong-signature"]);

    // The key changes within the log.
    let both = written(|chain, key| {
        chain.opening([1; 16], None, key).unwrap();
        chain.checkpoint(&other).unwrap();
    });
    let verdict = verify(&both[..], TrustAnchors::default()).unwrap();
    assert_eq!(findings(&verdict), [(3, Defect::KeyMismatch), (3, Defect::InvalidSignature)]);
}

#[test]
fn too_many_unsigned_records_are_found() {
    let unsigned = |lines: u32| {
        written(|chain, key| {
            chain.opening([1; 16], None, key).unwrap();
            for seq in 0..lines {
                chain.unsigned = 0;
                chain.record(&record(u64::from(seq)), key).unwrap();
            }
        })
    };
    assert_eq!(findings(&verified(&unsigned(CHECKPOINT_EVERY))), []);
    let too_many = unsigned(CHECKPOINT_EVERY * 3);
    assert_eq!(findings(&verified(&too_many)), [(u64::from(CHECKPOINT_EVERY) + 3, Defect::MissingCheckpoint)]);

    // The first record without any checkpoint is a finding.
    let stripped = rechained(&changed(&log(6), |lines| {
        lines.remove(8);
        lines.remove(1);
    }));
    assert_eq!(findings(&verified(&stripped)), [(2, Defect::MissingCheckpoint)]);
}

#[test]
fn crash_before_checkpoint_has_no_findings() {
    // The process was killed while it wrote the last record before a checkpoint.
    let torn = b"{\"v\":1,\"se";
    let file = written(|chain, key| {
        chain.opening([1; 16], None, key).unwrap();
        for number in 1..CHECKPOINT_EVERY {
            chain.record(&record(number.into()), key).unwrap();
        }
        let mut region = Region::new(1);
        region.add(true, &[&torn[..], b" <torn>\n"].concat());
        chain.buffer.extend_from_slice(&[&torn[..], b" <torn>\n"].concat());
        chain.recovery(region.bytes(), region.sha256()).unwrap();
        let unsigned = LineRange { from: 3, to: u64::from(CHECKPOINT_EVERY) + 1 };
        chain.opening([2; 16], Some(unsigned), key).unwrap();
    });
    assert_eq!(findings(&verified(&file)), []);
}

#[test]
fn recovery_must_match_torn_bytes() {
    let torn = |named: &[u8], there: &[u8]| {
        let mut region = Region::new(1);
        region.add(true, named);
        written(|chain, key| {
            chain.opening([1; 16], None, key).unwrap();
            chain.buffer.extend_from_slice(there);
            chain.recovery(region.bytes(), region.sha256()).unwrap();
            chain.checkpoint(key).unwrap();
        })
    };
    let verdict = verified(&torn(b"{\"v\":1,\"se <torn>\n", b"{\"v\":1,\"se <torn>\n"));
    assert_eq!(findings(&verdict), []);
    assert_eq!(verdict.recovered, [TornWrite { line: 3, bytes: 18 }]);
    assert_eq!((verdict.lines, verdict.head.line()), (5, 4));

    let wrong = [(4, Defect::RecoveryMismatch), (4, Defect::MissingLines(3, 3))];
    let other = torn(b"{\"v\":1,\"se <torn>\n", b"{\"v\":1,\"sE <torn>\n");
    assert_eq!(findings(&verified(&other)), wrong[..1]);
    assert_eq!(findings(&verified(&torn(b"1 <torn>\n", b""))), [(3, Defect::RecoveryMismatch)]);
    // The number of bytes must match too: the report shows it.
    let miscounted = written(|chain, key| {
        let mut region = Region::new(1);
        region.add(true, b"1 <torn>\n");
        chain.opening([1; 16], None, key).unwrap();
        chain.buffer.extend_from_slice(b"1 <torn>\n");
        chain.recovery(region.bytes() + 1, region.sha256()).unwrap();
    });
    assert_eq!(findings(&verified(&miscounted))[0], (4, Defect::RecoveryMismatch));
    // The end of an oversized line is not a recovery.
    let filler = vec![b'x'; MAX_LINE];
    assert_eq!(findings(&verified(&torn(&filler, &filler)))[0], (3, Defect::Unreadable(1)));
    // A complete line is not a torn write, even if a recovery names it.
    let whole = written(|chain, key| chain.record(&record(1), key).unwrap());
    let verdict = verified(&torn(&whole, &whole));
    assert!(!verdict.is_consistent());
    assert!(verdict.recovered.is_empty());
}

#[test]
fn wrong_inheritance_is_found() {
    let naming = |records: u64, from: u64, to: u64| {
        written(|chain, key| {
            chain.opening([1; 16], None, key).unwrap();
            (1..=records).for_each(|seq| chain.record(&record(seq), key).unwrap());
            chain.opening([2; 16], Some(LineRange { from, to }), key).unwrap();
        })
    };
    let right = verified(&naming(3, 3, 5));
    assert_eq!((findings(&right), right.inherited), (vec![], vec![LineRange { from: 3, to: 5 }]));
    for (records, from, to) in [(3, 2, 5), (3, 4, 5), (3, 3, 4), (3, 3, 6), (3, 5, 3), (0, 3, 2), (0, 3, 3), (0, 1, 2)]
    {
        let verdict = verified(&naming(records, from, to));
        let line = records + 4;
        assert_eq!(findings(&verdict), [(line, Defect::InheritanceMismatch)], "{records} {from} {to}");
    }
    // An inheritance that does not follow an opening is a finding.
    let log = log(3);
    let moved = changed(&naming(3, 3, 5), |lines| lines.swap(5, 6));
    assert!(!verified(&moved).is_consistent() && verified(&log).inherited.is_empty());
}

#[test]
fn soundness_needs_checkpoint_or_head() {
    let log = log(3);
    let integrity = |bytes: &[u8], head| verify(bytes, TrustAnchors { key: None, head }).unwrap().integrity();
    let opening = lines(&log)[0];
    assert_eq!(integrity(&log, None), Integrity::Sound);
    assert_eq!(integrity(b"", None), Integrity::Unsigned);
    assert_eq!(integrity(opening, None), Integrity::Unsigned);
    assert_eq!(integrity(&opening[..9], None), Integrity::Unsigned);
    assert_eq!(integrity(opening, Some(Head::of(1, opening))), Integrity::Sound, "the head proves the line");
    assert_eq!(integrity(opening, Some(Head::START)), Integrity::Unsigned, "the head proves no line");
    assert_eq!(integrity(b"", Some(Head::START)), Integrity::Sound);
    assert_eq!(integrity(b"{}\n", None), Integrity::Tampered);
}

#[test]
fn torn_end_is_not_a_finding() {
    let log = log(3);
    for length in (0..log.len()).filter(|length| *length > 0 && log[length - 1] != b'\n') {
        let verdict = verified(&log[..length]);
        assert_eq!(findings(&verdict), []);
        let begins = lines(&log[..length]).last().unwrap().len() as u64;
        assert_eq!(verdict.torn, Some(TornWrite { line: lines(&log[..length]).len() as u64, bytes: begins }));
    }
    // The sink crashed again while it wrote the mark.
    for mark in 1..=TORN_MARK.len() {
        let crashed = [&log[..log.len() - 9], &TORN_MARK[..mark]].concat();
        assert!(verified(&crashed).is_consistent() && verified(&crashed).torn.is_some());
    }
    let edited = [&log[..log.len() - 9], b"\n"].concat();
    assert_eq!(findings(&verified(&edited)), [(6, Defect::Unreadable(1))]);
}

#[test]
fn hostile_files_need_bounded_memory() {
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
        assert!(!verdict.is_consistent() || verdict.torn.is_some());
        assert!(verdict.findings.len() <= FINDINGS_MAX);
    }
    let endless = io::repeat(b'x').take(1 << 30);
    assert_eq!(verified_reader(endless).torn, Some(TornWrite { line: 1, bytes: 1 << 30 }));
}

fn verified_reader(reader: impl Read) -> Verdict {
    verify(reader, TrustAnchors { key: Some(public()), head: None }).unwrap()
}

#[test]
fn all_findings_are_counted() {
    let log = log(FINDINGS_MAX as u64 * 4);
    let every_other: Vec<u8> = lines(&log).into_iter().step_by(2).flatten().copied().collect();
    let verdict = verified(&every_other);
    assert_eq!(verdict.findings.len(), FINDINGS_MAX);
    assert!(verdict.finding_count > FINDINGS_MAX as u64 * 2 - 5, "{}", verdict.finding_count);
}

#[test]
fn failing_reader_is_an_error() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("bad sector"))
        }
    }
    let log = log(1);
    assert!(verify(log.chain(Failing), TrustAnchors::default()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_change_before_last_line_is_found(records in 1_u64..30, edit in 0..4, seed: prop::sample::Index, other: prop::sample::Index, byte: u8) {
        let log = log(records);
        let count = lines(&log).len();
        // No line follows the last one, so that only its own checks apply.
        let (at, to) = (seed.index(count - 1), other.index(count - 1));
        let changed = changed(&log, |lines| match edit {
            0 => drop(lines.remove(at)),
            1 => lines.swap(at, to),
            2 => lines.insert(to, lines[at].clone()),
            _ => {
                let position = other.index(lines[at].len());
                lines[at][position] = byte;
            }
        });
        prop_assert_eq!(verified(&changed).is_consistent(), changed == log);
    }

    #[test]
    fn inserted_bytes_are_found(bytes: Vec<u8>, at: prop::sample::Index, records in 0_u64..3) {
        let mut log = log(records);
        let at = at.index(log.len());
        log.splice(at..at, bytes.iter().copied());
        let verdict = verified(&log);
        prop_assert!(bytes.is_empty() || !verdict.is_consistent() || verdict.torn.is_some());
    }
}
