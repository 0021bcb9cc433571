//! The verifier of audit files.

use std::sync::LazyLock;

use far_audit::{Head, PublicKey, TailStatus, TrustAnchors, verify};

pub(super) const TOKENS: &[&str] = &[
    "\n",
    " <torn>\n",
    "\"chain\":{\"line\":",
    "\"prev\":\"",
    "audit.checkpoint",
    "audit.opened",
    "audit.recovered",
    "\"head\":",
    "\"signature\":",
    "\"torn\":",
];

/// Two audit files in the documented format of [`far_audit`]. An independent writer signed them
/// with the key of 32 bytes of 7. The second file has a torn line.
const FILES: [&[u8]; 2] = [include_bytes!("audit/plain.log"), include_bytes!("audit/torn.log")];
/// The key, and the head of each file.
const TRUSTED_TEXT: &str = include_str!("audit/trusted.txt");

/// The key and the heads that an operator stores elsewhere.
static TRUSTED: LazyLock<(PublicKey, [Head; 2])> = LazyLock::new(|| {
    let mut lines = TRUSTED_TEXT.lines();
    let key = lines.next().unwrap().parse().expect("the first line is the key");
    let mut head = || lines.next().unwrap().parse().expect("the other lines are heads");
    (key, [head(), head()])
});

/// Checks that a file which verifies against the trusted key or head is one of the signed files.
pub fn audit(data: &[u8]) {
    let (key, heads) = &*TRUSTED;
    let verdict = |trust| verify(data, trust).expect("memory can be read");
    let own = verdict(TrustAnchors::default());
    assert_eq!(own.is_consistent(), own.findings.is_empty());
    assert!(own.findings.len() <= 100 && own.recovered.len() <= 100);
    assert_eq!(own.lines, lines(data).count() as u64);

    let signed = verdict(TrustAnchors { key: Some(*key), head: None });
    if signed.is_consistent() && signed.signed_to > 0 && signed.recovered.is_empty() {
        let count = usize::try_from(signed.signed_to).expect("a file has fewer lines");
        let same = |file: &[u8]| lines(data).take(count).eq(lines(file).take(count));
        assert!(FILES.iter().any(|file| same(file)), "{count} forged lines verify");
    }
    for (file, head) in FILES.iter().zip(heads) {
        let trusted = verdict(TrustAnchors { key: Some(*key), head: Some(*head) });
        if trusted.is_consistent() && trusted.tail != TailStatus::Unproven {
            assert_eq!(trusted.tail, TailStatus::ProvenTo(head.line()));
            assert!(data.starts_with(file), "a forged file matches the head");
        }
    }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n')
}
