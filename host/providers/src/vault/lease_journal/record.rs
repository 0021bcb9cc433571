//! Lines of a lease journal, and their MACs.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum EntryKind {
    /// The accessor of a created token.
    Accessor,
    /// The id of an issued lease.
    Lease,
    /// An issued certificate without a lease.
    Certificate,
    /// The revocation of an earlier entry.
    #[serde(rename = "ended")]
    Revocation,
}

/// A line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    kind: EntryKind,
    id: String,
    mac: String,
}

/// Computes the MACs of lines.
pub(super) struct LineMac(Hmac<Sha256>);

/// The state of the MAC chain: it covers the file's identity, its scope and all earlier lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChainState {
    last: [u8; 32],
    position: u64,
}

impl LineMac {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        // HMAC uses a key of one block unchanged.
        let mut block = zeroize::Zeroizing::new([0; 64]);
        if let Some(start) = block.first_chunk_mut() {
            *start = *key;
        }
        Self(Hmac::new((&*block).into()))
    }

    /// Starts a chain.
    pub(super) fn begin(&self, about: &[&[u8]]) -> ChainState {
        ChainState { last: self.digest("far ledger", about), position: 0 }
    }

    /// Returns the next line, with its line ending, and the chain after it.
    pub(super) fn line(&self, chain: &ChainState, kind: EntryKind, id: &str) -> (String, ChainState) {
        let next = self.next(chain, kind, id);
        let line = Line { kind, id: id.to_owned(), mac: hex::encode(next.last) };
        // Strings always serialize.
        let mut text = serde_json::to_string(&line).unwrap_or_default();
        text.push('\n');
        (text, next)
    }

    /// Verifies the next line; returns its content and the chain after it.
    pub(super) fn read(&self, chain: &ChainState, line: &[u8]) -> Option<(EntryKind, String, ChainState)> {
        let Line { kind, id, mac } = serde_json::from_slice(line).ok()?;
        let mac = hex::decode(mac).ok()?;
        self.mac("far ledger line", &fields(chain, kind, &id)).verify_slice(&mac).ok()?;
        let next = self.next(chain, kind, &id);
        Some((kind, id, next))
    }

    /// Returns the file name prefix for a provider, server and agent.
    pub(super) fn prefix(&self, scope: &[&[u8]]) -> String {
        let mut digits = hex::encode(self.digest("far ledger owner", scope));
        digits.truncate(16);
        digits
    }

    fn next(&self, chain: &ChainState, kind: EntryKind, id: &str) -> ChainState {
        ChainState { last: self.digest("far ledger line", &fields(chain, kind, id)), position: chain.position + 1 }
    }

    fn digest(&self, what: &str, fields: &[impl AsRef<[u8]>]) -> [u8; 32] {
        self.mac(what, fields).finalize().into_bytes().into()
    }

    fn mac(&self, what: &str, fields: &[impl AsRef<[u8]>]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        for part in std::iter::once(what.as_bytes()).chain(fields.iter().map(AsRef::as_ref)) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

fn fields(chain: &ChainState, kind: EntryKind, id: &str) -> [Vec<u8>; 4] {
    let kind = match kind {
        EntryKind::Accessor => b"accessor".as_slice(),
        EntryKind::Lease => b"lease",
        EntryKind::Certificate => b"certificate",
        EntryKind::Revocation => b"ended",
    };
    [chain.last.to_vec(), chain.position.to_be_bytes().to_vec(), kind.to_vec(), id.as_bytes().to_vec()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_mac_binds_key_file_position() {
        let line_mac = LineMac::new(&[7; 32]);
        let chain = line_mac.begin(&[b"vault", b"file"]);
        let (first, second) = line_mac.line(&chain, EntryKind::Lease, "db/creds/\u{e9} \"x\"\n/1");
        assert_eq!(first.lines().count(), 1);
        let (kind, id, after) = line_mac.read(&chain, first.trim_end().as_bytes()).unwrap();
        assert_eq!((kind, &*id, after), (EntryKind::Lease, "db/creds/\u{e9} \"x\"\n/1", second));
        for (line_mac, chain) in [
            (LineMac::new(&[8; 32]), chain),
            (LineMac::new(&[7; 32]), second),
            (LineMac::new(&[7; 32]), line_mac.begin(&[b"vault", b"other"])),
            (LineMac::new(&[7; 32]), line_mac.begin(&[b"vaul", b"tfile"])),
        ] {
            assert!(line_mac.read(&chain, first.as_bytes()).is_none());
        }
        for edited in [
            first.replace("/1", "/2"),
            first.replace("lease", "accessor"),
            first.replace("lease", "certificate"),
            first.replace("}", ",\"x\":1}"),
        ] {
            assert!(line_mac.read(&chain, edited.as_bytes()).is_none(), "{edited}");
        }
    }
}
