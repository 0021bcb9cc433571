//! What one task was given, as far as it is kept: fingerprints, and how often each secret was found.

use zeroize::Zeroizing;

use super::filter::Filter;
use super::form::{ALIGNMENTS, Alphabet, Form, sextets};
use super::print::Key;
use crate::guard::Guard;
use crate::memory::MemoryError;
use crate::name::SecretName;

/// The shortest value that is looked for, in bytes. Shorter ones stand in any text by chance.
pub const SHORTEST: usize = 4;
/// How many bytes of a value are compared at a time. The beginning of a longer value counts as the value.
pub const PIECE: usize = 64;

/// How many symbols find the patterns that a text may be. The shortest value has as many in each form.
const FIRST: usize = 4;

/// Why a value could not be learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// There is no locked memory for the key of the fingerprints.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The operating system's random source failed.
    #[error("the operating system gave no random numbers")]
    Random,
    /// The task has ended.
    #[error("the task has ended")]
    Ended,
    /// The value is shorter than [`SHORTEST`], and not empty.
    #[error("the value is shorter than {SHORTEST} bytes: it would be found in any text")]
    TooShort,
}

impl LearnError {
    /// The error's token in events.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Memory(_) => "out-of-locked-memory",
            Self::Random => "random",
            Self::Ended => "ended",
            Self::TooShort => "too-short",
        }
    }
}

/// Values, as they are known.
pub(super) struct Known {
    key: Key,
    pub(super) filter: Filter,
    /// Sorted by the fingerprint of a pattern's first symbols.
    firsts: Vec<(u64, usize)>,
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

/// A reading of a text in one form: where its next symbol is.
#[derive(Clone, Copy)]
pub(super) struct Reader {
    pub(super) form: Form,
    /// Where the next symbol's unit begins.
    pub(super) at: usize,
    /// How many of the unit's symbols were read.
    used: usize,
}

/// A pattern, so much of which was found.
#[derive(Clone, Copy)]
pub(super) struct Followed {
    pattern: usize,
    piece: usize,
    pub(super) reader: Reader,
}

/// Room for the symbols that are compared.
pub(super) type Symbols = Zeroizing<[u8; PIECE]>;

impl Known {
    pub(super) fn new() -> Result<Self, LearnError> {
        Ok(Self {
            key: Key::new()?,
            filter: Filter::new()?,
            firsts: Vec::new(),
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

    /// What begins at the beginning of a text, in every form.
    pub(super) fn beginnings(&self, text: &[u8], symbols: &mut Symbols, mut each: impl FnMut(Followed)) {
        for form in Form::ALL {
            let mut reader = Reader { form, at: 0, used: 0 };
            let Some(first) = reader.read(text, symbols, FIRST) else { continue };
            let first = self.key.print(form.alphabet(), first);
            let from = self.firsts.partition_point(|(print, _)| *print < first);
            let candidates = self.firsts.iter().skip(from).take_while(|(print, _)| *print == first);
            for (_, pattern) in candidates {
                let begun = Followed { pattern: *pattern, piece: 0, reader: Reader { form, at: 0, used: 0 } };
                if let Some(followed) = self.follow(begun, text, symbols) {
                    each(followed);
                }
            }
        }
    }

    /// The same pattern with its next piece, if that is what follows in the text.
    pub(super) fn follow(&self, followed: Followed, text: &[u8], symbols: &mut Symbols) -> Option<Followed> {
        let Followed { pattern, piece, mut reader } = followed;
        let known = self.patterns.get(pattern)?;
        let length = known.length.checked_sub(piece * PIECE)?.min(PIECE);
        let read = reader.read(text, symbols, length)?;
        let print = self.key.print(reader.form.alphabet(), read);
        let same = known.pieces.get(piece) == Some(&print) || !Guard::WholeValue.stands();
        (known.alphabet == reader.form.alphabet() && same).then_some(Followed { pattern, piece: piece + 1, reader })
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
        let at = self.firsts.partition_point(|(print, _)| *print <= first);
        self.firsts.insert(at, (first, self.patterns.len()));
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

impl Reader {
    /// Reads so many symbols, and goes on behind them.
    fn read<'s>(&mut self, text: &[u8], symbols: &'s mut Symbols, count: usize) -> Option<&'s [u8]> {
        let mut rest = symbols.get_mut(..count)?.iter_mut();
        while rest.len() > 0 {
            let unit = self.form.unit(text.get(self.at..)?)?;
            for symbol in unit.symbols().iter().skip(self.used) {
                let Some(to) = rest.next() else { return symbols.get(..count) };
                *to = *symbol;
                self.used += 1;
            }
            (self.at, self.used) = (self.at + unit.width, 0);
        }
        symbols.get(..count)
    }

    /// Where what was read ends in the text: behind a unit that was not read to its end.
    pub(super) fn end(&self, text: &[u8]) -> usize {
        let begun = if self.used == 0 { None } else { text.get(self.at..).and_then(|text| self.form.unit(text)) };
        self.at + begun.map_or(0, |unit| unit.width)
    }
}
