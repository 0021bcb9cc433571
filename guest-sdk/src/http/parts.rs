//! The parts of requests and answers.

/// Headers or trailers, in their order.
pub(crate) type Fields = Vec<(String, Vec<u8>)>;

/// What a request is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Fields,
    pub(crate) body: Vec<u8>,
}

/// The first field of a name, if it is text.
pub(super) fn first<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    let (_, value) = fields.iter().find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    str::from_utf8(value).ok()
}
