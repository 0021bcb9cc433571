//! Compares schemas with serde: serde must accept each value that the schema accepts. The tests try
//! each type with each value.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed setup fails the test")]

use std::collections::BTreeMap;

use far_skill::Schema;
use far_skill::schema::to_json;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Returns true if a schema accepts a value. Supports only the keywords that far-skill writes.
fn accepts(schema: &Value, value: &Value) -> bool {
    schema.as_object().unwrap().iter().all(|(keyword, rule)| match (keyword.as_str(), value) {
        ("description", _) => true,
        ("type", _) => has_type(rule.as_str().unwrap(), value),
        ("const", _) => rule == value,
        ("enum", _) => rule.as_array().unwrap().contains(value),
        ("anyOf", _) => rule.as_array().unwrap().iter().any(|schema| accepts(schema, value)),
        ("not", _) => !accepts(rule, value),
        ("minimum", Value::Number(number)) => number.as_f64() >= rule.as_f64(),
        ("maximum", Value::Number(number)) => number.as_f64() <= rule.as_f64(),
        ("minLength", Value::String(text)) => text.chars().count() as u64 >= rule.as_u64().unwrap(),
        ("maxLength", Value::String(text)) => text.chars().count() as u64 <= rule.as_u64().unwrap(),
        ("minItems", Value::Array(items)) => items.len() as u64 >= rule.as_u64().unwrap(),
        ("maxItems", Value::Array(items)) => items.len() as u64 <= rule.as_u64().unwrap(),
        ("items", Value::Array(items)) => items.iter().all(|item| accepts(rule, item)),
        ("prefixItems", Value::Array(items)) => {
            items.iter().zip(rule.as_array().unwrap()).all(|(item, schema)| accepts(schema, item))
        }
        ("properties", Value::Object(object)) => {
            object.iter().all(|(key, value)| rule.get(key).is_none_or(|schema| accepts(schema, value)))
        }
        ("required", Value::Object(object)) => {
            rule.as_array().unwrap().iter().all(|key| object.contains_key(key.as_str().unwrap()))
        }
        ("additionalProperties", Value::Object(object)) => {
            let known = |key: &str| schema.get("properties").is_some_and(|known| known.get(key).is_some());
            object.iter().all(|(key, value)| known(key) || (rule.is_object() && accepts(rule, value)))
        }
        (
            "minimum"
            | "maximum"
            | "minLength"
            | "maxLength"
            | "minItems"
            | "maxItems"
            | "items"
            | "prefixItems"
            | "properties"
            | "required"
            | "additionalProperties",
            _,
        ) => true,
        _ => panic!("unknown keyword '{keyword}'"),
    })
}

fn has_type(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => panic!("unknown type '{name}'"),
    }
}

#[derive(Clone, Debug, Deserialize, PartialEq, Schema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Strict {
    a: bool,
    #[serde(default)]
    b_c: Option<i8>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Schema, Serialize)]
struct Loose {
    a: char,
    c: Option<Strict>,
    t: Vec<(Unit, f64)>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Schema, Serialize)]
struct Unit;

#[derive(Clone, Debug, Deserialize, PartialEq, Schema, Serialize)]
enum External {
    A,
    /// Has a description.
    B(bool),
    C(u8, Unit),
    D {
        a: bool,
    },
}

#[derive(Clone, Debug, Deserialize, PartialEq, Schema, Serialize)]
#[serde(tag = "t", deny_unknown_fields)]
enum Internal {
    A,
    D { a: bool },
}

#[derive(Clone, Debug, Deserialize, PartialEq, Schema, Serialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    A,
    B(Option<bool>),
    C(u8, Unit),
    D { a: bool },
    E(u8),
}

#[derive(Clone, Debug, Deserialize, PartialEq, Schema, Serialize)]
#[serde(untagged)]
enum Untagged {
    A,
    C(u8, Unit),
    D { a: bool },
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Schema, Serialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    A,
    Bc,
}

/// Returns values, then objects and arrays of values, then objects and arrays of those objects and
/// arrays.
fn values() -> Vec<Value> {
    let atoms = [
        json!(null),
        json!(true),
        json!(-1),
        json!(-129),
        json!(255),
        json!(256),
        json!(1.5),
        json!("A"),
        json!("bc"),
        json!([]),
        json!({}),
    ];
    let names = ["A", "B", "C", "D", "E"];
    let mut small = atoms.to_vec();
    small.extend(names.map(|name| json!({ "t": name })));
    for atom in &atoms {
        small.extend([json!([atom]), json!({ "a": atom }), json!({ "t": atom }), json!({ "A": atom, "B": atom })]);
        small.extend(names.map(|name| json!({ name: atom })));
        small.extend(atoms.iter().map(|second| json!([atom, second])));
        small.extend(atoms.iter().map(|second| json!({ "a": atom, "b-c": second })));
    }
    let mut all = small.clone();
    for inner in &small {
        all.extend(names.map(|name| json!({ name: inner })));
        all.extend(names.map(|name| json!({ "t": name, "c": inner })));
        all.extend(names.map(|name| json!({ "t": name, "a": inner })));
        all.extend([json!([inner]), json!({ "a": "A", "t": [inner], "c": null, "x": 1 })]);
        all.extend([json!({ "a": "A", "t": [], "c": inner }), json!({ "a": "A", "t": inner })]);
    }
    all
}

/// Compares a type's schema with serde on all values. Both must also accept the values in
/// `examples`, as serde writes them.
fn assert_agreement<T: DeserializeOwned + Schema + Serialize>(examples: &[T]) {
    let schema: Value = serde_json::from_str(&to_json::<T>()).unwrap();
    for value in examples {
        let value = serde_json::to_value(value).unwrap();
        assert!(accepts(&schema, &value), "{schema} rejects {value}");
    }
    let (mut accepted, mut rejected) = (0, 0);
    for value in values() {
        // From text, like a skill's input.
        let read = serde_json::from_str::<T>(&value.to_string());
        match accepts(&schema, &value) {
            true => {
                accepted += 1;
                assert!(read.is_ok(), "{schema} takes {value}: {:?}", read.err());
            }
            false => rejected += 1,
        }
    }
    assert!(accepted > 0 && rejected > 0, "{schema} accepted {accepted} and rejected {rejected}");
}

#[test]
fn structs_agree() {
    let strict = Strict { a: true, b_c: Some(-1) };
    assert_agreement(&[strict.clone(), Strict { a: false, b_c: None }]);
    assert_agreement(&[Loose { a: 'ä', c: Some(strict), t: vec![(Unit, 0.5)] }]);
    assert_agreement(&[Unit]);
}

#[test]
fn enums_agree() {
    assert_agreement(&[External::A, External::B(true), External::C(1, Unit), External::D { a: true }]);
    assert_agreement(&[Internal::A, Internal::D { a: true }]);
    assert_agreement(&[Adjacent::A, Adjacent::B(None), Adjacent::C(1, Unit), Adjacent::D { a: true }, Adjacent::E(1)]);
    assert_agreement(&[Untagged::A, Untagged::C(1, Unit), Untagged::D { a: true }]);
    assert_agreement(&[Name::A, Name::Bc]);
}

#[test]
fn builtin_types_agree() {
    assert_agreement(&["text".to_owned()]);
    assert_agreement(&['c']);
    assert_agreement(&[u8::MIN, u8::MAX]);
    assert_agreement(&[i8::MIN, i8::MAX]);
    assert_agreement(&[0.5]);
    assert_agreement(&[Some(true), None]);
    assert_agreement(&[[true]]);
    assert_agreement(&[(true, "text".to_owned())]);
    assert_agreement(&[vec![Name::A], vec![]]);
    assert_agreement(&[BTreeMap::from([("key".to_owned(), Name::A)])]);
}
