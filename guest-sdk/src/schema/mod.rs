//! The JSON Schema of a skill's input, derived from its type at compile time and embedded in the
//! component.
//!
//! Serde accepts each value that the schema accepts. The converse does not hold: serde also reads
//! structs from arrays. JSON Schema also accepts `1.0` as an integer, which serde rejects.

mod render;
mod types;

pub use render::{Piece, len, render};

/// A type with a JSON Schema, built at compile time.
///
/// Derive this trait together with [`Deserialize`](serde::Deserialize). The derive macro honors
/// serde's attributes and uses doc comments as descriptions.
///
/// Custom code such as `deserialize_with` is a compile error: write the `input-schema` in the
/// declaration instead. A recursive type is an error too, because its schema would be infinite.
///
/// ```
/// use far_skill::Schema;
///
/// #[derive(serde::Deserialize, Schema)]
/// #[serde(deny_unknown_fields)]
/// struct Input {
///     /// The message to sign.
///     message: String,
///     times: Option<u8>,
/// }
///
/// assert_eq!(
///     far_skill::schema::to_json::<Input>(),
///     concat!(
///         r#"{"type":"object","properties":{"#,
///         r#""message":{"description":"The message to sign.","type":"string"},"#,
///         r#""times":{"anyOf":[{"type":"integer","minimum":0,"maximum":255},{"type":"null"}]}},"#,
///         r#""required":["message"],"additionalProperties":false}"#,
///     )
/// );
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no JSON Schema",
    note = "derive `far_skill::Schema` for it, or write an `input-schema` in the skill's declaration"
)]
pub trait Schema {
    /// The schema of the type.
    #[doc(hidden)]
    const SCHEMA: Node;

    /// True if a field of this type without a default is required.
    #[doc(hidden)]
    const REQUIRED: bool = true;
}

/// A schema. Not a public API.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// A JSON string literal. Separate from `members`, because a field's description replaces that
    /// of its type.
    pub description: Option<&'static str>,
    /// The text between the braces, without the description.
    pub members: &'static [Piece],
}

/// Returns a type's schema, exactly as a component with this input embeds it.
pub fn to_json<T: Schema>() -> String {
    let schema = [Piece::Schema(None, &T::SCHEMA)];
    let mut json = vec![0; len(&schema)];
    render::fill(&schema, &mut json);
    String::from_utf8_lossy(&json).into_owned()
}
