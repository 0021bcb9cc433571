//! Documents as trees of keys and values with their positions in the text.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::messages::problem::Problem;

/// A problem, and its byte range.
pub(super) type Located = (Range<usize>, Problem);

/// A value and its byte range. The range of a table is its header.
#[derive(Debug)]
pub(super) struct Node<'a> {
    /// The byte range.
    pub(super) span: Range<usize>,
    /// The value.
    pub(super) kind: Kind<'a>,
}

/// The values of TOML and JSON.
#[derive(Debug)]
pub(super) enum Kind<'a> {
    /// JSON's `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A signed 64-bit integer.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A date or time of TOML, as written.
    Datetime(String),
    /// A string.
    Text(Cow<'a, str>),
    /// A list of values.
    List(Vec<Node<'a>>),
    /// Keys and values in the order of the text, without duplicates.
    Table(Vec<Entry<'a>>),
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// The key.
    pub(super) name: Cow<'a, str>,
    /// The byte range of the key.
    pub(super) name_span: Range<usize>,
    /// The value.
    pub(super) node: Node<'a>,
}

/// Parses a TOML document.
pub(super) fn parse_toml(text: &str) -> Result<Node<'_>, Located> {
    let table = DeTable::parse(text).map_err(|error| {
        let problem = Problem::Syntax { format: "TOML", message: error.message().to_owned() };
        (error.span().unwrap_or_default(), problem)
    })?;
    let span = table.span();
    of_table(span, table.into_inner())
}

fn of_table(span: Range<usize>, table: DeTable<'_>) -> Result<Node<'_>, Located> {
    let mut entries = Vec::with_capacity(table.len());
    for (name, value) in table {
        let (name_span, node) = (name.span(), of_value(value)?);
        entries.push(Entry { name: name.into_inner(), name_span, node });
    }
    entries.sort_by_key(|entry| entry.name_span.start);
    Ok(Node { span, kind: Kind::Table(entries) })
}

fn of_value(value: Spanned<DeValue<'_>>) -> Result<Node<'_>, Located> {
    let span = value.span();
    let number_problem = || Problem::Syntax { format: "TOML", message: "number does not fit in 64 bits".to_owned() };
    let kind = match value.into_inner() {
        DeValue::String(text) => Kind::Text(text),
        DeValue::Boolean(value) => Kind::Boolean(value),
        DeValue::Datetime(datetime) => Kind::Datetime(datetime.to_string()),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(integer) => Kind::Integer(integer),
            Err(_) => return Err((span, number_problem())),
        },
        DeValue::Float(float) => match float.as_str().parse() {
            Ok(float) => Kind::Float(float),
            Err(_) => return Err((span, number_problem())),
        },
        DeValue::Array(values) => Kind::List(values.into_iter().map(of_value).collect::<Result<_, _>>()?),
        DeValue::Table(table) => return of_table(span, table),
    };
    Ok(Node { span, kind })
}

impl Node<'_> {
    /// Describes the type of the value; fits after "is".
    pub(super) fn description(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Boolean(_) => "a boolean",
            Kind::Integer(_) => "an integer",
            Kind::Float(_) => "a floating-point number",
            Kind::Datetime(_) => "a date or time",
            Kind::Text(_) => "a string",
            Kind::List(_) => "a list",
            Kind::Table(_) => "a table",
        }
    }

    /// Converts the value to JSON, with dates and times as strings.
    ///
    /// # Errors
    ///
    /// The byte range of a number without a JSON representation: infinity or NaN.
    pub(super) fn to_json(&self) -> Result<Value, Range<usize>> {
        Ok(match &self.kind {
            Kind::Null => Value::Null,
            Kind::Boolean(value) => Value::Bool(*value),
            Kind::Integer(integer) => Value::from(*integer),
            Kind::Float(float) => Value::Number(Number::from_f64(*float).ok_or_else(|| self.span.clone())?),
            Kind::Datetime(text) => Value::String(text.clone()),
            Kind::Text(text) => Value::String(text.clone().into_owned()),
            Kind::List(nodes) => Value::Array(nodes.iter().map(Self::to_json).collect::<Result<_, _>>()?),
            Kind::Table(entries) => {
                let pair = |entry: &Entry<'_>| Ok((entry.name.clone().into_owned(), entry.node.to_json()?));
                Value::Object(entries.iter().map(pair).collect::<Result<Map<_, _>, Range<usize>>>()?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<String, Range<usize>> {
        Ok(parse_toml(text).unwrap().to_json()?.to_string())
    }

    fn refused(text: &str) -> (Range<usize>, String) {
        let (span, problem) = parse_toml(text).unwrap_err();
        (span, problem.to_string())
    }

    #[test]
    fn toml_values_convert_to_json() {
        let text =
            "a = 1\nb = 1.5\nc = true\nd = 'x'\ne = [0x10, 1_000]\nf = { g = 1979-05-27T07:32:00Z }\n[[h]]\n[[h]]\n";
        let expected = r#"{"a":1,"b":1.5,"c":true,"d":"x","e":[16,1000],"f":{"g":"1979-05-27T07:32:00Z"},"h":[{},{}]}"#;
        assert_eq!(json(text).unwrap(), expected);
    }

    #[test]
    fn infinite_numbers_are_located() {
        for number in ["inf", "-inf", "nan", "1e999"] {
            assert_eq!(json(&format!("x = [1.0, {number}]")), Err(10..10 + number.len()), "{number}");
        }
    }

    #[test]
    fn entries_keep_source_order() {
        let Kind::Table(entries) = parse_toml("b = 1\na = 2\n[d]\n[c]\n").unwrap().kind else { panic!("not a table") };
        let names: Vec<_> = entries.iter().map(|entry| (&*entry.name, entry.name_span.clone())).collect();
        assert_eq!(names, [("b", 0..1), ("a", 6..7), ("d", 13..14), ("c", 17..18)]);
    }

    #[test]
    fn toml_syntax_errors_are_located() {
        assert_eq!(refused("[a]\nx = 1\n[a]\n"), (11..12, "not valid TOML: duplicate key".to_owned()));
        assert_eq!(refused("x = 1\nx = 2\n"), (6..7, "not valid TOML: duplicate key".to_owned()));
        assert_eq!(refused("x = [1\n"), (6..6, "not valid TOML: unclosed array, expected `]`".to_owned()));
        assert_eq!(
            refused("x = 9223372036854775808"),
            (4..23, "not valid TOML: number does not fit in 64 bits".to_owned())
        );
    }

    #[test]
    fn nesting_depth_is_bounded() {
        let dotted = format!("{} = 1", vec!["a"; 200_000].join("."));
        for text in [format!("x = {}", "[".repeat(500_000)), format!("x = {}", "{x=".repeat(300_000)), dotted] {
            assert!(parse_toml(&text).is_err());
        }
    }
}
