//! A line of the ledger, and the seal on it.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// What a line is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum Kind {
    /// A token was made.
    Accessor,
    /// A secret was made.
    Lease,
    /// A certificate was made that no lease ends.
    Certificate,
    /// One of them was ended.
    Ended,
}

/// What a line says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    kind: Kind,
    id: String,
    mac: String,
}

/// What seals are made with.
pub(super) struct Sealer(Hmac<Sha256>);

/// What the next line's seal is over, besides that line: where the file is, whose it is, and all lines before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    last: [u8; 32],
    position: u64,
}

impl Sealer {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        // A key of this length is taken as it is.
        let mut block = zeroize::Zeroizing::new([0; 64]);
        if let Some(start) = block.first_chunk_mut() {
            *start = *key;
        }
        Self(Hmac::new((&*block).into()))
    }

    /// The beginning of a chain.
    pub(super) fn begin(&self, about: &[&[u8]]) -> Chain {
        Chain { last: self.seal("far ledger", about), position: 0 }
    }

    /// The line that follows, with its end, and the chain after it.
    pub(super) fn line(&self, chain: &Chain, kind: Kind, id: &str) -> (String, Chain) {
        let next = self.next(chain, kind, id);
        let line = Line { kind, id: id.to_owned(), mac: hex::encode(next.last) };
        // Texts are always JSON.
        let mut text = serde_json::to_string(&line).unwrap_or_default();
        text.push('\n');
        (text, next)
    }

    /// What a line says, if it is the one that follows, and the chain after it.
    pub(super) fn read(&self, chain: &Chain, line: &[u8]) -> Option<(Kind, String, Chain)> {
        let Line { kind, id, mac } = serde_json::from_slice(line).ok()?;
        let mac = hex::decode(mac).ok()?;
        self.mac("far ledger line", &parts(chain, kind, &id)).verify_slice(&mac).ok()?;
        let next = self.next(chain, kind, &id);
        Some((kind, id, next))
    }

    /// What the files of one owner begin with.
    pub(super) fn prefix(&self, owner: &[&[u8]]) -> String {
        let mut digits = hex::encode(self.seal("far ledger owner", owner));
        digits.truncate(16);
        digits
    }

    fn next(&self, chain: &Chain, kind: Kind, id: &str) -> Chain {
        Chain { last: self.seal("far ledger line", &parts(chain, kind, id)), position: chain.position + 1 }
    }

    fn seal(&self, what: &str, parts: &[impl AsRef<[u8]>]) -> [u8; 32] {
        self.mac(what, parts).finalize().into_bytes().into()
    }

    fn mac(&self, what: &str, parts: &[impl AsRef<[u8]>]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        for part in std::iter::once(what.as_bytes()).chain(parts.iter().map(AsRef::as_ref)) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

fn parts(chain: &Chain, kind: Kind, id: &str) -> [Vec<u8>; 4] {
    let kind = match kind {
        Kind::Accessor => b"accessor".as_slice(),
        Kind::Lease => b"lease",
        Kind::Certificate => b"certificate",
        Kind::Ended => b"ended",
    };
    [chain.last.to_vec(), chain.position.to_be_bytes().to_vec(), kind.to_vec(), id.as_bytes().to_vec()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_of_its_key_its_file_and_its_place() {
        let sealer = Sealer::new(&[7; 32]);
        let chain = sealer.begin(&[b"vault", b"file"]);
        let (first, second) = sealer.line(&chain, Kind::Lease, "db/creds/\u{e9} \"x\"\n/1");
        assert_eq!(first.lines().count(), 1);
        let (kind, id, after) = sealer.read(&chain, first.trim_end().as_bytes()).unwrap();
        assert_eq!((kind, &*id, after), (Kind::Lease, "db/creds/\u{e9} \"x\"\n/1", second));
        for (sealer, chain) in [
            (Sealer::new(&[8; 32]), chain),
            (Sealer::new(&[7; 32]), second),
            (Sealer::new(&[7; 32]), sealer.begin(&[b"vault", b"other"])),
            (Sealer::new(&[7; 32]), sealer.begin(&[b"vaul", b"tfile"])),
        ] {
            assert!(sealer.read(&chain, first.as_bytes()).is_none());
        }
        for edited in [
            first.replace("/1", "/2"),
            first.replace("lease", "accessor"),
            first.replace("lease", "certificate"),
            first.replace("}", ",\"x\":1}"),
        ] {
            assert!(sealer.read(&chain, edited.as_bytes()).is_none(), "{edited}");
        }
    }
}
