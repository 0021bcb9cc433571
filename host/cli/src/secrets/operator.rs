//! What a command needs to have something done with a secret.

use std::sync::Arc;

use far_core::broker::{Broker, BrokerSettings};
use far_core::capability::CatalogEntry;
use far_core::provider::SecretProvider;
use far_core::{AgentId, SecretName};

use super::args::ChangeArgs;
use crate::config::{FarToml, nearest};
use crate::control::{Place, Processes};
use crate::local;
use crate::messages::failure::Failure;
use crate::output::printer::Printer;
use crate::pal::Events;
use crate::protection;
use crate::providers;
use crate::state;

/// One secret of a catalog, with all who have a part in it.
pub(super) struct Operator<'a> {
    pub(super) agent_id: AgentId,
    pub(super) name: SecretName,
    pub(super) entry: CatalogEntry,
    /// What it is called in its backend.
    pub(super) called: String,
    pub(super) broker: Arc<Broker>,
    pub(super) processes: Processes,
    pub(super) events: Events<'a>,
}

impl<'a> Operator<'a> {
    /// Opens all of it; nobody is asked for anything.
    pub(super) fn open(args: &ChangeArgs, printer: &'a Printer) -> Result<Self, Failure> {
        let config = FarToml::read(&args.config)?;
        let (name, entry) = listed(&config, &args.name)?;
        protection::refuse_swap(args.allow_swap || config.swap_allowed)?;
        let agent_id = agent_id(&config)?;
        let processes = processes(&config, &agent_id)?;
        let providers = providers(&config)?;
        let called = config.called(&entry).as_str().to_owned();
        // Last: from here on, an audit file is to be closed.
        let events = Events::open(args.pal.as_deref(), args.audit.as_deref(), None, printer)?;
        let broker = Broker::new(providers, events.pal.clone(), BrokerSettings::default())?;
        Ok(Self { agent_id, name, entry, called, broker, processes, events })
    }
}

pub(super) fn agent_id(config: &FarToml) -> Result<AgentId, Failure> {
    config.agent_id.clone().map_or_else(local::agent_id, Ok)
}

/// The processes of the configuration's agent.
pub(super) fn processes(config: &FarToml, agent_id: &AgentId) -> Result<Processes, Failure> {
    let place = Place::of(state::folder(config), agent_id);
    Ok(place.and_then(|place| Processes::of(&place))?)
}

/// The backends. Nothing is made by them for anybody.
pub(super) fn providers(config: &FarToml) -> Result<Vec<Arc<dyn SecretProvider>>, Failure> {
    config.providers.iter().map(|provider| providers::open(provider, &config.catalog, &config.recipes)).collect()
}

/// The catalog's entry of a name, which may be any text.
fn listed(config: &FarToml, name: &str) -> Result<(SecretName, CatalogEntry), Failure> {
    let found = SecretName::parse(name).ok().and_then(|name| Some((config.catalog.get(&name)?.clone(), name)));
    found.map(|(entry, name)| (name, entry)).ok_or_else(|| {
        let near = nearest(name, config.catalog.iter().map(|(name, _)| name.as_str())).map(str::to_owned);
        Failure::Unlisted { name: name.to_owned(), near }
    })
}
