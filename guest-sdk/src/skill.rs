//! From a function over serde types to the world's `run`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, problem};
use crate::field::field_before;

/// Calls a skill's function with the bytes that the host passes, and answers with those that it takes.
#[doc(hidden)]
pub fn call<I, O>(run: impl FnOnce(I) -> Result<O, Error>, input: &[u8]) -> Result<Vec<u8>, String>
where
    I: DeserializeOwned,
    O: Serialize,
{
    let input = serde_json::from_slice(input).map_err(|error| invalid_input(input, &error))?;
    let output = run(input).map_err(|error| error.to_string())?;
    written(&output)
}

/// Writes an output as the host takes it.
pub(crate) fn written(output: &impl Serialize) -> Result<Vec<u8>, String> {
    // The serialiser's message may quote what it could not write.
    serde_json::to_vec(output).map_err(|_| "the output cannot be written as JSON".to_owned())
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

    fn refusal(input: &str) -> String {
        call(total, input.as_bytes()).expect_err("a refused input")
    }

    #[test]
    fn json_goes_in_and_comes_out() {
        assert_eq!(call(total, br#"{"items": [{"count": 1}, {"count": 2}]}"#), Ok(b"3".to_vec()));
        assert_eq!(refusal(r#"{"items": []}"#), "nothing to count");
    }

    #[test]
    fn a_wrong_input_is_named_by_field_and_problem() {
        assert_eq!(
            refusal(r#"{"items": [{"count": 1}, {"count": "canary"}]}"#),
            "invalid input at `items[1].count`: invalid type, expected u8 at line 1 column 43"
        );
        assert_eq!(
            refusal(r#"{"items": [{"cuont": 1}]}"#),
            "invalid input at `items[0].cuont`: unknown field, expected `count` at line 1 column 19"
        );
        assert_eq!(
            refusal(r#"{"items": [{}]}"#),
            "invalid input at `items[0]`: missing field `count` at line 1 column 13"
        );
        assert_eq!(refusal("{}"), "invalid input: missing field `items` at line 1 column 2");
        assert_eq!(refusal("{"), "invalid input: EOF while parsing an object at line 1 column 1");
    }

    #[test]
    fn an_output_that_is_no_json_is_not_quoted() {
        let output = std::collections::BTreeMap::from([(vec!["canary"], 1)]);
        assert_eq!(call(|()| Ok(output), b"null"), Err("the output cannot be written as JSON".to_owned()));
    }
}
