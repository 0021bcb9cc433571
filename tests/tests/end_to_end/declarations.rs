//! The host reads the declaration that the SDK embeds, with the schema of the input.
#![expect(clippy::unwrap_used, reason = "a failed setup is a failed test")]

use far_core::capability::Declaration;
use far_tests::guests;
use serde_json::{Value, json};

fn embedded(component: &str) -> Declaration {
    far_component::read(&std::fs::read(component).unwrap()).unwrap().unwrap()
}

#[test]
fn derived_schema_describes_input() {
    let declaration = embedded(guests::GITHUB_WEBHOOK);
    assert_eq!(declaration.secrets[0].name.as_str(), "github-webhook-secret");
    let expected = json!({
        "type": "object",
        "properties": {
            "payload": { "type": "string", "description": "The body of the delivery, exactly as it was received." },
            "signature": {
                "type": "string",
                "description": "The header X-Hub-Signature-256: `sha256=` and 64 hexadecimal digits.",
            },
        },
        "required": ["payload", "signature"],
        "additionalProperties": false,
    });
    assert_eq!(declaration.input_schema, Some(expected));
    assert_eq!(embedded(guests::REQUIRED).input_schema, Some(json!({})));
}

#[test]
fn written_schema_is_kept() {
    let written: Value = serde_json::from_str(include_str!("../../../skills-examples/aws-presign/skill.json")).unwrap();
    assert_eq!(embedded(guests::AWS_PRESIGN).input_schema.as_ref(), Some(&written["input-schema"]));
}

#[test]
fn large_input_has_schema() {
    for component in [guests::PROBE, guests::PROBE_REVEALING] {
        let schema = embedded(component).input_schema.unwrap();
        let steps = schema["properties"]["steps"]["items"]["anyOf"].as_array().unwrap();
        let reveal = steps.iter().find(|step| step["properties"]["do"]["const"] == "reveal").unwrap();
        assert_eq!(reveal["description"], "Returns the length and a hash of the bytes.");
    }
}
