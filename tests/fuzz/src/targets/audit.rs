//! The verifier of audit files.

use std::sync::LazyLock;

use far_audit::{Head, PublicKey, Tail, Trust, verify};

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

/// Two files of the form that [`far_audit`] documents, by a writer that shares no code with
/// it, under the key of 32 bytes of 7. The second one has a torn line.
const FILES: [&[u8]; 2] = [include_bytes!("audit/plain.log"), include_bytes!("audit/torn.log")];
/// The key, and the head of each file.
const KEPT: &str = include_str!("audit/kept.txt");

/// The key and the heads that an operator kept elsewhere.
static TRUSTED: LazyLock<(PublicKey, [Head; 2])> = LazyLock::new(|| {
    let mut kept = KEPT.lines();
    let key = kept.next().unwrap().parse().expect("the first line is the key");
    let mut head = || kept.next().unwrap().parse().expect("the other lines are heads");
    (key, [head(), head()])
});

/// Checks that a file which verifies against the kept key or head is the file that was written.
pub fn audit(data: &[u8]) {
    let (key, heads) = &*TRUSTED;
    let verdict = |trust| verify(data, trust).expect("memory can be read");
    let own = verdict(Trust::default());
    assert_eq!(own.is_sound(), own.findings.is_empty());
    assert!(own.findings.len() <= 100 && own.recovered.len() <= 100);
    assert_eq!(own.lines, lines(data).count() as u64);

    let signed = verdict(Trust { key: Some(*key), head: None });
    if signed.is_sound() && signed.signed > 0 && signed.recovered.is_empty() {
        let count = usize::try_from(signed.signed).expect("a file has fewer lines");
        let same = |file: &[u8]| lines(data).take(count).eq(lines(file).take(count));
        assert!(FILES.iter().any(|file| same(file)), "{count} lines are signed that nobody wrote");
    }
    for (file, head) in FILES.iter().zip(heads) {
        let kept = verdict(Trust { key: Some(*key), head: Some(*head) });
        if kept.is_sound() && kept.tail != Tail::Unproven {
            assert_eq!(kept.tail, Tail::ProvenTo(head.line()));
            assert!(data.starts_with(file), "the head is proven of a file that nobody wrote");
        }
    }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n')
}
