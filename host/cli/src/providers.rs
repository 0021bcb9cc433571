//! From what a configuration says of a backend to the backend.

use std::collections::HashSet;
use std::sync::Arc;

use far_core::capability::Catalog;
use far_core::provider::{Counted, Reference, SecretProvider, Server};
use far_core::{AgentId, ProviderId};
use far_providers::dotenv::DotEnv;
use far_providers::exchange::{Exchange, Recipe};
use far_providers::vault::{Vault, VaultConfig, VaultError};

use crate::authorities::Authorities;
use crate::config::{FarToml, ProviderConfig, ProviderKind, RecipeConfig, read_authorities};
use crate::messages::failure::Failure;
use crate::messages::notice::{Notice, StateUnusable};
use crate::output::printer::Printer;
use crate::state;

/// Backends for tasks.
#[derive(Default)]
pub(crate) struct Opened {
    pub(crate) providers: Vec<Arc<dyn SecretProvider>>,
    /// Those of them that make secrets, and so have something to end.
    pub(crate) vaults: Vec<Arc<Vault>>,
    /// The counters of their calls of servers.
    pub(crate) counters: Vec<(ProviderId, Server, Arc<dyn Counted>)>,
}

/// A backend, and the counters of its calls of servers.
struct Counting {
    provider: Arc<dyn SecretProvider>,
    counters: Vec<(Server, Arc<dyn Counted>)>,
}

impl From<Arc<Vault>> for Counting {
    fn from(vault: Arc<Vault>) -> Self {
        let counters = vec![(Server::Backend, vault.metrics().clone() as Arc<dyn Counted>)];
        Self { provider: vault, counters }
    }
}

/// Opens all backends of a configuration, for tasks of this agent. No request is made.
///
/// # Errors
///
/// As [`open`].
pub(crate) fn open_all(config: &FarToml, agent_id: &AgentId, printer: &Printer) -> Result<Opened, Failure> {
    let mut opened = Opened::default();
    for provider in &config.providers {
        let recipes: Vec<_> = config.recipes.iter().filter(|recipe| recipe.provider == provider.id).collect();
        let behind = match &provider.kind {
            ProviderKind::Vault(vault) if vault.mounts.are_dynamic() => {
                let known = known(&provider.id, &config.catalog, &recipes);
                let vault = Arc::new(making(config, &provider.id, vault, known, agent_id, printer)?);
                opened.vaults.push(vault.clone());
                vault.into()
            }
            _ => behind(provider, &config.catalog, &recipes)?,
        };
        let Counting { provider, counters } = exchanging(behind, recipes)?;
        let counters = counters.into_iter().map(|(server, counted)| (provider.id().clone(), server, counted));
        opened.counters.extend(counters);
        opened.providers.push(provider);
    }
    Ok(opened)
}

/// A backend that makes secrets, if what it makes can be written down; without, it makes none.
fn making(
    config: &FarToml,
    id: &ProviderId,
    vault: &VaultConfig,
    known: Vec<Reference>,
    agent_id: &AgentId,
    printer: &Printer,
) -> Result<Vault, Failure> {
    let why = match state::ledger(config, agent_id) {
        Ok(ledger) => match Vault::open_with_ledger(id.clone(), with_authorities(vault)?, known.clone(), &ledger) {
            Err(VaultError::Ledger(error)) => StateUnusable::Ledger(error),
            opened => return Ok(opened?),
        },
        Err(why) => why,
    };
    printer.notice(&Notice::state(&why));
    Ok(Vault::open(id.clone(), with_authorities(vault)?, known)?)
}

/// Opens a backend to ask what it has. No request is made, and nothing is made by it for anybody.
///
/// # Errors
///
/// Its file, or whatever else it is opened from, is not as it must be.
pub(crate) fn open(
    config: &ProviderConfig,
    catalog: &Catalog,
    recipes: &[RecipeConfig],
) -> Result<Arc<dyn SecretProvider>, Failure> {
    let recipes: Vec<_> = recipes.iter().filter(|recipe| recipe.provider == config.id).collect();
    Ok(exchanging(behind(config, catalog, &recipes)?, recipes)?.provider)
}

fn behind(config: &ProviderConfig, catalog: &Catalog, recipes: &[&RecipeConfig]) -> Result<Counting, Failure> {
    Ok(match &config.kind {
        ProviderKind::Dotenv { path } => {
            Counting { provider: Arc::new(DotEnv::open(config.id.clone(), path)?), counters: Vec::new() }
        }
        ProviderKind::Vault(vault) => {
            let known = known(&config.id, catalog, recipes);
            Arc::new(Vault::open(config.id.clone(), with_authorities(vault)?, known)?).into()
        }
    })
}

/// The configuration of a server, with the authorities that the environment names where the file names none.
fn with_authorities(config: &VaultConfig) -> Result<VaultConfig, Failure> {
    let authorities = match &config.ca_file {
        Some(_) => None,
        None => Authorities::of_environment()?.map(|named| named.pem),
    };
    Ok(VaultConfig { authorities, ..config.clone() })
}

/// A backend, with what is made of its keys.
fn exchanging(behind: Counting, recipes: Vec<&RecipeConfig>) -> Result<Counting, Failure> {
    if recipes.is_empty() {
        return Ok(behind);
    }
    let recipes = recipes.into_iter().map(recipe).collect::<Result<_, _>>()?;
    let Counting { provider, mut counters } = behind;
    let exchange = Exchange::new(provider, recipes)?;
    counters.push((Server::Issuer, exchange.metrics().clone()));
    Ok(Counting { provider: Arc::new(exchange), counters })
}

/// What a backend is known to be asked for: what is called in it as the catalog has it, and keys that are exchanged.
fn known(id: &ProviderId, catalog: &Catalog, recipes: &[&RecipeConfig]) -> Vec<Reference> {
    let own = catalog.iter().filter(|(_, entry)| entry.provider == *id).map(|(_, entry)| &entry.reference);
    let exchanged: HashSet<_> = recipes.iter().map(|recipe| &recipe.name).collect();
    let own = own.filter(|reference| !exchanged.contains(reference));
    own.chain(recipes.iter().map(|recipe| &recipe.key)).cloned().collect()
}

fn recipe(config: &RecipeConfig) -> Result<Recipe, Failure> {
    Ok(Recipe {
        name: config.name.clone(),
        key: config.key.clone(),
        kind: config.kind.clone(),
        authorities: match &config.ca_file {
            Some(path) => Some(read_authorities(path)?),
            None => Authorities::of_environment()?.map(|named| named.pem),
        },
    })
}
