//! Entry points for fuzzing the parsers of token responses. Not part of the crate's interface.

use far_core::memory::SecretBytes;
use far_core::provider::ProviderError;

use super::{github_app, oauth2};

/// Parses an OAuth 2.0 token response.
///
/// # Errors
///
/// `Invalid` or `Unsupported`.
pub fn oauth2(body: &[u8]) -> Result<SecretBytes, ProviderError> {
    oauth2::parse(body).map(|issued| issued.value)
}

/// Parses GitHub's response with an installation access token.
///
/// # Errors
///
/// `Invalid`.
pub fn github_app(body: &[u8]) -> Result<SecretBytes, ProviderError> {
    github_app::parse(body).map(|issued| issued.value)
}
