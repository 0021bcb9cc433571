//! `far.toml`: what the operator permits, and where secrets come from.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use far_core::broker::Repeats;
use far_core::capability::{Catalog, CatalogEntry, Destination};
use far_core::provider::Reference;
use far_core::{AgentId, ProviderId, SecretName};
use far_runtime::Wasi;
use ipnet::IpNet;

mod exchange;
mod kind;
mod life;
mod network;
mod providers;
mod secrets;

pub(crate) use self::exchange::RecipeConfig;
use self::providers::provider;
pub(crate) use self::providers::{ProviderConfig, ProviderKind};
use self::secrets::Around;
use super::reader::{Keys, Value};
use super::source::{Format, Source};
use super::terms;
use crate::messages::config::ConfigError;

const ROOT: Keys = Keys { known: &["agent", "runtime", "pal", "egress", "providers", "tools", "secrets"], later: &[] };
const AGENT: Keys = Keys { known: &["id", "swap", "state"], later: &[] };
const RUNTIME: Keys = Keys { known: &["wasi"], later: &[] };
const PAL: Keys = Keys { known: &["repeats"], later: &[] };
const EGRESS: Keys = Keys { known: &["destinations", "networks", "ca-file", "hosts"], later: &[] };
/// The operator's configuration.
#[derive(Debug)]
pub(crate) struct FarToml {
    /// What the agent is called, if the file says.
    pub(crate) agent_id: Option<AgentId>,
    /// Whether it runs where there is swap.
    pub(crate) swap_allowed: bool,
    /// The folder of what the next run must know, if the file says.
    pub(crate) state: Option<PathBuf>,
    /// What components may import of WASI.
    pub(crate) wasi: Wasi,
    /// How handles that a task gets again are recorded.
    pub(crate) repeats: Repeats,
    /// Which requests may leave, and how.
    pub(crate) egress: EgressConfig,
    /// The backends, each name once, in the order of the file.
    pub(crate) providers: Vec<ProviderConfig>,
    /// What is made of keys that backends have.
    pub(crate) recipes: Vec<RecipeConfig>,
    /// What may be used; every provider in it is one of `providers`.
    pub(crate) catalog: Catalog,
}

/// Which requests may leave, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EgressConfig {
    /// Where requests without a secret may go, if their task was granted that too.
    pub(crate) destinations: Vec<Destination>,
    /// Networks besides the public ones in which servers may be.
    pub(crate) networks: Vec<IpNet>,
    /// Where hosts are, without a look-up.
    pub(crate) hosts: Vec<(String, SocketAddr)>,
    /// The authorities that servers' certificates are of, if not the platform's: a file of PEM.
    pub(crate) ca_file: Option<PathBuf>,
}

impl FarToml {
    /// Reads the operator's file.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], by fault of whoever wrote the file, set its rights or named it.
    ///
    /// # Security
    ///
    /// A file that anybody but root and the effective user can write is refused.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        Self::of(&Source::read_trusted(path, Format::Toml)?)
    }

    /// What who runs skills by hand has: one backend, and a catalog of what may be granted.
    pub(crate) fn local(provider: ProviderConfig, catalog: Catalog) -> Self {
        Self {
            agent_id: None,
            swap_allowed: false,
            state: None,
            wasi: Wasi::default(),
            repeats: Repeats::default(),
            egress: EgressConfig::default(),
            providers: vec![provider],
            recipes: Vec::new(),
            catalog,
        }
    }

    /// What a secret is called in its backend; of what is made of a key, what that is called.
    pub(crate) fn called<'a>(&'a self, entry: &'a CatalogEntry) -> &'a Reference {
        let recipe = self.recipes.iter().find(|recipe| recipe.name == entry.reference);
        recipe.map_or(&entry.reference, |recipe| &recipe.key)
    }

    pub(super) fn of(source: &Source) -> Result<Self, ConfigError> {
        let mut root = Value::root(source)?.table_of(&ROOT)?;
        let agent = root.take("agent").map(|value| agent(value, source.folder())).transpose()?.unwrap_or_default();
        let Agent { id: agent_id, swap_allowed, state } = agent;
        let wasi = root.take("runtime").map(wasi).transpose()?.unwrap_or_default();
        let repeats = root.take("pal").map(repeats).transpose()?.unwrap_or_default();
        let egress = root.take("egress").map(|value| egress(value, source.folder())).transpose()?.unwrap_or_default();
        let mut providers = Vec::new();
        if let Some(table) = root.take("providers") {
            for (name, value) in table.table()?.names() {
                let id = name.read(ProviderId::parse)?;
                providers.push(ProviderConfig { id, kind: provider(value, source.folder())? });
            }
        }
        let tools = root.take("tools").map(secrets::tools).transpose()?.unwrap_or_default();
        let (mut catalog, mut recipes) = (Catalog::new(), Vec::new());
        if let Some(table) = root.take("secrets") {
            let around = Around { providers: &providers, tools: &tools, folder: source.folder() };
            for (name, value) in table.table()?.names() {
                let secret = name.read(SecretName::parse)?;
                let (entry, recipe) = secrets::entry(&secret, value, &around)?;
                recipes.extend(recipe);
                catalog.insert(secret, entry).map_err(|error| name.invalid(error, None))?;
            }
        }
        Ok(Self { agent_id, swap_allowed, state, wasi, repeats, egress, providers, recipes, catalog })
    }
}

/// What is said of the agent itself.
#[derive(Default)]
struct Agent {
    id: Option<AgentId>,
    swap_allowed: bool,
    state: Option<PathBuf>,
}

fn agent(agent: Value<'_>, folder: &Path) -> Result<Agent, ConfigError> {
    let mut agent = agent.table_of(&AGENT)?;
    Ok(Agent {
        id: agent.take("id").map(|id| id.read(AgentId::parse)).transpose()?,
        swap_allowed: agent.take("swap").map(|value| swap(&value)).transpose()?.unwrap_or_default(),
        state: agent.take("state").map(|value| terms::text(&value)).transpose()?.map(|path| folder.join(path)),
    })
}

fn swap(value: &Value<'_>) -> Result<bool, ConfigError> {
    match &*terms::text(value)? {
        "allowed" => Ok(true),
        "refused" => Ok(false),
        _ => Err(value.invalid("not a way to deal with swap", Some("it is \"refused\" or \"allowed\"".to_owned()))),
    }
}

fn wasi(runtime: Value<'_>) -> Result<Wasi, ConfigError> {
    let Some(wasi) = runtime.table_of(&RUNTIME)?.take("wasi") else { return Ok(Wasi::default()) };
    match &*terms::text(&wasi)? {
        "inert" => Ok(Wasi::Inert),
        "strict" => Ok(Wasi::Strict),
        _ => Err(wasi.invalid("not a way to link WASI", Some("it is \"inert\" or \"strict\"".to_owned()))),
    }
}

fn repeats(pal: Value<'_>) -> Result<Repeats, ConfigError> {
    let Some(repeats) = pal.table_of(&PAL)?.take("repeats") else { return Ok(Repeats::default()) };
    match &*terms::text(&repeats)? {
        "each" => Ok(Repeats::Each),
        "counted" => Ok(Repeats::Counted),
        _ => Err(repeats.invalid("not a way to record repeats", Some("it is \"each\" or \"counted\"".to_owned()))),
    }
}

fn egress(value: Value<'_>, folder: &Path) -> Result<EgressConfig, ConfigError> {
    let mut table = value.table_of(&EGRESS)?;
    let mut networks = HashSet::new();
    let network = |value: Value<'_>| {
        let network = value.read(network::network)?;
        if networks.insert(network) { Ok(network) } else { Err(value.invalid("is there twice", None)) }
    };
    let mut hosts = Vec::new();
    if let Some(table) = table.take("hosts") {
        for (name, value) in table.table()?.names() {
            hosts.push((name.read(network::host)?, value.read(network::address)?));
        }
    }
    Ok(EgressConfig {
        hosts,
        destinations: table.take("destinations").map(terms::destinations).transpose()?.unwrap_or_default(),
        networks: table.take("networks").map(|value| value.list(network)).transpose()?.unwrap_or_default(),
        ca_file: table.take("ca-file").map(|value| terms::text(&value)).transpose()?.map(|path| folder.join(path)),
    })
}

#[cfg(test)]
mod tests;
