//! A reader that decodes output in several forms at once.
//!
//! FormSet with the same symbols share one reading. Output in which a value may begin at every byte
//! therefore costs one reading per byte, not one per form.

use zeroize::Zeroizing;

use super::form::{Alphabet, Form, hex_pair, sextet};

/// The number of bytes of a value that are compared at a time. Its first chunk counts as a match of
/// a longer value.
pub const CHUNK_LEN: usize = 64;

/// A buffer for the symbols of a chunk.
pub(super) type SymbolBuffer = Zeroizing<[u8; CHUNK_LEN]>;

/// A set of forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FormSet(u8);

/// A position in output up to which a set of forms read the same symbols.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    /// Never empty. A single form for hexadecimal, for base64, and within a unit.
    forms: FormSet,
    /// The offset of the next symbol's unit.
    pub(super) at: usize,
    /// The number of symbols of that unit that were read.
    used: usize,
}

impl FormSet {
    const ALL: Self = Self((1 << Form::ALL.len()) - 1);

    const fn of(form: Form) -> Self {
        Self(1 << form as u8)
    }

    fn contains(self, form: Form) -> bool {
        self.0 & Self::of(form).0 != 0
    }

    const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the forms in which `bytes` contain no escape, and so decode to themselves.
    fn without_escapes(self, bytes: &[u8]) -> Self {
        let (mut percent, mut plus, mut backslash) = (false, false, false);
        for byte in bytes {
            percent |= *byte == b'%';
            plus |= *byte == b'+';
            backslash |= *byte == b'\\';
        }
        let mut verbatim = Self::of(Form::Raw);
        for (form, escapes) in [(Form::Percent, percent), (Form::Query, percent || plus), (Form::Json, backslash)] {
            verbatim = if escapes { verbatim } else { verbatim.with(Self::of(form)) };
        }
        Self(self.0 & verbatim.0)
    }
}

impl Reader {
    /// Creates a reader at the start, for all forms.
    pub(super) fn new() -> Self {
        Self { forms: FormSet::ALL, at: 0, used: 0 }
    }

    /// Returns this reader, reset to the start.
    pub(super) fn rewound(self) -> Self {
        Self { at: 0, used: 0, ..self }
    }

    /// Returns the alphabet of the symbols.
    pub(super) fn alphabet(&self) -> Alphabet {
        if self.forms == FormSet::of(Form::Base64) { Alphabet::Sextets } else { Alphabet::Bytes }
    }

    /// Reads `room.len()` symbols in each form that has as many in `text`. Calls `each` with the
    /// symbols and a reader after them, once for all forms with the same symbols.
    pub(super) fn read(self, text: &[u8], room: &mut [u8], mut each: impl FnMut(Self, &[u8])) {
        let mut left = self.forms;
        let verbatim = text.get(self.at..).and_then(|text| text.get(..room.len())).filter(|_| self.used == 0);
        if let Some(symbols) = verbatim {
            let forms = left.without_escapes(symbols);
            if forms != FormSet(0) {
                left = left.without(forms);
                each(Self { forms, at: self.at + symbols.len(), used: 0 }, symbols);
            }
        }
        for form in Form::ALL {
            if !left.contains(form) {
                continue;
            }
            let mut reader = Self { forms: FormSet::of(form), ..self };
            let Some(symbols) = reader.read_in(form, text, room) else { continue };
            // Both forms agree unless there is a `+`.
            let consumed = text.get(self.at..reader.at).unwrap_or_default();
            if form == Form::Percent && left.contains(Form::Query) && !consumed.contains(&b'+') {
                reader.forms = reader.forms.with(FormSet::of(Form::Query));
            }
            left = left.without(reader.forms);
            each(reader, symbols);
        }
    }

    fn read_in<'s>(&mut self, form: Form, text: &[u8], room: &'s mut [u8]) -> Option<&'s [u8]> {
        match form {
            Form::Hex => {
                let digits = text.get(self.at..)?.get(..2 * room.len())?;
                for (to, digits) in room.iter_mut().zip(digits.chunks_exact(2)) {
                    *to = hex_pair(digits)?;
                }
                self.at += digits.len();
            }
            Form::Base64 => {
                let characters = text.get(self.at..)?.get(..room.len())?;
                for (to, character) in room.iter_mut().zip(characters) {
                    *to = sextet(*character)?;
                }
                self.at += characters.len();
            }
            _ => self.read_units(form, text, room)?,
        }
        Some(room)
    }

    fn read_units(&mut self, form: Form, text: &[u8], room: &mut [u8]) -> Option<()> {
        let mut rest = room.iter_mut();
        while rest.len() > 0 {
            let unit = form.unit(text.get(self.at..)?)?;
            for symbol in unit.symbols().iter().skip(self.used) {
                let Some(to) = rest.next() else { return Some(()) };
                *to = *symbol;
                self.used += 1;
            }
            (self.at, self.used) = (self.at + unit.width, 0);
        }
        Some(())
    }

    /// Returns the end of the symbols in `text`. A partly read unit counts in full.
    pub(super) fn end(&self, text: &[u8]) -> usize {
        if self.used == 0 {
            return self.at;
        }
        let form = Form::ALL.into_iter().find(|form| self.forms.contains(*form));
        let begun = form.and_then(|form| form.unit(text.get(self.at..)?));
        self.at + begun.map_or(0, |unit| unit.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns each run of symbols with the names of its forms.
    fn read(text: &[u8], count: usize) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        Reader::new().read(text, &mut vec![0; count], |reader, symbols| {
            let names = Form::ALL.into_iter().filter(|form| reader.forms.contains(*form));
            found.push((names.map(|form| format!("{form:?} ")).collect(), symbols.to_vec()));
        });
        found
    }

    #[test]
    fn forms_without_escapes_share_reading() {
        let all = ("Raw Percent Query Json ".to_owned(), b"key!".to_vec());
        assert_eq!(read(b"key!", 4), [all]);
    }

    #[test]
    fn escapes_separate_forms() {
        let found = read(b"%41+\\n", 3);
        let found: Vec<_> = found.iter().map(|(forms, symbols)| (&**forms, &**symbols)).collect();
        assert_eq!(
            found,
            [("Raw Json ", b"%41".as_slice()), ("Percent ", b"A+\\".as_slice()), ("Query ", b"A \\".as_slice())]
        );
        let found = read(b"%41\\n", 3);
        let found: Vec<_> = found.iter().map(|(forms, symbols)| (&**forms, &**symbols)).collect();
        assert_eq!(found, [("Raw Json ", b"%41".as_slice()), ("Percent Query ", b"A\\n".as_slice())]);
    }

    #[test]
    fn hex_and_base64_have_own_readings() {
        let found = read(b"6161", 2);
        let found: Vec<_> = found.iter().map(|(forms, symbols)| (&**forms, &**symbols)).collect();
        assert_eq!(found[0], ("Raw Percent Query Json ", b"61".as_slice()));
        assert_eq!(found[1], ("Hex ", b"aa".as_slice()));
        assert_eq!(found[2].0, "Base64 ");
    }
}
