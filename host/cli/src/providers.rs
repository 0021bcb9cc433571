//! From what a configuration says of a backend to the backend.

use std::sync::Arc;

use far_core::provider::SecretProvider;
use far_providers::dotenv::DotEnv;

use crate::config::{ProviderConfig, ProviderKind};
use crate::failure::Failure;

/// Opens a backend.
///
/// # Errors
///
/// Its file, or whatever else it is opened from, is not as it must be.
pub(crate) fn open(config: &ProviderConfig) -> Result<Arc<dyn SecretProvider>, Failure> {
    let ProviderKind::Dotenv { path } = &config.kind;
    Ok(Arc::new(DotEnv::open(config.id.clone(), path)?))
}
