//! The search.

use std::collections::{BTreeMap, HashMap};

use crate::encoding::Encoding;
use crate::fingerprint::{Filter, Key, WINDOW};
use crate::masked::MaskedValue;

/// A value to search for.
pub struct Needle {
    value: MaskedValue,
    key: Key,
    filter: Filter,
    /// The encoding and the offset of each fingerprint's window.
    windows: HashMap<u64, (Encoding, usize)>,
}

/// An error that prevents the search for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NeedleError {
    /// The value is too short to tell a match from chance.
    #[error("the value has fewer than {WINDOW} bytes")]
    TooShort,
    /// The encodings of the value depend on more than single bytes.
    #[error("the value is not ASCII")]
    NotAscii,
    /// The operating system's random number generator failed.
    #[error("the operating system's random number generator failed")]
    Random,
}

/// An occurrence of the value or of a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// The address of the first byte.
    pub address: u64,
    /// The number of consecutive bytes of the encoding.
    pub len: usize,
    /// The encoding.
    pub encoding: Encoding,
    /// True if the whole encoding is there.
    pub whole: bool,
}

impl Needle {
    /// Prepares the search for an ASCII value.
    ///
    /// # Errors
    ///
    /// [`NeedleError`] if the value is too short or not ASCII, or if the random number generator
    /// failed.
    pub fn new(value: MaskedValue) -> Result<Self, NeedleError> {
        if !value.bytes().all(|byte| byte.is_ascii()) {
            return Err(NeedleError::NotAscii);
        }
        Self::with_encodings(value, &Encoding::ALL)
    }

    /// Prepares the search for arbitrary bytes, in the encodings that are not for text.
    ///
    /// # Errors
    ///
    /// [`NeedleError`] except [`NeedleError::NotAscii`].
    pub fn of_bytes(value: MaskedValue) -> Result<Self, NeedleError> {
        let text_only = [Encoding::Json, Encoding::Utf16Le, Encoding::Utf16Be];
        let forms: Vec<_> = Encoding::ALL.into_iter().filter(|form| !text_only.contains(form)).collect();
        Self::with_encodings(value, &forms)
    }

    fn with_encodings(value: MaskedValue, forms: &[Encoding]) -> Result<Self, NeedleError> {
        if value.len() < WINDOW {
            return Err(NeedleError::TooShort);
        }
        let key = Key::random()?;
        let mut windows = HashMap::new();
        for encoding in forms.iter().copied() {
            for at in 0..=encoding.encode(&value).count().saturating_sub(WINDOW) {
                let print = key.of(encoding.encode(&value).skip(at).take(WINDOW));
                windows.entry(print).or_insert((encoding, at));
            }
        }
        Ok(Self { filter: Filter::of(windows.keys().copied()), value, key, windows })
    }

    /// Prepares the search for a random value of `len` printable characters, which is in no memory
    /// yet.
    ///
    /// # Errors
    ///
    /// The errors of [`Needle::new`].
    pub fn random(len: usize) -> Result<Self, NeedleError> {
        Self::new(MaskedValue::random(len)?)
    }

    /// Returns the value.
    pub fn value(&self) -> &MaskedValue {
        &self.value
    }

    /// Starts a search over several regions of memory.
    pub fn search(&self) -> Search<'_> {
        Search { needle: self, found: BTreeMap::new() }
    }

    /// Returns the matches in one region; addresses count from its start.
    pub fn find_in(&self, bytes: &[u8]) -> Vec<Hit> {
        let mut search = self.search();
        search.feed(0, bytes);
        search.hits()
    }

    /// Returns the encoding and the offset of a window that matches.
    fn recognize(&self, print: u64, window: &[u8]) -> Option<(Encoding, usize)> {
        if !self.filter.may_have(print) {
            return None;
        }
        let (encoding, at) = *self.windows.get(&print)?;
        let same = encoding.encode(&self.value).skip(at).take(WINDOW).eq(window.iter().copied());
        same.then_some((encoding, at))
    }
}

/// A search in progress, which stores only addresses.
pub struct Search<'n> {
    needle: &'n Needle,
    /// The offsets of the windows found, by encoding and by the address where the encoding would
    /// begin.
    found: BTreeMap<(Encoding, u64), Vec<usize>>,
}

impl Search<'_> {
    /// Searches a region at this address. Regions may overlap: a match in both counts once.
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

    /// Returns the matches, sorted by address.
    pub fn hits(self) -> Vec<Hit> {
        let mut hits = Vec::new();
        for ((encoding, start), mut windows) in self.found {
            let total = encoding.encode(&self.needle.value).count();
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
