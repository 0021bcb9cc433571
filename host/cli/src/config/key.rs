//! The keys of tables with their documentation, for the parser and the reference.

use std::fmt::{self, Display};

/// The keys of a table. The pages of the reference list them.
#[derive(Debug)]
pub(crate) struct Keys {
    /// The supported keys.
    pub(crate) known: &'static [Key],
    /// The keys of later versions.
    pub(super) later: &'static [&'static str],
}

impl Keys {
    /// Returns the keys of a table, without keys of later versions.
    pub(super) const fn new(known: &'static [Key]) -> Self {
        Self { known, later: &[] }
    }
}

/// A key of a table, with its documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The name in the file.
    pub(crate) name: &'static str,
    /// The type, with its unit and its range.
    pub(crate) form: Form,
    /// The default as text, or [`REQUIRED`].
    pub(crate) default: &'static str,
    /// The meaning, in one sentence.
    pub(crate) meaning: &'static str,
}

/// The default of a required key.
pub(super) const REQUIRED: &str = "required";
/// The default of a key without a value.
pub(super) const NONE: &str = "none";

impl Key {
    pub(super) const fn new(name: &'static str, form: Form, default: &'static str, meaning: &'static str) -> Self {
        Self { name, form, default, meaning }
    }
}

/// The type of a key's value. Maxima are the texts of the parser's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A string, with its description.
    Text(&'static str),
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// A list of values with this description.
    List(&'static str),
    /// A boolean.
    Boolean,
    /// A duration up to a maximum.
    Duration(&'static str),
    /// A size up to a maximum.
    Size(&'static str),
    /// An integer from 1 to a maximum.
    Integer(&'static str),
    /// A table.
    Table,
    /// Tables by their names.
    Tables,
    /// Any value.
    Any,
}

impl Form {
    /// Returns the maximum as text, or an empty text.
    pub(crate) fn maximum(&self) -> &'static str {
        match self {
            Self::Duration(max) | Self::Size(max) | Self::Integer(max) => max,
            _ => "",
        }
    }
}

impl Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(what) => write!(f, "string: {what}"),
            Self::OneOf(values) => write!(f, "string: `\"{}\"`", values.join("\"`, `\"")),
            Self::List(what) => write!(f, "list of {what}"),
            Self::Boolean => f.write_str("boolean"),
            Self::Duration(max) => write!(f, "duration, at most {max}"),
            Self::Size(max) => write!(f, "size, at most {max}"),
            Self::Integer(max) => write!(f, "integer, from 1 to {max}"),
            Self::Table => f.write_str("table"),
            Self::Tables => f.write_str("table of tables, by name"),
            Self::Any => f.write_str("any value"),
        }
    }
}
