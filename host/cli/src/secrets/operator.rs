//! The context of commands that change a secret.

use std::sync::Arc;

use far_core::broker::{Broker, BrokerSettings};
use far_core::capability::CatalogEntry;
use far_core::provider::SecretProvider;
use far_core::{AgentId, SecretName};

use super::args::ChangeArgs;
use crate::config::{FarToml, nearest};
use crate::control::{ControlDir, Processes};
use crate::local;
use crate::messages::failure::Failure;
use crate::output::printer::Printer;
use crate::pal::Events;
use crate::protection;
use crate::providers;
use crate::state;

/// A secret of a catalog, with its broker, processes and events.
pub(super) struct Operator<'a> {
    pub(super) agent_id: AgentId,
    pub(super) name: SecretName,
    pub(super) entry: CatalogEntry,
    /// The reference in the backend.
    pub(super) reference: String,
    pub(super) broker: Arc<Broker>,
    pub(super) processes: Processes,
    pub(super) events: Events<'a>,
}

impl<'a> Operator<'a> {
    /// Opens the context. Sends no request.
    pub(super) fn open(args: &ChangeArgs, printer: &'a Printer) -> Result<Self, Failure> {
        let config = FarToml::read(&args.config)?;
        let (name, entry) = find_secret(&config, &args.name)?;
        protection::refuse_swap(args.allow_swap || config.swap_allowed)?;
        let agent_id = agent_id(&config)?;
        let processes = processes(&config, &agent_id)?;
        let providers = providers(&config)?;
        let reference = config.backend_reference(&entry).as_str().to_owned();
        // Opened last: the audit file must be closed from here on.
        let events = Events::open(args.pal.as_deref(), args.audit.as_deref(), None, printer)?;
        let broker = Broker::new(providers, events.pal.clone(), BrokerSettings::default())?;
        Ok(Self { agent_id, name, entry, reference, broker, processes, events })
    }
}

pub(super) fn agent_id(config: &FarToml) -> Result<AgentId, Failure> {
    config.agent_id.clone().map_or_else(local::agent_id, Ok)
}

/// Returns the running processes of the configuration's agent.
pub(super) fn processes(config: &FarToml, agent_id: &AgentId) -> Result<Processes, Failure> {
    let dir = ControlDir::new(state::folder(config), agent_id);
    Ok(dir.and_then(|dir| Processes::of(&dir))?)
}

/// Opens the backends, without dynamic secrets.
pub(super) fn providers(config: &FarToml) -> Result<Vec<Arc<dyn SecretProvider>>, Failure> {
    config.providers.iter().map(|provider| providers::open(provider, &config.catalog, &config.recipes)).collect()
}

/// Finds the catalog entry of a name, which may be invalid.
fn find_secret(config: &FarToml, name: &str) -> Result<(SecretName, CatalogEntry), Failure> {
    let found = SecretName::parse(name).ok().and_then(|name| Some((config.catalog.get(&name)?.clone(), name)));
    found.map(|(entry, name)| (name, entry)).ok_or_else(|| {
        let near = nearest(name, config.catalog.iter().map(|(name, _)| name.as_str())).map(str::to_owned);
        Failure::UnknownSecret { name: name.to_owned(), near }
    })
}
