//! What one task was given, as far as it is kept: fingerprints, and how often each secret was found.

use far_capability::SecretName;
use zeroize::Zeroizing;

use super::error::LearnError;
use super::filter::Filter;
use super::form::{ALIGNMENTS, Alphabet, sextets};
use super::print::Key;
use super::reading::{PIECE, Reader, Symbols};

/// How many symbols find the patterns that a text may be. The shortest value has as many in each form.
const FIRST: usize = 4;

/// Values, as they are known.
pub(super) struct Known {
    key: Key,
    pub(super) filter: Filter,
    /// In their order.
    beginnings: Vec<Beginning>,
    /// Only ever grows: redactors remember places in it.
    patterns: Vec<Pattern>,
    secrets: Vec<Listed>,
}

/// A secret that was learned.
pub(super) struct Listed {
    pub(super) name: SecretName,
    pub(super) marker: String,
    pub(super) finds: u64,
}

/// One sequence of symbols that is looked for.
struct Pattern {
    secret: usize,
    alphabet: Alphabet,
    /// In symbols.
    length: usize,
    /// The fingerprints of each [`PIECE`] symbols, and of what is left.
    pieces: Box<[u64]>,
}

/// The beginning of a pattern, in the order of these fields.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Beginning {
    /// The fingerprint of the first symbols.
    first: u64,
    /// The length of the first piece, in symbols.
    length: usize,
    pattern: usize,
}

/// A pattern, so much of which was found.
#[derive(Clone, Copy)]
pub(super) struct Followed {
    pattern: usize,
    piece: usize,
    pub(super) reader: Reader,
}

impl Known {
    pub(super) fn new() -> Result<Self, LearnError> {
        Ok(Self {
            key: Key::new()?,
            filter: Filter::new()?,
            beginnings: Vec::new(),
            patterns: Vec::new(),
            secrets: Vec::new(),
        })
    }

    /// Learns a value, unless it is known by this name.
    pub(super) fn learn(&mut self, name: &SecretName, value: &[u8]) -> Result<(), LearnError> {
        let secret = self.secrets.iter().position(|listed| listed.name == *name);
        let pieces = self.pieces(Alphabet::Bytes, value.iter().copied());
        let same = |pattern: &Pattern| Some(pattern.secret) == secret && pattern.pieces == pieces;
        if self.patterns.iter().any(same) {
            return Ok(());
        }
        self.filter = self.filter.with(value)?;
        let secret = secret.unwrap_or(self.secrets.len());
        if secret == self.secrets.len() {
            let marker = format!("[redacted:{name}]");
            self.secrets.push(Listed { name: name.clone(), marker, finds: 0 });
        }
        let first = self.first(Alphabet::Bytes, value.iter().copied());
        self.add(first, Pattern { secret, alphabet: Alphabet::Bytes, length: value.len(), pieces });
        for before in ALIGNMENTS {
            let sextets = || sextets(value, before);
            let pieces = self.pieces(Alphabet::Sextets, sextets());
            let first = self.first(Alphabet::Sextets, sextets());
            self.add(first, Pattern { secret, alphabet: Alphabet::Sextets, length: sextets().len(), pieces });
        }
        Ok(())
    }

    /// Finds each pattern whose first piece the text begins with, in any form.
    pub(super) fn beginnings(&self, text: &[u8], symbols: &mut Symbols, mut each: impl FnMut(Followed)) {
        let mut first = Zeroizing::new([0; FIRST]);
        Reader::new().read(text, &mut *first, |reader, read| {
            let first = self.key.print(reader.alphabet(), read);
            let from = self.beginnings.partition_point(|beginning| beginning.first < first);
            let mut rest = self.beginnings.get(from..).unwrap_or_default();
            // Patterns that begin alike and are of one length share a reading.
            while let Some(next) = rest.first().filter(|next| next.first == first) {
                let same = |other: &Beginning| (other.first, other.length) == (next.first, next.length);
                let (alike, others) = rest.split_at(rest.partition_point(same));
                self.read_piece(reader.rewound(), text, symbols, next.length, |reader, print| {
                    for Beginning { pattern, .. } in alike {
                        self.follow_print(*pattern, 0, reader, print, &mut each);
                    }
                });
                rest = others;
            }
        });
    }

    /// The same pattern with its next piece, in each form in which it follows in the text.
    pub(super) fn follow(
        &self,
        followed: Followed,
        text: &[u8],
        symbols: &mut Symbols,
        mut each: impl FnMut(Followed),
    ) {
        let Followed { pattern, piece, reader } = followed;
        let Some(known) = self.patterns.get(pattern) else { return };
        let length = known.length.saturating_sub(piece * PIECE).min(PIECE);
        self.read_piece(reader, text, symbols, length, |reader, print| {
            self.follow_print(pattern, piece, reader, print, &mut each);
        });
    }

    fn read_piece(
        &self,
        reader: Reader,
        text: &[u8],
        symbols: &mut Symbols,
        length: usize,
        mut each: impl FnMut(Reader, u64),
    ) {
        let room = symbols.get_mut(..length).unwrap_or_default();
        reader.read(text, room, |reader, read| each(reader, self.key.print(reader.alphabet(), read)));
    }

    fn follow_print(&self, pattern: usize, piece: usize, reader: Reader, print: u64, each: &mut impl FnMut(Followed)) {
        let Some(known) = self.patterns.get(pattern) else { return };
        let same = known.pieces.get(piece) == Some(&print);
        if known.alphabet == reader.alphabet() && same {
            each(Followed { pattern, piece: piece + 1, reader });
        }
    }

    /// Whether there is more of the pattern.
    pub(super) fn goes_on(&self, followed: &Followed) -> bool {
        self.patterns.get(followed.pattern).is_some_and(|pattern| followed.piece < pattern.pieces.len())
    }

    /// The secret that a pattern is of.
    pub(super) fn secret(&mut self, followed: &Followed) -> Option<&mut Listed> {
        let secret = self.patterns.get(followed.pattern)?.secret;
        self.secrets.get_mut(secret)
    }

    /// Each secret that was found, and how often.
    pub(super) fn finds(&self) -> Vec<(SecretName, u64)> {
        let found = self.secrets.iter().filter(|listed| listed.finds > 0);
        found.map(|listed| (listed.name.clone(), listed.finds)).collect()
    }

    fn add(&mut self, first: u64, pattern: Pattern) {
        let beginning = Beginning { first, length: pattern.length.min(PIECE), pattern: self.patterns.len() };
        let at = self.beginnings.partition_point(|other| *other <= beginning);
        self.beginnings.insert(at, beginning);
        self.patterns.push(pattern);
    }

    fn first(&self, alphabet: Alphabet, symbols: impl Iterator<Item = u8>) -> u64 {
        let mut first = Zeroizing::new([0; FIRST]);
        first.iter_mut().zip(symbols).for_each(|(to, from)| *to = from);
        self.key.print(alphabet, &*first)
    }

    fn pieces(&self, alphabet: Alphabet, mut symbols: impl ExactSizeIterator<Item = u8>) -> Box<[u64]> {
        let mut piece = Zeroizing::new([0; PIECE]);
        let pieces = (0..symbols.len().div_ceil(PIECE)).map(|_| {
            let length = symbols.len().min(PIECE);
            piece.iter_mut().zip(symbols.by_ref().take(length)).for_each(|(to, from)| *to = from);
            self.key.print(alphabet, piece.get(..length).unwrap_or_default())
        });
        pieces.collect()
    }
}
