//! Renders a schema as JSON, with functions that the compiler can evaluate.

use std::mem;

use super::Node;

/// A piece of a JSON document.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Piece {
    /// Literal JSON.
    Text(&'static str),
    /// An integer.
    Integer(i128),
    /// A schema with its braces. The description, a JSON string literal, replaces the schema's own.
    Schema(Option<&'static str>, &'static Node),
    /// The member `required` after another one, or nothing if no name is required. Names are JSON
    /// string literals.
    Required(&'static [(&'static str, bool)]),
}

/// Returns the rendered length in bytes.
#[doc(hidden)]
pub const fn len(pieces: &[Piece]) -> usize {
    let mut output = Output { len: 0, rest: &mut [] };
    output.pieces(pieces);
    output.len
}

/// Renders pieces whose [`len`] is known.
#[doc(hidden)]
pub const fn render<const LEN: usize>(pieces: &[Piece]) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    fill(pieces, &mut bytes);
    bytes
}

pub(super) const fn fill(pieces: &[Piece], bytes: &mut [u8]) {
    let mut output = Output { len: 0, rest: bytes };
    output.pieces(pieces);
}

/// An output that counts all bytes and writes them while there is room.
struct Output<'a> {
    len: usize,
    rest: &'a mut [u8],
}

impl Output<'_> {
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
    fn integers_render_in_full() {
        for number in [0, 7, 10, -1, -128, i128::from(u64::MAX), i128::MAX, i128::MIN] {
            assert_eq!(rendered(&[Piece::Integer(number)]), number.to_string());
        }
    }

    #[test]
    fn required_lists_only_required_names() {
        let names = |names| rendered(&[Piece::Required(names)]);
        assert_eq!(names(&[]), "");
        assert_eq!(names(&[("\"a\"", false)]), "");
        assert_eq!(names(&[("\"a\"", true), ("\"b\"", false), ("\"c\"", true)]), r#","required":["a","c"]"#);
    }

    #[test]
    fn description_of_field_replaces_own() {
        const ANY: Node = Node { description: None, members: &[] };
        const DESCRIBED: Node = Node { description: Some("\"own\""), members: &[Piece::Text("\"a\":1")] };
        assert_eq!(rendered(&[Piece::Schema(None, &ANY)]), "{}");
        assert_eq!(rendered(&[Piece::Schema(Some("\"a\""), &ANY)]), r#"{"description":"a"}"#);
        assert_eq!(rendered(&[Piece::Schema(None, &DESCRIBED)]), r#"{"description":"own","a":1}"#);
        assert_eq!(rendered(&[Piece::Schema(Some("\"field's\""), &DESCRIBED)]), r#"{"description":"field's","a":1}"#);
    }

    #[test]
    fn rendering_works_at_compile_time() {
        const PIECES: &[Piece] = &[Piece::Text("a"), Piece::Integer(-12)];
        static TEXT: [u8; len(PIECES)] = render(PIECES);
        assert_eq!(TEXT, *b"a-12");
    }
}
