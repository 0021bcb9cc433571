//! Reading a text in several forms at once. Forms that read the same symbols share one reading. A
//! text in which a value may begin at every byte therefore costs one reading a byte, and not one
//! for each form.

use zeroize::Zeroizing;

use super::form::{Alphabet, Form, hex_pair, sextet};

/// How many bytes of a value are compared at a time. The beginning of a longer value counts as the value.
pub const PIECE: usize = 64;

/// Room for the symbols that are compared.
pub(super) type Symbols = Zeroizing<[u8; PIECE]>;

/// A set of forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Forms(u8);

/// The place in a text up to which some forms have read the same symbols.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    /// Never empty; one form alone if it is hexadecimal, base64, or within a unit.
    forms: Forms,
    /// Where the next symbol's unit begins.
    pub(super) at: usize,
    /// How many of the unit's symbols were read.
    used: usize,
}

impl Forms {
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

    /// Those of the forms in which these bytes are written as they are.
    fn that_leave(self, bytes: &[u8]) -> Self {
        let (mut percent, mut plus, mut backslash) = (false, false, false);
        for byte in bytes {
            percent |= *byte == b'%';
            plus |= *byte == b'+';
            backslash |= *byte == b'\\';
        }
        let mut leaving = Self::of(Form::Raw);
        for (form, escapes) in [(Form::Percent, percent), (Form::Query, percent || plus), (Form::Json, backslash)] {
            leaving = if escapes { leaving } else { leaving.with(Self::of(form)) };
        }
        Self(self.0 & leaving.0)
    }
}

impl Reader {
    /// A reader at the beginning of a text, in every form.
    pub(super) fn new() -> Self {
        Self { forms: Forms::ALL, at: 0, used: 0 }
    }

    /// The same reader, back at the beginning of its text.
    pub(super) fn rewound(self) -> Self {
        Self { at: 0, used: 0, ..self }
    }

    /// The alphabet of the symbols that were read last.
    pub(super) fn alphabet(&self) -> Alphabet {
        if self.forms == Forms::of(Form::Base64) { Alphabet::Sextets } else { Alphabet::Bytes }
    }

    /// Reads `room.len()` symbols, in each of the forms in which the text has that many. Calls
    /// `each` with the symbols and a reader behind them, once for all forms that read the same
    /// symbols.
    pub(super) fn read(self, text: &[u8], room: &mut [u8], mut each: impl FnMut(Self, &[u8])) {
        let mut left = self.forms;
        let as_it_is = text.get(self.at..).and_then(|text| text.get(..room.len())).filter(|_| self.used == 0);
        if let Some(symbols) = as_it_is {
            let forms = left.that_leave(symbols);
            if forms != Forms(0) {
                left = left.without(forms);
                each(Self { forms, at: self.at + symbols.len(), used: 0 }, symbols);
            }
        }
        for form in Form::ALL {
            if !left.contains(form) {
                continue;
            }
            let mut reader = Self { forms: Forms::of(form), ..self };
            let Some(symbols) = reader.read_in(form, text, room) else { continue };
            // `+` alone tells the two apart.
            let was_read = text.get(self.at..reader.at).unwrap_or_default();
            if form == Form::Percent && left.contains(Form::Query) && !was_read.contains(&b'+') {
                reader.forms = reader.forms.with(Forms::of(Form::Query));
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

    /// Returns the end of the read symbols in the text. A partly read unit counts as a whole.
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

    /// The forms that read each run of symbols, by their names.
    fn read(text: &[u8], count: usize) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        Reader::new().read(text, &mut vec![0; count], |reader, symbols| {
            let names = Form::ALL.into_iter().filter(|form| reader.forms.contains(*form));
            found.push((names.map(|form| format!("{form:?} ")).collect(), symbols.to_vec()));
        });
        found
    }

    #[test]
    fn forms_without_escapes_read_once() {
        let all = ("Raw Percent Query Json ".to_owned(), b"key!".to_vec());
        assert_eq!(read(b"key!", 4), [all]);
    }

    #[test]
    fn escapes_tell_forms_apart() {
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
    fn digits_and_base64_read_apart() {
        let found = read(b"6161", 2);
        let found: Vec<_> = found.iter().map(|(forms, symbols)| (&**forms, &**symbols)).collect();
        assert_eq!(found[0], ("Raw Percent Query Json ", b"61".as_slice()));
        assert_eq!(found[1], ("Hex ", b"aa".as_slice()));
        assert_eq!(found[2].0, "Base64 ");
    }
}
