//! The search.

use std::collections::{BTreeMap, HashMap};

use crate::encoding::Encoding;
use crate::fingerprint::{Filter, Key, WINDOW};
use crate::masked::Masked;

/// A value that is looked for.
pub struct Needle {
    value: Masked,
    key: Key,
    filter: Filter,
    /// Where the window of each fingerprint is: of which encoding, and after how many of its bytes.
    windows: HashMap<u64, (Encoding, usize)>,
}

/// Why a value cannot be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NeedleError {
    /// It is too short to be told from chance.
    #[error("a value that is looked for has at least {WINDOW} bytes")]
    TooShort,
    /// Its encodings depend on more than its bytes.
    #[error("a value that is looked for is ASCII")]
    NotAscii,
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers")]
    Random,
}

/// A place in which the value, or a part of it, is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// The address of its first byte.
    pub address: u64,
    /// How many bytes of the encoding are there, in a row.
    pub len: usize,
    /// In which form.
    pub encoding: Encoding,
    /// Whether it is all of it.
    pub whole: bool,
}

impl Needle {
    /// Looks for this value.
    ///
    /// # Errors
    ///
    /// [`NeedleError`]
    pub fn new(value: Masked) -> Result<Self, NeedleError> {
        if !value.bytes().all(|byte| byte.is_ascii()) {
            return Err(NeedleError::NotAscii);
        }
        Self::in_forms(value, &Encoding::ALL)
    }

    /// Looks for these bytes, of whatever kind, in the encodings that do not take them for text.
    ///
    /// # Errors
    ///
    /// [`NeedleError`], but for [`NeedleError::NotAscii`].
    pub fn of_bytes(value: Masked) -> Result<Self, NeedleError> {
        let of_text = [Encoding::Json, Encoding::Utf16Le, Encoding::Utf16Be];
        let forms: Vec<_> = Encoding::ALL.into_iter().filter(|form| !of_text.contains(form)).collect();
        Self::in_forms(value, &forms)
    }

    fn in_forms(value: Masked, forms: &[Encoding]) -> Result<Self, NeedleError> {
        if value.len() < WINDOW {
            return Err(NeedleError::TooShort);
        }
        let key = Key::random()?;
        let mut windows = HashMap::new();
        for encoding in forms.iter().copied() {
            for at in 0..=encoding.of(&value).count().saturating_sub(WINDOW) {
                let print = key.of(encoding.of(&value).skip(at).take(WINDOW));
                windows.entry(print).or_insert((encoding, at));
            }
        }
        Ok(Self { filter: Filter::of(windows.keys().copied()), value, key, windows })
    }

    /// Looks for a random value of so many printable characters, which is in no memory yet.
    ///
    /// # Errors
    ///
    /// As [`Needle::new`].
    pub fn random(len: usize) -> Result<Self, NeedleError> {
        Self::new(Masked::random(len)?)
    }

    /// The value.
    pub fn value(&self) -> &Masked {
        &self.value
    }

    /// A search, which is fed one stretch of memory after the other.
    pub fn search(&self) -> Search<'_> {
        Search { needle: self, found: BTreeMap::new() }
    }

    /// Where it is in one stretch; addresses count from its beginning.
    pub fn find_in(&self, bytes: &[u8]) -> Vec<Hit> {
        let mut search = self.search();
        search.feed(0, bytes);
        search.hits()
    }

    /// Which window this is, if it is one.
    fn recognize(&self, print: u64, window: &[u8]) -> Option<(Encoding, usize)> {
        if !self.filter.may_have(print) {
            return None;
        }
        let (encoding, at) = *self.windows.get(&print)?;
        let same = encoding.of(&self.value).skip(at).take(WINDOW).eq(window.iter().copied());
        same.then_some((encoding, at))
    }
}

/// A search under way. What it remembers are addresses.
pub struct Search<'n> {
    needle: &'n Needle,
    /// By encoding, and by the address at which it would begin: which of its windows were seen.
    found: BTreeMap<(Encoding, u64), Vec<usize>>,
}

impl Search<'_> {
    /// Looks through what is at this address. Stretches that overlap are well: what is seen twice counts once.
    pub fn feed(&mut self, address: u64, bytes: &[u8]) {
        let Some((first, next)) = bytes.split_at_checked(WINDOW) else { return };
        let mut print = self.needle.key.of(first.iter().copied());
        self.look(print, address, first);
        let windows = bytes.windows(WINDOW).skip(1);
        for (((leaving, entering), window), at) in bytes.iter().zip(next).zip(windows).zip(1..) {
            print = self.needle.key.roll(print, *leaving, *entering);
            self.look(print, address.wrapping_add(at), window);
        }
    }

    /// What was found, by address.
    pub fn hits(self) -> Vec<Hit> {
        let mut hits = Vec::new();
        for ((encoding, start), mut windows) in self.found {
            let total = encoding.of(&self.needle.value).count();
            windows.sort_unstable();
            windows.dedup();
            for run in windows.chunk_by(|one, next| one + 1 == *next) {
                let len = run.len() + WINDOW - 1;
                let address = run.first().map_or(start, |first| start.wrapping_add(*first as u64));
                hits.push(Hit { address, len, encoding, whole: len == total });
            }
        }
        hits.sort_unstable();
        hits
    }

    fn look(&mut self, print: u64, address: u64, window: &[u8]) {
        if let Some((encoding, at)) = self.needle.recognize(print, window) {
            self.found.entry((encoding, address.wrapping_sub(at as u64))).or_default().push(at);
        }
    }
}

impl From<getrandom::Error> for NeedleError {
    fn from(_: getrandom::Error) -> Self {
        Self::Random
    }
}

#[cfg(test)]
mod tests;
