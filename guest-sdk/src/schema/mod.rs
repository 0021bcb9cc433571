//! The JSON Schema of a skill's input, made from its type while the skill is compiled: it is a part of the component.
//!
//! What a schema takes, serde takes. The converse does not hold: serde also reads structs from arrays, and ranges say
//! nothing of how a number is written (`1.0` is an integer to JSON Schema, and none to serde).

mod render;
mod types;

pub use render::{Piece, len, render};

/// A type whose JSON Schema is known while the skill is compiled.
///
/// Derive it beside [`Deserialize`](serde::Deserialize): serde's attributes are honoured, and doc comments become
/// descriptions. What serde does by code of the type's own, as with `deserialize_with`, is an error: write the
/// `input-schema` in the declaration then. A type that contains itself has an endless schema, and is an error too.
///
/// ```
/// use far_skill::Schema;
///
/// #[derive(serde::Deserialize, Schema)]
/// #[serde(deny_unknown_fields)]
/// struct Input {
///     /// What to sign.
///     message: String,
///     times: Option<u8>,
/// }
///
/// assert_eq!(
///     far_skill::schema::to_json::<Input>(),
///     concat!(
///         r#"{"type":"object","properties":{"message":{"description":"What to sign.","type":"string"},"#,
///         r#""times":{"anyOf":[{"type":"integer","minimum":0,"maximum":255},{"type":"null"}]}},"#,
///         r#""required":["message"],"additionalProperties":false}"#,
///     )
/// );
/// ```
#[diagnostic::on_unimplemented(
    message = "the JSON Schema of `{Self}` is not known",
    note = "derive `far_skill::Schema` for it, or write the `input-schema` of the skill in its declaration"
)]
pub trait Schema {
    /// The schema.
    #[doc(hidden)]
    const SCHEMA: Node;

    /// Whether a field of this type must be there, when it has no default.
    #[doc(hidden)]
    const REQUIRED: bool = true;
}

/// A schema; how it is kept is not part of the API.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// A JSON string. Kept apart, since what a field says of itself stands instead of what its type says.
    pub description: Option<&'static str>,
    /// What stands between the braces, but for the description.
    pub members: &'static [Piece],
}

/// Returns a type's schema, as the component of a skill with that input has it.
pub fn to_json<T: Schema>() -> String {
    let schema = [Piece::Schema(None, &T::SCHEMA)];
    let mut json = vec![0; len(&schema)];
    render::fill(&schema, &mut json);
    String::from_utf8_lossy(&json).into_owned()
}
