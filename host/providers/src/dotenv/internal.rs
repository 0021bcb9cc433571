//! Entry points for fuzzing. Not part of the crate's interface.

use std::collections::BTreeMap;
use std::path::Path;

use far_core::SecretName;
use far_core::memory::SecretBytes;

use super::DotEnvError;

/// Parses the content of a `.env` file.
///
/// # Errors
///
/// [`DotEnvError::Line`] names the invalid line.
pub fn parse(content: &[u8]) -> Result<BTreeMap<SecretName, SecretBytes>, DotEnvError> {
    super::parse_content(content, Path::new(".env"))
}
