//! Declarations of one secret, and the problem of each invalid one.

use far_capability::{Declaration, DeclarationError};
use serde_json::{Value, json};

const TABLE: &str = include_str!("../tables/declarations.json");

/// Returns the innermost error, without its position in the document.
fn problem(declaration: &Value) -> Option<String> {
    Some(match Declaration::parse(declaration.to_string().as_bytes()).err()? {
        DeclarationError::Json(error) => {
            let text = error.to_string();
            let (problem, column) = text.split_once(" at line 1 column ").unwrap();
            assert!(column.parse::<usize>().unwrap() > 0, "{text}");
            problem.to_owned()
        }
        error => error.to_string(),
    })
}

#[test]
fn declared_secrets_parse_as_table_says() {
    let rows: Vec<Value> = serde_json::from_str(TABLE).unwrap();
    for row in rows {
        let mut secret = row["secret"].clone();
        secret["name"] = "a".into();
        secret["reason"] = "r".into();
        let declaration = json!({ "name": "s", "version": "1", "description": "d", "secrets": [secret] });
        assert_eq!(problem(&declaration).as_deref(), row["problem"].as_str(), "{declaration}");
    }
}
