//! From what a configuration says of a backend to the backend.

use std::path::Path;
use std::sync::Arc;

use far_core::ProviderId;
use far_core::provider::SecretProvider;
use far_providers::dotenv::DotEnv;

use crate::config::{ProviderConfig, ProviderKind};
use crate::failure::Failure;
use crate::run::fixed;

/// What the provider is called where no configuration gives it a name.
const DOTENV: &str = "dotenv";

/// The one backend of who runs a skill by hand: the `.env` that was named, or the one in the working directory.
///
/// # Errors
///
/// None in practice: the name is a constant.
pub(crate) fn local(env_file: Option<&Path>) -> Result<ProviderConfig, Failure> {
    let path = env_file.unwrap_or(Path::new(".env")).to_owned();
    let id = ProviderId::parse(DOTENV).map_err(fixed)?;
    Ok(ProviderConfig { id, kind: ProviderKind::Dotenv { path } })
}

/// Opens a backend.
///
/// # Errors
///
/// Its file, or whatever else it is opened from, is not as it must be.
pub(crate) fn open(config: &ProviderConfig) -> Result<Arc<dyn SecretProvider>, Failure> {
    let ProviderKind::Dotenv { path } = &config.kind;
    Ok(Arc::new(DotEnv::open(config.id.clone(), path)?))
}
