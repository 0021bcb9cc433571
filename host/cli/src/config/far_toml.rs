//! `far.toml`, the operator's configuration: providers, permitted secrets and egress.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use far_core::broker::RepeatRecording;
use far_core::capability::{Catalog, CatalogEntry, Destination};
use far_core::provider::Reference;
use far_core::{AgentId, ProviderId, SecretName};
use far_runtime::Wasi;
use ipnet::IpNet;

mod exchange;
mod kind;
mod lifetime;
mod network;
mod providers;
mod secrets;

pub(crate) use self::exchange::RecipeConfig;
pub(crate) use self::kind::kinds;
use self::providers::provider;
pub(crate) use self::providers::{ProviderConfig, ProviderKind};
use self::secrets::SecretContext;
use super::key::{Form, Key, Keys, NONE};
use super::reader::Value;
use super::source::{Format, Source};
use super::terms;
use crate::messages::config::ConfigError;

const ROOT: Keys = Keys::new(&[
    Key::new("agent", Form::Table, NONE, "The agent: the process that runs skills."),
    Key::new("runtime", Form::Table, NONE, "The runtime of skills."),
    Key::new("pal", Form::Table, NONE, "The Process Activity Log."),
    Key::new(
        "egress",
        Form::Table,
        NONE,
        "Requests of skills; without the table, only requests with a secret may leave.",
    ),
    Key::new("providers", Form::Tables, NONE, "The backends."),
    Key::new("tools", Form::Tables, NONE, "Sets of skills that share values."),
    Key::new("secrets", Form::Tables, NONE, "The permitted secrets."),
]);
const AGENT: Keys = Keys::new(&[
    Key::new("id", Form::Text("a name"), "`local`", "The name of the agent in events."),
    Key::new(
        "swap",
        Form::OneOf(&["refused", "allowed"]),
        "`\"refused\"`",
        "`allowed` lets `far` run on a machine with swap, which can write values to a disk.",
    ),
    Key::new(
        "state",
        Form::Text("a directory"),
        "`$XDG_STATE_HOME/far`, or `~/.local/state/far`",
        "The directory of control sockets and lease journals.",
    ),
]);
const RUNTIME: Keys = Keys::new(&[Key::new(
    "wasi",
    Form::OneOf(&["inert", "strict"]),
    "`\"inert\"`",
    "`strict` refuses components that import files or sockets; `inert` gives them none.",
)]);
const PAL: Keys = Keys::new(&[Key::new(
    "repeats",
    Form::OneOf(&["each", "counted"]),
    "`\"each\"`",
    "`counted` records one event for further handles to a version; `each` records every handle.",
)]);
const EGRESS: Keys = Keys::new(&[
    Key::new(
        "destinations",
        Form::List("destinations"),
        NONE,
        "Destinations of requests without a secret; the task also needs a grant.",
    ),
    Key::new(
        "networks",
        Form::List("networks, such as `10.20.0.0/16`"),
        NONE,
        "Networks of servers, in addition to public addresses.",
    ),
    Key::new(
        "ca-file",
        Form::Text("a PEM file"),
        "the authorities of the platform",
        "The certificate authorities of servers.",
    ),
    Key::new(
        "hosts",
        Form::Table,
        NONE,
        "The address of each named host, such as `10.20.0.5:8443`, in place of a DNS lookup.",
    ),
]);

/// Every table, with its heading, in the order of the reference.
pub(crate) const TABLES: &[(&str, &Keys)] = &[
    ("The file", &ROOT),
    ("`[agent]`", &AGENT),
    ("`[runtime]`", &RUNTIME),
    ("`[pal]`", &PAL),
    ("`[egress]`", &EGRESS),
    ("`[providers.NAME]` with `type = \"dotenv\"`", &providers::DOTENV),
    ("`[providers.NAME]` with `type = \"vault\"`", &providers::VAULT),
    ("`auth` with `method = \"token\"`", &providers::TOKEN),
    ("`auth` with `method = \"approle\"`", &providers::APPROLE),
    ("`auth` with `method = \"kubernetes\"`", &providers::KUBERNETES),
    ("`auth` with `method = \"jwt\"`", &providers::JWT),
    ("`auth` with `method = \"cert\"`", &providers::CERT),
    ("`[tools.NAME]`", &secrets::TOOL),
    ("`[secrets.NAME]`", &secrets::SECRET),
    ("`rotate`", &lifetime::ROTATE),
    ("`signing`", &terms::SIGNING),
    ("`signing.jwt`", &terms::JWT),
    ("`github-app`", &exchange::GITHUB_APP),
    ("`oauth2`", &exchange::OAUTH2),
];

/// The operator's configuration.
#[derive(Debug)]
pub(crate) struct FarToml {
    /// The id of the agent, if set.
    pub(crate) agent_id: Option<AgentId>,
    /// True if far may run on a machine with swap.
    pub(crate) swap_allowed: bool,
    /// The state folder, if set.
    pub(crate) state: Option<PathBuf>,
    /// The WASI mode.
    pub(crate) wasi: Wasi,
    /// The recording mode of repeated handles.
    pub(crate) repeats: RepeatRecording,
    /// The egress rules.
    pub(crate) egress: EgressConfig,
    /// The backends in the order of the file. Names are unique.
    pub(crate) providers: Vec<ProviderConfig>,
    /// The key exchanges.
    pub(crate) recipes: Vec<RecipeConfig>,
    /// The permitted secrets. Each provider is one of `providers`.
    pub(crate) catalog: Catalog,
}

/// The egress rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EgressConfig {
    /// Destinations of requests without a secret. The task also needs a grant for them.
    pub(crate) destinations: Vec<Destination>,
    /// Networks of servers, in addition to public addresses.
    pub(crate) networks: Vec<IpNet>,
    /// Static addresses of hosts, used without DNS.
    pub(crate) hosts: Vec<(String, SocketAddr)>,
    /// The PEM file of certificate authorities; default: the platform's.
    pub(crate) ca_file: Option<PathBuf>,
}

impl FarToml {
    /// Reads the operator's file.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the operator wrote an invalid file, or its path or permissions are wrong.
    ///
    /// # Security
    ///
    /// A file that other users can write is refused. Root and the effective user are trusted.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        Self::of(&Source::read_trusted(path, Format::Toml)?)
    }

    /// Returns the configuration of a run without a file: one backend and a catalog.
    pub(crate) fn local(provider: ProviderConfig, catalog: Catalog) -> Self {
        Self {
            agent_id: None,
            swap_allowed: false,
            state: None,
            wasi: Wasi::default(),
            repeats: RepeatRecording::default(),
            egress: EgressConfig::default(),
            providers: vec![provider],
            recipes: Vec::new(),
            catalog,
        }
    }

    /// Returns the reference of a secret in its backend. For an exchanged key, the reference of the
    /// key.
    pub(crate) fn backend_reference<'a>(&'a self, entry: &'a CatalogEntry) -> &'a Reference {
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
            let context = SecretContext { providers: &providers, tools: &tools, folder: source.folder() };
            for (name, value) in table.table()?.names() {
                let secret = name.read(SecretName::parse)?;
                let (entry, recipe) = secrets::entry(&secret, value, &context)?;
                recipes.extend(recipe);
                catalog.insert(secret, entry).map_err(|error| name.invalid(error, None))?;
            }
        }
        Ok(Self { agent_id, swap_allowed, state, wasi, repeats, egress, providers, recipes, catalog })
    }
}

/// The `[agent]` table.
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
        _ => Err(value.invalid("invalid value", Some("use \"refused\" or \"allowed\"".to_owned()))),
    }
}

fn wasi(runtime: Value<'_>) -> Result<Wasi, ConfigError> {
    let Some(wasi) = runtime.table_of(&RUNTIME)?.take("wasi") else { return Ok(Wasi::default()) };
    match &*terms::text(&wasi)? {
        "inert" => Ok(Wasi::Inert),
        "strict" => Ok(Wasi::Strict),
        _ => Err(wasi.invalid("invalid value", Some("use \"inert\" or \"strict\"".to_owned()))),
    }
}

fn repeats(pal: Value<'_>) -> Result<RepeatRecording, ConfigError> {
    let Some(repeats) = pal.table_of(&PAL)?.take("repeats") else { return Ok(RepeatRecording::default()) };
    match &*terms::text(&repeats)? {
        "each" => Ok(RepeatRecording::Each),
        "counted" => Ok(RepeatRecording::Counted),
        _ => Err(repeats.invalid("invalid value", Some("use \"each\" or \"counted\"".to_owned()))),
    }
}

fn egress(value: Value<'_>, folder: &Path) -> Result<EgressConfig, ConfigError> {
    let mut table = value.table_of(&EGRESS)?;
    let mut networks = HashSet::new();
    let network = |value: Value<'_>| {
        let network = value.read(network::network)?;
        if networks.insert(network) { Ok(network) } else { Err(value.invalid("duplicate network", None)) }
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
