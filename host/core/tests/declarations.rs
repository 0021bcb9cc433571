//! What the SDK's macros say of a declaration while it can still be corrected, the host says: one table for both, read here and
//! in `guest-sdk/macros/src/document.rs`.

use std::error::Error;

use far_core::declaration::Declaration;
use serde_json::{Value, json};

const TABLE: &str = include_str!("../../../guest-sdk/macros/tests/declarations.json");

/// What is wrong, by the innermost error.
fn problem(declaration: &Value) -> Option<String> {
    let error = Declaration::parse(declaration.to_string().as_bytes()).err()?;
    Some(match error.source() {
        Some(source) if source.is::<serde_json::Error>() => source.to_string(),
        _ => error.to_string(),
    })
}

#[test]
fn the_host_and_the_macros_say_alike() {
    let rows: Vec<Value> = serde_json::from_str(TABLE).unwrap();
    for row in rows {
        let mut secret = row["secret"].clone();
        secret["name"] = "a".into();
        secret["reason"] = "r".into();
        let declaration = json!({ "name": "s", "version": "1", "description": "d", "secrets": [secret] });
        assert_eq!(problem(&declaration).as_deref(), row["host"].as_str(), "{declaration}");
        // What the macros refuse, the host refuses; the host alone knows all of URLs.
        assert!(row["host"].is_string() || row["here"].is_null(), "{declaration}");
    }
}
