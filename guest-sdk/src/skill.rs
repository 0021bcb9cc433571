//! Adapts a function over serde types to the world's `run`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, problem};
use crate::field::field_before;

/// Deserializes the input, calls the skill's function and serializes its output.
#[doc(hidden)]
pub fn call<I, O>(run: impl FnOnce(I) -> Result<O, Error>, input: &[u8]) -> Result<Vec<u8>, String>
where
    I: DeserializeOwned,
    O: Serialize,
{
    let input = serde_json::from_slice(input).map_err(|error| invalid_input(input, &error))?;
    let output = run(input).map_err(|error| error.to_string())?;
    serialize(&output)
}

/// Serializes an output as JSON.
pub(crate) fn serialize(output: &impl Serialize) -> Result<Vec<u8>, String> {
    // The serializer's message may quote the value.
    serde_json::to_vec(output).map_err(|_| "the output cannot be serialized as JSON".to_owned())
}

fn invalid_input(input: &[u8], error: &serde_json::Error) -> String {
    let problem = problem(error);
    match field_before(input, error.line(), error.column()) {
        Some(field) if error.is_data() => format!("invalid input at `{field}`: {problem}"),
        _ => format!("invalid input: {problem}"),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Input {
        items: Vec<Item>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Item {
        count: u8,
    }

    fn total(input: Input) -> Result<u32, Error> {
        match input.items.into_iter().map(|item| u32::from(item.count)).sum() {
            0 => Err(Error::new("nothing to count")),
            total => Ok(total),
        }
    }

    fn error(input: &str) -> String {
        call(total, input.as_bytes()).expect_err("an invalid input")
    }

    #[test]
    fn call_converts_input_and_output() {
        assert_eq!(call(total, br#"{"items": [{"count": 1}, {"count": 2}]}"#), Ok(b"3".to_vec()));
        assert_eq!(error(r#"{"items": []}"#), "nothing to count");
    }

    #[test]
    fn invalid_input_names_field_and_problem() {
        assert_eq!(
            error(r#"{"items": [{"count": 1}, {"count": "canary"}]}"#),
            "invalid input at `items[1].count`: invalid type, expected u8 at line 1 column 43"
        );
        assert_eq!(
            error(r#"{"items": [{"cuont": 1}]}"#),
            "invalid input at `items[0].cuont`: unknown field, expected `count` at line 1 column 19"
        );
        assert_eq!(
            error(r#"{"items": [{}]}"#),
            "invalid input at `items[0]`: missing field `count` at line 1 column 13"
        );
        assert_eq!(error("{}"), "invalid input: missing field `items` at line 1 column 2");
        assert_eq!(error("{"), "invalid input: EOF while parsing an object at line 1 column 1");
    }

    #[test]
    fn unserializable_output_is_not_quoted() {
        let output = std::collections::BTreeMap::from([(vec!["canary"], 1)]);
        assert_eq!(call(|()| Ok(output), b"null"), Err("the output cannot be serialized as JSON".to_owned()));
    }
}
