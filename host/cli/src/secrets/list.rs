//! `far secrets list`.

use std::path::Path;

use far_core::broker::{Broker, BrokerSettings, probe};
use far_core::capability::{Catalog, CatalogEntry, Grant};
use far_core::pal::Pal;
use far_core::provider::{Description, ProviderError};
use far_core::{AgentId, SecretName};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::args::ListArgs;
use super::operator;
use crate::config::FarToml;
use crate::control::{CachedValue, ProcessReply};
use crate::duration::{about, milliseconds};
use crate::escape::escape;
use crate::exit;
use crate::local;
use crate::messages::explanation::Explanation;
use crate::messages::failure::Failure;
use crate::output::printer::{CommandOutput, Printer};
use crate::protection;
use crate::providers;
use crate::table::table;
use crate::terms::{lifetime_text, rotation};

/// The secrets of a catalog, and cached values of processes.
struct SecretList<'a> {
    /// The path of the configuration.
    path: Option<&'a Path>,
    agent_id: AgentId,
    /// Sorted by name.
    secrets: Vec<SecretStatus>,
    /// `None` without a configuration.
    processes: Option<Vec<ProcessReply<Vec<CachedValue>>>>,
}

struct SecretStatus {
    name: SecretName,
    entry: CatalogEntry,
    /// The reference in the backend. For an exchanged key, the reference of the key.
    reference: String,
    description: Result<Description, ProviderError>,
}

/// Queries every backend and process, and prints the results.
pub(super) async fn run(args: &ListArgs, printer: &Printer) -> Result<u8, Failure> {
    let config = args.config.as_deref().map(FarToml::read).transpose()?;
    protection::refuse_swap(args.allow_swap || config.as_ref().is_some_and(|config| config.swap_allowed))?;
    let path = args.config.as_deref();
    printer.output(&match config {
        Some(config) => SecretList::of(path, &config, true).await?,
        None => SecretList::of(path, &without_config(args.env_file.as_deref()).await?, false).await?,
    })
}

/// Returns the configuration of a run without `--config`: every secret of the `.env` file.
async fn without_config(env_file: Option<&Path>) -> Result<FarToml, Failure> {
    let provider = local::provider(env_file)?;
    let opened = providers::open(&provider, &Catalog::new(), &[])?;
    let unreached = |source| Failure::ProviderUnreachable { provider: provider.id.clone(), source };
    let references = probe(&*opened).await.map_err(unreached)?;
    let grants = references.iter().filter_map(|reference| format!("{}:sign", reference.as_str()).parse::<Grant>().ok());
    let catalog = Catalog::of_grants(&grants.collect::<Vec<_>>(), &provider.id)?;
    Ok(FarToml::local(provider, catalog))
}

impl<'a> SecretList<'a> {
    async fn of(path: Option<&'a Path>, config: &FarToml, shared: bool) -> Result<Self, Failure> {
        let agent_id = operator::agent_id(config)?;
        let providers = operator::providers(config)?;
        let broker = Broker::new(providers, Pal::builder().build(), BrokerSettings::default())?;
        let describe = |(name, entry): (&SecretName, &CatalogEntry)| {
            let (name, entry, reference) =
                (name.clone(), entry.clone(), config.backend_reference(entry).as_str().to_owned());
            let broker = &broker;
            async move { SecretStatus { description: broker.describe(&entry).await, name, entry, reference } }
        };
        let mut secrets = join_all(config.catalog.iter().map(describe)).await;
        secrets.sort_by(|one, other| one.name.cmp(&other.name));
        let processes = match shared {
            true => Some(operator::processes(config, &agent_id)?.list().await),
            false => None,
        };
        Ok(Self { path, agent_id, secrets, processes })
    }

    /// Returns the failures of backends and processes.
    fn failures(&self) -> Vec<Failure> {
        let mut failures = Vec::new();
        let mut unreached: Vec<_> = self.secrets.iter().filter_map(SecretStatus::unreached).collect();
        unreached.sort_by(|(one, _), (other, _)| one.cmp(other));
        unreached.dedup_by(|(one, _), (other, _)| one == other);
        failures
            .extend(unreached.into_iter().map(|(provider, source)| Failure::ProviderUnreachable { provider, source }));
        let failed = self.processes.iter().flatten().filter(|reply| reply.response.is_err()).count();
        failures.extend((failed > 0).then_some(Failure::ProcessesFailed { processes: failed }));
        failures
    }
}

impl CommandOutput for SecretList<'_> {
    fn code(&self) -> u8 {
        if self.failures().is_empty() { 0 } else { exit::UNAVAILABLE }
    }

    fn problems(&self) -> Vec<Explanation> {
        self.failures().iter().map(Explanation::of_failure).collect()
    }

    fn text(&self) -> String {
        let header = ["SECRET", "PROVIDER", "REFERENCE", "SCOPE", "TTL", "AGE", "LEFT", "VERSION"];
        let mut text = table(header, &self.secrets.iter().map(SecretStatus::row).collect::<Vec<_>>());
        let Some(processes) = &self.processes else { return text };
        text.push('\n');
        if processes.is_empty() {
            text.push_str(&format!("no running processes of agent '{}'\n", self.agent_id));
            return text;
        }
        let header = ["PROCESS", "SECRET", "PROVIDER", "SCOPE", "LEFT", "STATE", "VERSION"];
        text.push_str(&table(header, &processes.iter().flat_map(cached_rows).collect::<Vec<_>>()));
        text
    }

    fn object(&self) -> Value {
        let code = self.code();
        let process = |reply: &ProcessReply<Vec<CachedValue>>| match &reply.response {
            Ok(values) => json!({ "process": reply.process, "kept": values }),
            Err(error) => json!({ "process": reply.process, "error": error.kind() }),
        };
        json!({
            "command": "secrets list",
            "config": self.path.map(Path::to_string_lossy),
            "ok": code == 0,
            "exit_code": code,
            "agent_id": self.agent_id,
            "secrets": self.secrets.iter().map(SecretStatus::object).collect::<Vec<_>>(),
            "processes": self.processes.as_ref().map(|all| all.iter().map(process).collect::<Vec<_>>()),
            "problems": self.failures().iter().map(Explanation::of_failure).collect::<Vec<_>>(),
        })
    }
}

impl SecretStatus {
    /// Returns the backend and the error if the backend is unreachable.
    fn unreached(&self) -> Option<(far_core::ProviderId, ProviderError)> {
        let error = self.description.as_ref().err()?;
        let is_answer = matches!(error, ProviderError::Unsupported) || error.is_confirmed_absence();
        (!is_answer).then(|| (self.entry.provider.clone(), *error))
    }

    fn row(&self) -> [String; 8] {
        let description = self.description.as_ref().ok();
        let time = |time: Option<std::time::Duration>| time.map_or_else(|| "-".to_owned(), about);
        [
            self.name.to_string(),
            self.entry.provider.to_string(),
            escape(&self.reference),
            self.entry.scope.as_str().to_owned(),
            lifetime_text(&self.entry),
            time(description.and_then(|description| description.age)),
            time(description.and_then(|description| description.ttl)),
            self.version(),
        ]
    }

    fn version(&self) -> String {
        match &self.description {
            Ok(Description { leased: true, .. }) => "dynamic secret".to_owned(),
            Ok(Description { version: Some(version), .. }) => escape(&version.to_string()),
            Ok(_) => "none until first use".to_owned(),
            Err(ProviderError::Unsupported) => "unknown: the backend has no metadata".to_owned(),
            Err(ProviderError::NotFound) => "none: not found in the backend".to_owned(),
            Err(error) => format!("unknown: {error}"),
        }
    }

    fn object(&self) -> Value {
        let description = self.description.as_ref().ok();
        json!({
            "name": self.name,
            "provider": self.entry.provider,
            "reference": self.reference,
            "scope": self.entry.scope.as_str(),
            "state": self.description.as_ref().err().map_or("known", ProviderError::kind),
            "version": description.and_then(|description| description.version.as_ref()),
            "leased": description.map(|description| description.leased),
            "age_ms": description.and_then(|description| description.age).map(milliseconds),
            "left_ms": description.and_then(|description| description.ttl).map(milliseconds),
            "ttl_ms": milliseconds(self.entry.ttl),
            "stale_ms": milliseconds(self.entry.stale),
            "rotate": rotation(&self.entry),
        })
    }
}

/// Returns the rows of a process: its cached values, or its error.
fn cached_rows(reply: &ProcessReply<Vec<CachedValue>>) -> Vec<[String; 7]> {
    let nothing = |text: &str| {
        let none = || "-".to_owned();
        vec![[reply.process.to_string(), none(), none(), none(), none(), text.to_owned(), none()]]
    };
    match &reply.response {
        Ok(values) if values.is_empty() => nothing("no cached secrets"),
        Ok(values) => values.iter().map(|value| cached_row(reply.process, value)).collect(),
        Err(error) => nothing(&error.to_string()),
    }
}

fn cached_row(process: u32, value: &CachedValue) -> [String; 7] {
    let state = match value {
        CachedValue { replaced: true, .. } => "previous version",
        CachedValue { leased: true, .. } => "dynamic",
        CachedValue { stale: true, .. } => "stale",
        _ => "cached",
    };
    [
        process.to_string(),
        value.name.to_string(),
        escape(&value.provider),
        escape(&value.scope),
        about(value.expires_in()),
        state.to_owned(),
        escape(&value.version),
    ]
}
