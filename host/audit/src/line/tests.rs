use sha2::{Digest, Sha256};

use super::*;

fn chained(add: impl FnOnce(&mut ChainWriter<'_>, &AuditKey)) -> (Vec<u8>, Head) {
    let (mut buffer, key) = (Vec::new(), AuditKey::from_seed([7; 32]));
    let mut chain = ChainWriter { buffer: &mut buffer, head: Head::START, unsigned: 0 };
    add(&mut chain, &key);
    let head = chain.head;
    (buffer, head)
}

#[test]
fn line_ends_with_number_and_hash() {
    #[derive(Serialize)]
    struct Record {
        v: u8,
        event: &'static str,
    }
    let (buffer, head) = chained(|chain, key| {
        chain.record(&Record { v: 1, event: "one" }, key).unwrap();
        chain.record(&Record { v: 1, event: "two" }, key).unwrap();
    });
    let text = String::from_utf8(buffer).unwrap();
    let (first, second) = text.split_at(text.find('\n').unwrap() + 1);
    assert_eq!(
        first,
        format!("{{\"v\":1,\"event\":\"one\",\"chain\":{{\"line\":1,\"prev\":\"{}\"}}}}\n", "0".repeat(64))
    );
    // The output of `sed -n 1p FILE | sha256sum`.
    let hash = hex::encode(Sha256::digest(first));
    assert_eq!(second, format!("{{\"v\":1,\"event\":\"two\",\"chain\":{{\"line\":2,\"prev\":\"{hash}\"}}}}\n"));
    assert_eq!(head.to_string(), format!("2:{}", hex::encode(Sha256::digest(second))));
    assert_eq!(head.to_string().parse(), Ok(head));
}

#[test]
fn sink_lines_round_trip() {
    let (buffer, _) = chained(|chain, key| {
        chain.opening([1; 16], None, key).unwrap();
        chain.recovery(5, [9; 32]).unwrap();
        chain.opening([1; 16], Some(LineRange { from: 3, to: 7 }), key).unwrap();
    });
    let links: Vec<_> = buffer.split_inclusive(|byte| *byte == b'\n').map(|line| Link::parse(line).unwrap()).collect();
    let key = AuditKey::from_seed([7; 32]).public();
    assert!(matches!(&links[0].kind, LineKind::Opening { key: named } if *named == key));
    let LineKind::Checkpoint { key: named, head, ts, signature } = &links[1].kind else { panic!("{:?}", links[1]) };
    assert_eq!((named, head.line, head.hash), (&key, 1, links[1].prev));
    assert!(key.verifies(head, ts, signature));
    assert!(matches!(links[2].kind, LineKind::Recovery { bytes: 5, sha256 } if sha256 == [9; 32]));
    assert!(matches!(links[4].kind, LineKind::Inheritance { from: 3, to: 7 }));
    assert!(matches!(links[5].kind, LineKind::Checkpoint { .. }));
    let line = buffer.split(|byte| *byte == b'\n').nth(1).unwrap();
    assert!(line.starts_with(CHECKPOINT_START), "{}", String::from_utf8_lossy(line));
}

#[test]
fn invalid_line_does_not_parse() {
    let chain = format!("\"chain\":{{\"line\":1,\"prev\":\"{}\"}}", "0".repeat(64));
    let parse = |line: &str| Link::parse(line.as_bytes());
    assert!(parse(&format!("{{\"v\":1,\"seq\":1,\"event\":\"task.started\",{chain}}}")).is_some());
    for line in [
        String::new(),
        "{}".to_owned(),
        "{\"v\":1,\"seq\":1,\"event\":\"task.started\"}".to_owned(),
        format!("{{\"v\":1,\"event\":\"task.started\",{chain}}}"),
        format!("{{\"v\":2,\"seq\":1,\"event\":\"task.started\",{chain}}}"),
        format!("{{\"v\":1,\"seq\":1,\"event\":\"task.started\",{chain}}} x"),
        format!("{{\"v\":1,\"seq\":1,\"event\":\"task.started\",{chain},{chain}}}"),
        format!("{{\"v\":1,\"event\":\"audit.other\",{chain}}}"),
        format!("{{\"v\":1,\"event\":\"audit.opened\",{chain}}}"),
        format!("{{\"v\":1,\"event\":\"audit.opened\",\"key\":\"ed25519:00\",{chain}}}"),
        format!("{{\"v\":1,\"event\":\"audit.checkpoint\",\"key\":\"ed25519:00\",{chain}}}"),
        format!("{{\"v\":1,\"event\":\"audit.recovered\",\"torn\":{{\"bytes\":-1,\"sha256\":\"\"}},{chain}}}"),
        format!("{{\"v\":1,\"event\":\"audit.inherited\",\"unsigned\":{{\"from\":1}},{chain}}}"),
        format!(
            "{{\"v\":1,\"seq\":1,\"event\":\"task.started\",\"chain\":{{\"line\":1,\"prev\":\"{}\"}}}}",
            "A".repeat(64)
        ),
    ] {
        assert!(parse(&line).is_none(), "{line}");
    }
}

#[test]
fn checkpoint_follows_every_1024_records() {
    let (buffer, _) = chained(|chain, key| {
        for _ in 0..CHECKPOINT_EVERY * 2 + 1 {
            chain.record(&serde_json::json!({ "v": 1, "seq": 1, "event": "task.started" }), key).unwrap();
        }
    });
    let kinds: Vec<_> =
        buffer.split_inclusive(|byte| *byte == b'\n').map(|line| Link::parse(line).unwrap().kind).collect();
    let signed: Vec<_> = (0..kinds.len()).filter(|at| matches!(kinds[*at], LineKind::Checkpoint { .. })).collect();
    assert_eq!(signed, [1024, 2049]);
}

#[test]
fn oversized_record_is_rejected() {
    chained(|chain, key| {
        let record = serde_json::json!({ "v": 1, "event": "e", "text": "x".repeat(MAX_LINE) });
        assert!(chain.record(&record, key).is_err());
        assert_eq!(chain.head, Head::START);
    });
}
