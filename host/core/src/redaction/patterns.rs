//! The fingerprints of a task's values, and the match counts of its secrets.

use far_capability::SecretName;
use zeroize::Zeroizing;

use super::error::LearnError;
use super::filter::Filter;
use super::fingerprint::FingerprintKey;
use super::form::{ALIGNMENTS, Alphabet, sextets};
use super::reader::{CHUNK_LEN, Reader, SymbolBuffer};

/// The number of symbols that select candidate patterns. The shortest value has as many in each
/// form.
const START_LEN: usize = 4;

/// The fingerprints of all values of a task.
pub(super) struct PatternSet {
    key: FingerprintKey,
    pub(super) filter: Filter,
    /// Sorted.
    starts: Vec<PatternStart>,
    /// Append-only: redactors hold indexes into it.
    patterns: Vec<Pattern>,
    secrets: Vec<SecretEntry>,
}

/// A learned secret.
pub(super) struct SecretEntry {
    pub(super) name: SecretName,
    pub(super) marker: String,
    pub(super) matches: u64,
}

/// A sequence of symbols to search for.
struct Pattern {
    secret: usize,
    alphabet: Alphabet,
    /// The length in symbols.
    length: usize,
    /// The fingerprints of each [`CHUNK_LEN`] symbols, and of the rest.
    chunks: Box<[u64]>,
}

/// The start of a pattern, ordered by its fields.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PatternStart {
    /// The fingerprint of the first [`START_LEN`] symbols.
    first: u64,
    /// The length of the first chunk, in symbols.
    length: usize,
    pattern: usize,
}

/// A match of the first chunks of a pattern.
#[derive(Clone, Copy)]
pub(super) struct PartialMatch {
    pattern: usize,
    chunk: usize,
    pub(super) reader: Reader,
}

impl PatternSet {
    pub(super) fn new() -> Result<Self, LearnError> {
        Ok(Self {
            key: FingerprintKey::new()?,
            filter: Filter::new()?,
            starts: Vec::new(),
            patterns: Vec::new(),
            secrets: Vec::new(),
        })
    }

    /// Learns a value, unless it is known under this name.
    pub(super) fn learn(&mut self, name: &SecretName, value: &[u8]) -> Result<(), LearnError> {
        let secret = self.secrets.iter().position(|secret| secret.name == *name);
        let chunks = self.chunk_fingerprints(Alphabet::Bytes, value.iter().copied());
        let same = |pattern: &Pattern| Some(pattern.secret) == secret && pattern.chunks == chunks;
        if self.patterns.iter().any(same) {
            return Ok(());
        }
        self.filter = self.filter.with_value(value)?;
        let secret = secret.unwrap_or(self.secrets.len());
        if secret == self.secrets.len() {
            let marker = format!("[redacted:{name}]");
            self.secrets.push(SecretEntry { name: name.clone(), marker, matches: 0 });
        }
        let first = self.start_fingerprint(Alphabet::Bytes, value.iter().copied());
        self.add(first, Pattern { secret, alphabet: Alphabet::Bytes, length: value.len(), chunks });
        for before in ALIGNMENTS {
            let sextets = || sextets(value, before);
            let chunks = self.chunk_fingerprints(Alphabet::Sextets, sextets());
            let first = self.start_fingerprint(Alphabet::Sextets, sextets());
            self.add(first, Pattern { secret, alphabet: Alphabet::Sextets, length: sextets().len(), chunks });
        }
        Ok(())
    }

    /// Calls `each` for every pattern whose first chunk is at the start of `text`, in any form.
    pub(super) fn match_starts(&self, text: &[u8], symbols: &mut SymbolBuffer, mut each: impl FnMut(PartialMatch)) {
        let mut first = Zeroizing::new([0; START_LEN]);
        Reader::new().read(text, &mut *first, |reader, read| {
            let first = self.key.fingerprint(reader.alphabet(), read);
            let from = self.starts.partition_point(|start| start.first < first);
            let mut rest = self.starts.get(from..).unwrap_or_default();
            // Patterns with equal starts and lengths share a reading.
            while let Some(next) = rest.first().filter(|next| next.first == first) {
                let same = |other: &PatternStart| (other.first, other.length) == (next.first, next.length);
                let (equal, others) = rest.split_at(rest.partition_point(same));
                self.read_chunk(reader.rewound(), text, symbols, next.length, |reader, fingerprint| {
                    for PatternStart { pattern, .. } in equal {
                        self.match_chunk(*pattern, 0, reader, fingerprint, &mut each);
                    }
                });
                rest = others;
            }
        });
    }

    /// Extends a match by the next chunk, and calls `each` for every form in which it follows.
    pub(super) fn extend(
        &self,
        partial: PartialMatch,
        text: &[u8],
        symbols: &mut SymbolBuffer,
        mut each: impl FnMut(PartialMatch),
    ) {
        let PartialMatch { pattern, chunk, reader } = partial;
        let Some(known) = self.patterns.get(pattern) else { return };
        let length = known.length.saturating_sub(chunk * CHUNK_LEN).min(CHUNK_LEN);
        self.read_chunk(reader, text, symbols, length, |reader, fingerprint| {
            self.match_chunk(pattern, chunk, reader, fingerprint, &mut each);
        });
    }

    fn read_chunk(
        &self,
        reader: Reader,
        text: &[u8],
        symbols: &mut SymbolBuffer,
        length: usize,
        mut each: impl FnMut(Reader, u64),
    ) {
        let room = symbols.get_mut(..length).unwrap_or_default();
        reader.read(text, room, |reader, read| each(reader, self.key.fingerprint(reader.alphabet(), read)));
    }

    fn match_chunk(
        &self,
        pattern: usize,
        chunk: usize,
        reader: Reader,
        fingerprint: u64,
        each: &mut impl FnMut(PartialMatch),
    ) {
        let Some(known) = self.patterns.get(pattern) else { return };
        let same = known.chunks.get(chunk) == Some(&fingerprint);
        if known.alphabet == reader.alphabet() && same {
            each(PartialMatch { pattern, chunk: chunk + 1, reader });
        }
    }

    /// Returns true if the pattern has another chunk.
    pub(super) fn has_next_chunk(&self, partial: &PartialMatch) -> bool {
        self.patterns.get(partial.pattern).is_some_and(|pattern| partial.chunk < pattern.chunks.len())
    }

    /// Returns the secret of a match.
    pub(super) fn secret(&mut self, partial: &PartialMatch) -> Option<&mut SecretEntry> {
        let secret = self.patterns.get(partial.pattern)?.secret;
        self.secrets.get_mut(secret)
    }

    /// Returns each secret with a match, and the number of its matches.
    pub(super) fn matches(&self) -> Vec<(SecretName, u64)> {
        let matched = self.secrets.iter().filter(|secret| secret.matches > 0);
        matched.map(|secret| (secret.name.clone(), secret.matches)).collect()
    }

    fn add(&mut self, first: u64, pattern: Pattern) {
        let start = PatternStart { first, length: pattern.length.min(CHUNK_LEN), pattern: self.patterns.len() };
        let at = self.starts.partition_point(|other| *other <= start);
        self.starts.insert(at, start);
        self.patterns.push(pattern);
    }

    fn start_fingerprint(&self, alphabet: Alphabet, symbols: impl Iterator<Item = u8>) -> u64 {
        let mut first = Zeroizing::new([0; START_LEN]);
        first.iter_mut().zip(symbols).for_each(|(to, from)| *to = from);
        self.key.fingerprint(alphabet, &*first)
    }

    fn chunk_fingerprints(&self, alphabet: Alphabet, mut symbols: impl ExactSizeIterator<Item = u8>) -> Box<[u64]> {
        let mut chunk = Zeroizing::new([0; CHUNK_LEN]);
        let chunks = (0..symbols.len().div_ceil(CHUNK_LEN)).map(|_| {
            let length = symbols.len().min(CHUNK_LEN);
            chunk.iter_mut().zip(symbols.by_ref().take(length)).for_each(|(to, from)| *to = from);
            self.key.fingerprint(alphabet, chunk.get(..length).unwrap_or_default())
        });
        chunks.collect()
    }
}
