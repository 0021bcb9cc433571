//! JSON with positions: `serde_json` validates the text, and `jsonc-parser` locates its values.

use std::collections::HashSet;

use jsonc_parser::ast::{ObjectProp, Value as Ast};
use jsonc_parser::common::{Range, Ranged};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::{Number, Value};

use super::document::{Entry, Kind, Located, Node};
use crate::messages::problem::Problem;

/// The maximum nesting depth of lists and objects.
const MAX_DEPTH: usize = 80;

/// Strict JSON. Every option is listed, so that a new one fails to compile until it is set.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// Parses a JSON document without duplicate keys.
///
/// # Security
///
/// `serde_json` validates the text first: `jsonc-parser` accepts control characters in strings and
/// other white space. This also bounds the recursion of `jsonc-parser`.
pub(super) fn parse(text: &str) -> Result<Node<'_>, Located> {
    serde_json::from_str::<Value>(text).map_err(|error| refused(text, &error))?;
    let parsed = parse_to_ast(text, &CollectOptions::default(), &STRICT).map_err(|error| {
        let Range { start, end } = error.range();
        syntax(start..end, error.kind().to_string())
    })?;
    match parsed.value {
        Some(value) => node(value, 0),
        None => Err(syntax(0..0, "expected a value".to_owned())),
    }
}

fn node(value: Ast<'_>, depth: usize) -> Result<Node<'_>, Located> {
    let Range { start, end } = value.range();
    if depth > MAX_DEPTH {
        return Err(syntax(start..start + 1, "nested too deeply".to_owned()));
    }
    let kind = match value {
        Ast::NullKeyword(_) => Kind::Null,
        Ast::BooleanLit(literal) => Kind::Boolean(literal.value),
        Ast::StringLit(literal) => Kind::Text(literal.value),
        Ast::NumberLit(literal) => {
            number(literal.value).ok_or_else(|| syntax(start..end, "not a number".to_owned()))?
        }
        Ast::Array(list) => {
            let nodes = list.elements.into_iter().map(|element| node(element, depth + 1));
            Kind::List(nodes.collect::<Result<_, _>>()?)
        }
        Ast::Object(object) => Kind::Table(entries(object.properties, depth)?),
    };
    Ok(Node { span: start..end, kind })
}

fn entries(properties: Vec<ObjectProp<'_>>, depth: usize) -> Result<Vec<Entry<'_>>, Located> {
    let (mut entries, mut names) = (Vec::with_capacity(properties.len()), HashSet::new());
    for ObjectProp { name, value, .. } in properties {
        let Range { start, end } = name.range();
        let name = name.into_string();
        if !names.insert(name.clone()) {
            return Err((start..end, Problem::DuplicateKey { key: format!("{name:?}") }));
        }
        entries.push(Entry { name: name.into(), name_span: start..end, node: node(value, depth + 1)? });
    }
    Ok(entries)
}

fn number(text: &str) -> Option<Kind<'_>> {
    let number = serde_json::from_str::<Number>(text).ok()?;
    match number.as_i64() {
        Some(integer) => Some(Kind::Integer(integer)),
        None => number.as_f64().map(Kind::Float),
    }
}

/// Converts an error of `serde_json`, with the character where it occurred.
fn refused(text: &str, error: &serde_json::Error) -> Located {
    let (line, column) = (error.line(), error.column());
    let message = error.to_string();
    let message = message.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&message).to_owned();
    if error.is_eof() {
        return syntax(text.len()..text.len(), message);
    }
    // Lines and columns (in bytes) count from 1. Column 0 is the end of the previous line.
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    let at = (lines.map(str::len).sum::<usize>() + column).saturating_sub(1);
    let start = text.floor_char_boundary(at);
    let character = text.get(start..).and_then(|rest| rest.chars().next());
    syntax(start..start + character.map_or(0, char::len_utf8), message)
}

fn syntax(span: std::ops::Range<usize>, message: String) -> Located {
    (span, Problem::Syntax { format: "JSON", message })
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
    fn document_equals_serde_json_value() {
        let value: Value = serde_json::from_str(DOCUMENT).unwrap();
        assert_eq!(parse(DOCUMENT).unwrap().to_json(), Ok(value));
    }

    #[test]
    fn one_byte_changes_match_serde_json() {
        for at in 0..=DOCUMENT.len() {
            for other in " \"\\{}[]:,0-+.eExtn\u{1}\u{e9}".chars() {
                let (before, after) = DOCUMENT.split_at(at);
                let rest = after.get(1..).unwrap_or_default();
                for text in
                    [format!("{before}{other}{rest}"), format!("{before}{other}{after}"), format!("{before}{rest}")]
                {
                    let expected: Option<Value> = serde_json::from_str(&text).ok();
                    match parse(&text) {
                        // Only this parser refuses duplicate keys.
                        Err((_, Problem::DuplicateKey { .. })) => assert!(expected.is_some(), "{text:?}"),
                        parsed => assert_eq!(parsed.ok().map(|node| node.to_json().unwrap()), expected, "{text:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn truncated_document_is_refused() {
        for end in 0..DOCUMENT.trim_end().len() {
            assert!(parse(&DOCUMENT[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn values_have_positions() {
        let Kind::Table(entries) = parse(r#"{ "a": [1], "b": "x" }"#).unwrap().kind else { panic!("not a table") };
        let places: Vec<_> = entries.iter().map(|entry| (entry.name_span.clone(), entry.node.span.clone())).collect();
        assert_eq!(places, [(2..5, 7..10), (12..15, 17..20)]);
    }

    #[test]
    fn json_syntax_errors_are_located() {
        let cases = [
            ("", 0..0, "EOF while parsing a value"),
            ("{\"a\" 1}", 5..6, "expected `:`"),
            ("{\"a\": 1 \"b\"}", 8..9, "expected `,` or `}`"),
            ("{\"a\": 1,}", 8..9, "trailing comma"),
            ("{a: 1}", 1..2, "key must be a string"),
            ("[1 2]", 3..4, "expected `,` or `]`"),
            ("[\u{fc}]", 1..3, "expected value"),
            ("{} {}", 3..4, "trailing characters"),
            ("[nul]", 4..5, "expected ident"),
            ("[01]", 2..3, "invalid number"),
            ("[1e999]", 5..6, "number out of range"),
            ("[\"a]", 4..4, "EOF while parsing a string"),
            ("[\"\\", 3..3, "EOF while parsing a string"),
            ("[\"\\x\"]", 3..4, "invalid escape"),
            ("[\n\"\u{fc}\u{1}\"]", 5..6, "control character (\\u0000-\\u001F) found while parsing a string"),
            ("[1,\n\u{fc}]", 4..6, "expected value"),
            ("[1\n\n2]", 4..5, "expected `,` or `]`"),
            ("\u{feff}{}", 0..3, "expected value"),
            ("{}\0", 2..3, "trailing characters"),
            ("[\"\\ud800\"]", 8..9, "unexpected end of hex escape"),
        ];
        for (text, span, message) in cases {
            assert_eq!(refused(text), (span, format!("not valid JSON: {message}")), "{text:?}");
        }
    }

    #[test]
    fn duplicate_key_is_refused() {
        assert_eq!(refused(r#"{"a": 1, "\u0061": 2}"#), (9..17, "duplicate key \"a\"".to_owned()));
        assert_eq!(refused(r#"[{"\u202e": {}, "\u202e": {}}]"#).1, "duplicate key \"\\u{202e}\"");
        assert!(parse(r#"[{"a": 1}, {"a": {"a": 1}}]"#).is_ok());
    }

    #[test]
    fn nesting_depth_is_bounded() {
        assert!(parse(&format!("{}{}", "[".repeat(MAX_DEPTH + 1), "]".repeat(MAX_DEPTH + 1))).is_ok());
        let too_deep = "not valid JSON: nested too deeply".to_owned();
        for depth in [MAX_DEPTH + 2, 127] {
            assert_eq!(refused(&format!("{}{}", "[".repeat(depth), "]".repeat(depth))), (81..82, too_deep.clone()));
        }
        for (deepest, ends) in [("[", "]"), ("{\"\":", "}")] {
            let (text, ends) = (deepest.repeat(100_000), ends.repeat(100_000));
            for text in [text.clone(), text + "1" + &ends] {
                let (_, problem) = refused(&text);
                assert_eq!(problem, "not valid JSON: recursion limit exceeded");
            }
        }
    }

    /// Documents that lenient JSON parsers accept.
    const LENIENT: [&str; 18] = [
        "[1] // a",
        "/* a */ [1]",
        "{a: 1}",
        "[1,]",
        "{\"a\": 1,}",
        "[1 2]",
        "{\"a\": 1 \"b\": 2}",
        "['a']",
        "[0x1F]",
        "[+1]",
        "[.5]",
        "[5.]",
        "[Infinity]",
        "[-Infinity]",
        "[NaN]",
        "[\"\\x41\"]",
        "[\"\\v\"]",
        "[\"\\\n\"]",
    ];

    #[test]
    fn only_json_is_accepted() {
        let others = [
            "{1: 1}",
            "[01]",
            "[\"\t\"]",
            "[\"\0\"]",
            "[\u{a0}1]",
            "[\u{b}1]",
            "[\u{c}1]",
            "[\u{2028}1]",
            "\u{feff}[1]",
            "[1]\0",
            "[\"\\udc00\"]",
        ];
        for text in LENIENT.into_iter().chain(others) {
            assert!(parse(text).is_err(), "{text:?}");
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn lenient_options_are_off() {
        for text in LENIENT {
            assert!(parse_to_ast(text, &CollectOptions::default(), &STRICT).is_err(), "{text:?}");
        }
    }

    #[test]
    fn positions_count_bytes() {
        let Kind::Table(entries) = parse("{\"\u{1f511}\\ud83d\\udd11\": [\"\u{fc}\", 1]}").unwrap().kind else {
            panic!("not a table")
        };
        assert_eq!((&*entries[0].name, entries[0].name_span.clone()), ("\u{1f511}\u{1f511}", 1..19));
        let Kind::List(nodes) = &entries[0].node.kind else { panic!("not a list") };
        assert_eq!([nodes[0].span.clone(), nodes[1].span.clone()], [22..26, 28..29]);
    }

    #[test]
    fn long_document_is_parsed() {
        let text = format!("[{}\"\u{fc}\\n\"]", "\"\\u00e9\",".repeat(100_000));
        let Kind::List(nodes) = parse(&text).unwrap().kind else { panic!("not a list") };
        assert_eq!((nodes.len(), nodes[100_000].span.clone()), (100_001, 900_001..900_007));
    }
}
