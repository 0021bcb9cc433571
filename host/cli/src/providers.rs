//! From what a configuration says of a backend to the backend.

use std::path::Path;
use std::sync::Arc;

use far_core::ProviderId;
use far_core::capability::Catalog;
use far_core::provider::SecretProvider;
use far_providers::dotenv::DotEnv;
use far_providers::vault::Vault;

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

/// Opens a backend, for the secrets of a catalog. No request is made.
///
/// # Errors
///
/// Its file, or whatever else it is opened from, is not as it must be.
pub(crate) fn open(config: &ProviderConfig, catalog: &Catalog) -> Result<Arc<dyn SecretProvider>, Failure> {
    let id = config.id.clone();
    Ok(match &config.kind {
        ProviderKind::Dotenv { path } => Arc::new(DotEnv::open(id, path)?),
        ProviderKind::Vault(vault) => {
            let own = catalog.iter().filter(|(_, entry)| entry.provider == id);
            let known = own.map(|(_, entry)| entry.reference.clone()).collect();
            Arc::new(Vault::open(id, (**vault).clone(), known)?)
        }
    })
}
