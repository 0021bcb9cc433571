//! Backends, opened from their configuration.

use std::collections::HashSet;
use std::sync::Arc;

use far_core::capability::Catalog;
use far_core::provider::{CallCounter, Reference, SecretProvider, ServerRole};
use far_core::{AgentId, ProviderId};
use far_providers::dotenv::DotEnv;
use far_providers::exchange::{Exchange, ExchangeConfig};
use far_providers::vault::{Vault, VaultConfig, VaultError};

use crate::authorities::Authorities;
use crate::config::{FarToml, ProviderConfig, ProviderKind, RecipeConfig, read_authorities};
use crate::messages::failure::Failure;
use crate::messages::notice::{Notice, StateError};
use crate::output::printer::Printer;
use crate::state;

/// The open backends of a run.
#[derive(Default)]
pub(crate) struct Backends {
    pub(crate) providers: Vec<Arc<dyn SecretProvider>>,
    /// The Vault backends with dynamic secrets, which have leases to revoke.
    pub(crate) vaults: Vec<Arc<Vault>>,
    /// The counters of server calls.
    pub(crate) counters: Vec<(ProviderId, ServerRole, Arc<dyn CallCounter>)>,
}

/// A backend with the counters of its server calls.
struct MeteredProvider {
    provider: Arc<dyn SecretProvider>,
    counters: Vec<(ServerRole, Arc<dyn CallCounter>)>,
}

impl From<Arc<Vault>> for MeteredProvider {
    fn from(vault: Arc<Vault>) -> Self {
        let counters = vec![(ServerRole::Backend, vault.metrics().clone() as Arc<dyn CallCounter>)];
        Self { provider: vault, counters }
    }
}

/// Opens all backends of a configuration for the tasks of an agent. Sends no request.
///
/// # Errors
///
/// As [`open`].
pub(crate) fn open_all(config: &FarToml, agent_id: &AgentId, printer: &Printer) -> Result<Backends, Failure> {
    let mut backends = Backends::default();
    for provider in &config.providers {
        let recipes: Vec<_> = config.recipes.iter().filter(|recipe| recipe.provider == provider.id).collect();
        let metered = match &provider.kind {
            ProviderKind::Vault(vault) if vault.mounts.has_dynamic_engine() => {
                let references = references(&provider.id, &config.catalog, &recipes);
                let vault = Arc::new(open_vault(config, &provider.id, vault, references, agent_id, printer)?);
                backends.vaults.push(vault.clone());
                vault.into()
            }
            _ => open_provider(provider, &config.catalog, &recipes)?,
        };
        let MeteredProvider { provider, counters } = with_exchange(metered, recipes)?;
        let counters = counters.into_iter().map(|(server, counted)| (provider.id().clone(), server, counted));
        backends.counters.extend(counters);
        backends.providers.push(provider);
    }
    Ok(backends)
}

/// Opens a Vault backend with a lease journal. Without a usable journal, dynamic secrets are
/// disabled.
fn open_vault(
    config: &FarToml,
    id: &ProviderId,
    vault: &VaultConfig,
    references: Vec<Reference>,
    agent_id: &AgentId,
    printer: &Printer,
) -> Result<Vault, Failure> {
    let error = match state::lease_journal(config, agent_id) {
        Ok(journal) => {
            match Vault::open_with_lease_journal(id.clone(), with_authorities(vault)?, references.clone(), &journal) {
                Err(VaultError::LeaseJournal(error)) => StateError::LeaseJournal(error),
                opened => return Ok(opened?),
            }
        }
        Err(error) => error,
    };
    printer.notice(&Notice::state(&error));
    Ok(Vault::open(id.clone(), with_authorities(vault)?, references)?)
}

/// Opens a backend for queries, without dynamic secrets. Sends no request.
///
/// # Errors
///
/// Its configuration or a file of it is invalid.
pub(crate) fn open(
    config: &ProviderConfig,
    catalog: &Catalog,
    recipes: &[RecipeConfig],
) -> Result<Arc<dyn SecretProvider>, Failure> {
    let recipes: Vec<_> = recipes.iter().filter(|recipe| recipe.provider == config.id).collect();
    Ok(with_exchange(open_provider(config, catalog, &recipes)?, recipes)?.provider)
}

fn open_provider(
    config: &ProviderConfig,
    catalog: &Catalog,
    recipes: &[&RecipeConfig],
) -> Result<MeteredProvider, Failure> {
    Ok(match &config.kind {
        ProviderKind::Dotenv { path } => {
            MeteredProvider { provider: Arc::new(DotEnv::open(config.id.clone(), path)?), counters: Vec::new() }
        }
        ProviderKind::Vault(vault) => {
            let references = references(&config.id, catalog, recipes);
            Arc::new(Vault::open(config.id.clone(), with_authorities(vault)?, references)?).into()
        }
    })
}

/// Returns the configuration of a server. Without a `ca-file`, the authorities are those of the
/// environment.
fn with_authorities(config: &VaultConfig) -> Result<VaultConfig, Failure> {
    let authorities = match &config.ca_file {
        Some(_) => None,
        None => Authorities::of_environment()?.map(|named| named.pem),
    };
    Ok(VaultConfig { authorities, ..config.clone() })
}

/// Wraps a backend in its key exchanges.
fn with_exchange(metered: MeteredProvider, recipes: Vec<&RecipeConfig>) -> Result<MeteredProvider, Failure> {
    if recipes.is_empty() {
        return Ok(metered);
    }
    let recipes = recipes.into_iter().map(recipe).collect::<Result<_, _>>()?;
    let MeteredProvider { provider, mut counters } = metered;
    let exchange = Exchange::new(provider, recipes)?;
    counters.push((ServerRole::Issuer, exchange.metrics().clone()));
    Ok(MeteredProvider { provider: Arc::new(exchange), counters })
}

/// Returns the references of a backend that the configuration uses: secrets and keys for exchange.
fn references(id: &ProviderId, catalog: &Catalog, recipes: &[&RecipeConfig]) -> Vec<Reference> {
    let own = catalog.iter().filter(|(_, entry)| entry.provider == *id).map(|(_, entry)| &entry.reference);
    let exchanged: HashSet<_> = recipes.iter().map(|recipe| &recipe.name).collect();
    let own = own.filter(|reference| !exchanged.contains(reference));
    own.chain(recipes.iter().map(|recipe| &recipe.key)).cloned().collect()
}

fn recipe(config: &RecipeConfig) -> Result<ExchangeConfig, Failure> {
    Ok(ExchangeConfig {
        name: config.name.clone(),
        key: config.key.clone(),
        kind: config.kind.clone(),
        authorities: match &config.ca_file {
            Some(path) => Some(read_authorities(path)?),
            None => Authorities::of_environment()?.map(|named| named.pem),
        },
    })
}
