//! From a schema to its text, by functions that the compiler can evaluate.

use std::mem;

use super::Node;

/// A piece of a JSON text.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Piece {
    /// A text as it is.
    Text(&'static str),
    /// A number.
    Integer(i128),
    /// A schema in its braces, with a description, a JSON string, that stands instead of its own.
    Schema(Option<&'static str>, &'static Node),
    /// The member `required` after another one: names, as JSON strings, with whether they are. None if none is.
    Required(&'static [(&'static str, bool)]),
}

/// Returns the length of a text in bytes.
#[doc(hidden)]
pub const fn len(pieces: &[Piece]) -> usize {
    let mut text = Text { len: 0, rest: &mut [] };
    text.pieces(pieces);
    text.len
}

/// Returns a text whose [`len`] is known.
#[doc(hidden)]
pub const fn render<const LEN: usize>(pieces: &[Piece]) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    fill(pieces, &mut bytes);
    bytes
}

pub(super) const fn fill(pieces: &[Piece], bytes: &mut [u8]) {
    let mut text = Text { len: 0, rest: bytes };
    text.pieces(pieces);
}

/// A text that is counted, and written while there is room.
struct Text<'a> {
    len: usize,
    rest: &'a mut [u8],
}

impl Text<'_> {
    const fn pieces(&mut self, mut pieces: &[Piece]) {
        while let [piece, rest @ ..] = pieces {
            match *piece {
                Piece::Text(text) => self.push(text.as_bytes()),
                Piece::Integer(number) => self.integer(number),
                Piece::Schema(description, node) => self.schema(description, node),
                Piece::Required(names) => self.required(names),
            }
            pieces = rest;
        }
    }

    const fn schema(&mut self, description: Option<&str>, node: &Node) {
        self.push(b"{");
        let own = if description.is_some() { description } else { node.description };
        if let Some(text) = own {
            self.push(b"\"description\":");
            self.push(text.as_bytes());
            if !node.members.is_empty() {
                self.push(b",");
            }
        }
        self.pieces(node.members);
        self.push(b"}");
    }

    const fn required(&mut self, mut names: &[(&str, bool)]) {
        let mut before: &[u8] = b",\"required\":[";
        let mut after: &[u8] = b"";
        while let [(name, required), rest @ ..] = names {
            if *required {
                self.push(before);
                self.push(name.as_bytes());
                (before, after) = (b",", b"]");
            }
            names = rest;
        }
        self.push(after);
    }

    const fn integer(&mut self, number: i128) {
        if number < 0 {
            self.push(b"-");
        }
        let mut place = 1;
        while number.unsigned_abs() / place >= 10 {
            place *= 10;
        }
        while place > 0 {
            let digit = number.unsigned_abs() / place % 10;
            self.push(&[b'0' + digit as u8]);
            place /= 10;
        }
    }

    #[expect(clippy::mem_replace_with_default, reason = "the compiler cannot evaluate `mem::take`")]
    const fn push(&mut self, text: &[u8]) {
        self.len += text.len();
        if let Some((here, rest)) = mem::replace(&mut self.rest, &mut []).split_at_mut_checked(text.len()) {
            here.copy_from_slice(text);
            self.rest = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(pieces: &[Piece]) -> String {
        let mut bytes = vec![0; len(pieces)];
        fill(pieces, &mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn numbers_are_written_in_full() {
        for number in [0, 7, 10, -1, -128, i128::from(u64::MAX), i128::MAX, i128::MIN] {
            assert_eq!(rendered(&[Piece::Integer(number)]), number.to_string());
        }
    }

    #[test]
    fn what_is_required_is_listed_if_anything_is() {
        let names = |names| rendered(&[Piece::Required(names)]);
        assert_eq!(names(&[]), "");
        assert_eq!(names(&[("\"a\"", false)]), "");
        assert_eq!(names(&[("\"a\"", true), ("\"b\"", false), ("\"c\"", true)]), r#","required":["a","c"]"#);
    }

    #[test]
    fn one_description_is_written() {
        const ANY: Node = Node { description: None, members: &[] };
        const TOLD: Node = Node { description: Some("\"own\""), members: &[Piece::Text("\"a\":1")] };
        assert_eq!(rendered(&[Piece::Schema(None, &ANY)]), "{}");
        assert_eq!(rendered(&[Piece::Schema(Some("\"a\""), &ANY)]), r#"{"description":"a"}"#);
        assert_eq!(rendered(&[Piece::Schema(None, &TOLD)]), r#"{"description":"own","a":1}"#);
        assert_eq!(rendered(&[Piece::Schema(Some("\"field's\""), &TOLD)]), r#"{"description":"field's","a":1}"#);
    }

    #[test]
    fn a_text_is_made_while_compiling() {
        const PIECES: &[Piece] = &[Piece::Text("a"), Piece::Integer(-12)];
        static TEXT: [u8; len(PIECES)] = render(PIECES);
        assert_eq!(TEXT, *b"a-12");
    }
}
