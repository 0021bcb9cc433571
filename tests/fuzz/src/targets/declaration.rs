//! A skill's declaration.

use far_component::{embed, read};
use far_core::capability::Declaration;

pub(super) const TOKENS: &[&str] = &[
    "\"name\":",
    "\"version\":",
    "\"description\":",
    "\"secrets\":[",
    "\"operations\":[\"seal\"]",
    "\"destinations\":[",
    "\"placements\":[",
    "\"signing\":{\"jwt\":{}}",
    "\"reason\":\"r\"",
    "\"optional\":true",
    "{",
    "}",
    ",",
    "null",
    "\"input-schema\":",
];

/// An empty component.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// Checks that a declaration has one meaning, and the same one from a component.
pub fn declaration(data: &[u8]) {
    let Ok(parsed) = Declaration::parse(data) else {
        assert!(embed(COMPONENT, data, false).is_err());
        return;
    };
    assert!(data.len() <= Declaration::MAX_LEN);
    for (at, secret) in parsed.secrets.iter().enumerate() {
        assert!(parsed.secrets[..at].iter().all(|other| other.name != secret.name));
    }
    let embedded = embed(COMPONENT, data, false).expect("a declaration can be embedded");
    assert_eq!(embedded.declaration, parsed);
    assert_eq!(read(&embedded.component).expect("the component is read").as_ref(), Some(&parsed));
    let two = [&embedded.component[..], &embedded.component[COMPONENT.len()..]].concat();
    assert!(read(&two).is_err(), "two declarations are ambiguous");

    // The minified document is the same declaration, and with a duplicate key it is invalid.
    let value: serde_json::Value = serde_json::from_slice(data).expect("a declaration is JSON");
    let shortest = value.to_string();
    // Except for its schema: a number with many digits changes its last digit when it is written.
    let without_schema = |declaration: Declaration| Declaration { input_schema: None, ..declaration };
    let again = Declaration::parse(shortest.as_bytes()).expect("the same document");
    assert_eq!(without_schema(again), without_schema(parsed));
    let duplicate = format!("{{\"name\":\"other\",{}", shortest.strip_prefix('{').expect("a declaration is an object"));
    assert!(Declaration::parse(duplicate.as_bytes()).is_err(), "{duplicate}");
    let unknown = format!("{{\"other\":0,{}", shortest.strip_prefix('{').expect("a declaration is an object"));
    assert!(Declaration::parse(unknown.as_bytes()).is_err(), "{unknown}");
}
