//! Parts of requests and responses.

/// Headers or trailers, in order.
pub(crate) type Fields = Vec<(String, Vec<u8>)>;

/// The parts of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Fields,
    pub(crate) body: Vec<u8>,
}

/// Returns the first field with this name, if its value is UTF-8.
pub(super) fn first<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    let (_, value) = fields.iter().find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    str::from_utf8(value).ok()
}
