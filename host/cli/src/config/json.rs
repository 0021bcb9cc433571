//! JSON with places: what `serde_json` leaves out. Texts and numbers are still `serde_json`'s to understand.

use std::collections::HashSet;

use serde_json::Number;

use super::document::{Entry, Kind, Located, Node};
use crate::messages::problem::Problem;

/// How deep lists and objects may be in each other.
const MAX_DEPTH: usize = 80;

/// Parses a JSON document in which no object has a key twice.
pub(super) fn parse(text: &str) -> Result<Node<'_>, Located> {
    let mut parser = Parser { text, at: 0 };
    parser.skip_space();
    let node = parser.value(0)?;
    parser.skip_space();
    match parser.peek() {
        None => Ok(node),
        Some(_) => Err(parser.unexpected("expected the end of the file")),
    }
}

/// A place in a text.
struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    /// The value that begins here.
    fn value(&mut self, depth: usize) -> Result<Node<'a>, Located> {
        if depth > MAX_DEPTH {
            return Err(self.unexpected("too many lists and objects in each other"));
        }
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => Kind::Table(self.object(depth)?),
            Some(b'[') => Kind::List(self.list(depth)?),
            Some(b'"') => Kind::Text(self.string()?.into()),
            _ => self.word()?,
        };
        Ok(Node { span: start..self.at, kind })
    }

    fn object(&mut self, depth: usize) -> Result<Vec<Entry<'a>>, Located> {
        let (mut entries, mut names) = (Vec::new(), HashSet::new());
        self.at += 1;
        self.skip_space();
        if self.take(b'}') {
            return Ok(entries);
        }
        loop {
            let start = self.at;
            let name = self.string()?;
            let name_span = start..self.at;
            if !names.insert(name.clone()) {
                return Err((name_span, Problem::Twice { key: format!("{name:?}") }));
            }
            self.skip_space();
            if !self.take(b':') {
                return Err(self.unexpected("expected ':'"));
            }
            self.skip_space();
            let node = self.value(depth + 1)?;
            entries.push(Entry { name: name.into(), name_span, node });
            self.skip_space();
            if self.take(b'}') {
                return Ok(entries);
            }
            if !self.take(b',') {
                return Err(self.unexpected("expected ',' or '}'"));
            }
            self.skip_space();
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node<'a>>, Located> {
        let mut nodes = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.take(b']') {
            return Ok(nodes);
        }
        loop {
            nodes.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take(b']') {
                return Ok(nodes);
            }
            if !self.take(b',') {
                return Err(self.unexpected("expected ',' or ']'"));
            }
            self.skip_space();
        }
    }

    fn string(&mut self) -> Result<String, Located> {
        let start = self.at;
        if !self.take(b'"') {
            return Err(self.unexpected("expected a string in double quotes"));
        }
        loop {
            match self.peek() {
                None => return Err(syntax(start..start + 1, "a string without end")),
                Some(b'"') => break self.at += 1,
                // What is escaped is at least one byte, and no byte inside a character is a quote.
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
            }
        }
        let quoted = self.text.get(start..self.at).unwrap_or_default();
        serde_json::from_str(quoted)
            .map_err(|_| syntax(start..self.at, "a string with a character or escape that JSON has not"))
    }

    /// `true`, `false`, `null` or a number.
    fn word(&mut self) -> Result<Kind<'a>, Located> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')) {
            self.at += 1;
        }
        match self.text.get(start..self.at).unwrap_or_default() {
            "" => Err(self.unexpected("expected a value")),
            "null" => Ok(Kind::Null),
            "true" => Ok(Kind::Boolean(true)),
            "false" => Ok(Kind::Boolean(false)),
            word => {
                let number = serde_json::from_str::<Number>(word).ok();
                let kind = number.and_then(|number| match number.as_i64() {
                    Some(integer) => Some(Kind::Integer(integer)),
                    None => number.as_f64().map(Kind::Float),
                });
                kind.ok_or_else(|| syntax(start..self.at, "neither a number nor true, false or null"))
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes on if the next byte is this one.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// What is here is not what belongs here.
    fn unexpected(&self, message: &str) -> Located {
        let rest = self.text.get(self.at..).unwrap_or_default();
        syntax(self.at..self.at + rest.chars().next().map_or(0, char::len_utf8), message)
    }
}

fn syntax(span: std::ops::Range<usize>, message: &str) -> Located {
    (span, Problem::Syntax { format: "JSON", message: message.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const DOCUMENT: &str = r#" {"a": [1, -2.5e+1, true, null, false ], "\u00e9\n": {"b" :"\"}", "c":{}},"d":[] } "#;

    fn refused(text: &str) -> (std::ops::Range<usize>, String) {
        let (span, problem) = parse(text).unwrap_err();
        (span, problem.to_string())
    }

    #[test]
    fn a_document_is_what_serde_json_says_it_is() {
        let value: Value = serde_json::from_str(DOCUMENT).unwrap();
        assert_eq!(parse(DOCUMENT).unwrap().to_json(), Ok(value));
    }

    #[test]
    fn every_change_of_one_byte_is_judged_as_serde_json_does() {
        for at in 0..=DOCUMENT.len() {
            for other in " \"\\{}[]:,0-+.eExtn\u{1}\u{e9}".chars() {
                let (before, after) = DOCUMENT.split_at(at);
                let rest = after.get(1..).unwrap_or_default();
                for text in
                    [format!("{before}{other}{rest}"), format!("{before}{other}{after}"), format!("{before}{rest}")]
                {
                    let expected: Option<Value> = serde_json::from_str(&text).ok();
                    match parse(&text) {
                        // What only this parser refuses.
                        Err((_, Problem::Twice { .. })) => assert!(expected.is_some(), "{text:?}"),
                        parsed => assert_eq!(parsed.ok().map(|node| node.to_json().unwrap()), expected, "{text:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn every_beginning_of_a_document_is_refused() {
        for end in 0..DOCUMENT.trim_end().len() {
            assert!(parse(&DOCUMENT[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn values_know_their_place() {
        let Kind::Table(entries) = parse(r#"{ "a": [1], "b": "x" }"#).unwrap().kind else { panic!("not a table") };
        let places: Vec<_> = entries.iter().map(|entry| (entry.name_span.clone(), entry.node.span.clone())).collect();
        assert_eq!(places, [(2..5, 7..10), (12..15, 17..20)]);
    }

    #[test]
    fn what_is_no_json_is_placed() {
        let cases = [
            ("", 0..0, "expected a value"),
            ("{\"a\" 1}", 5..6, "expected ':'"),
            ("{\"a\": 1 \"b\"}", 8..9, "expected ',' or '}'"),
            ("{\"a\": 1,}", 8..9, "expected a string in double quotes"),
            ("{a: 1}", 1..2, "expected a string in double quotes"),
            ("[1 2]", 3..4, "expected ',' or ']'"),
            ("[\u{fc}]", 1..3, "expected a value"),
            ("{} {}", 3..4, "expected the end of the file"),
            ("[nul]", 1..4, "neither a number nor true, false or null"),
            ("[01]", 1..3, "neither a number nor true, false or null"),
            ("[\"a]", 1..2, "a string without end"),
            ("[\"\\", 1..2, "a string without end"),
            ("[\"\\x\"]", 1..5, "a string with a character or escape that JSON has not"),
        ];
        for (text, span, message) in cases {
            assert_eq!(refused(text), (span, format!("not valid JSON: {message}")), "{text:?}");
        }
    }

    #[test]
    fn a_key_is_there_once() {
        assert_eq!(refused(r#"{"a": 1, "\u0061": 2}"#), (9..17, "the key \"a\" is there twice".to_owned()));
        assert_eq!(refused(r#"[{"\u202e": {}, "\u202e": {}}]"#).1, "the key \"\\u{202e}\" is there twice");
        assert!(parse(r#"[{"a": 1}, {"a": {"a": 1}}]"#).is_ok());
    }

    #[test]
    fn depth_is_bounded() {
        assert!(parse(&format!("{}{}", "[".repeat(MAX_DEPTH + 1), "]".repeat(MAX_DEPTH + 1))).is_ok());
        let problem = refused(&"[".repeat(500_000));
        assert_eq!(problem, (81..82, "not valid JSON: too many lists and objects in each other".to_owned()));
    }
}
