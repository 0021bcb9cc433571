//! `far secrets list`.

use std::path::Path;

use far_core::broker::{Broker, BrokerSettings, reach};
use far_core::capability::{Catalog, CatalogEntry, Grant};
use far_core::pal::Pal;
use far_core::provider::{Description, ProviderError};
use far_core::{AgentId, SecretName};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::args::ListArgs;
use super::operator;
use crate::config::FarToml;
use crate::control::{Asked, Kept};
use crate::duration::{about, milliseconds};
use crate::escape::escape;
use crate::exit;
use crate::local;
use crate::messages::explanation::Explanation;
use crate::messages::failure::Failure;
use crate::output::printer::{Answer, Printer};
use crate::protection;
use crate::providers;
use crate::table::table;
use crate::terms::{rotation, times};

/// Every secret of a catalog, and what processes keep.
struct List<'a> {
    /// The configuration's file.
    path: Option<&'a Path>,
    agent_id: AgentId,
    /// In the order of their names.
    secrets: Vec<Listed>,
    /// None where there is no catalog that processes could share.
    processes: Option<Vec<Asked<Vec<Kept>>>>,
}

struct Listed {
    name: SecretName,
    entry: CatalogEntry,
    /// What it is called in its backend; of what is made of a key, what that is called.
    called: String,
    said: Result<Description, ProviderError>,
}

/// Asks every backend and every process, and shows what they say.
pub(super) async fn run(args: &ListArgs, printer: &Printer) -> Result<u8, Failure> {
    let config = args.config.as_deref().map(FarToml::read).transpose()?;
    protection::refuse_swap(args.allow_swap || config.as_ref().is_some_and(|config| config.swap_allowed))?;
    let path = args.config.as_deref();
    printer.answer(&match config {
        Some(config) => List::of(path, &config, true).await?,
        None => List::of(path, &without_config(args.env_file.as_deref()).await?, false).await?,
    })
}

/// What `far run` takes without a configuration: all that is in the `.env`, as it is permitted to who grants it.
async fn without_config(env_file: Option<&Path>) -> Result<FarToml, Failure> {
    let provider = local::provider(env_file)?;
    let opened = providers::open(&provider, &Catalog::new(), &[])?;
    let unreached = |source| Failure::Unreached { provider: provider.id.clone(), source };
    let references = reach(&*opened).await.map_err(unreached)?;
    let grants = references.iter().filter_map(|reference| format!("{}:sign", reference.as_str()).parse::<Grant>().ok());
    let catalog = Catalog::of_grants(&grants.collect::<Vec<_>>(), &provider.id)?;
    Ok(FarToml::local(provider, catalog))
}

impl<'a> List<'a> {
    async fn of(path: Option<&'a Path>, config: &FarToml, shared: bool) -> Result<Self, Failure> {
        let agent_id = operator::agent_id(config)?;
        let providers = operator::providers(config)?;
        let broker = Broker::new(providers, Pal::builder().build(), BrokerSettings::default())?;
        let describe = |(name, entry): (&SecretName, &CatalogEntry)| {
            let (name, entry, called) = (name.clone(), entry.clone(), config.called(entry).as_str().to_owned());
            let broker = &broker;
            async move { Listed { said: broker.describe(&entry).await, name, entry, called } }
        };
        let mut secrets = join_all(config.catalog.iter().map(describe)).await;
        secrets.sort_by(|one, other| one.name.cmp(&other.name));
        let processes = match shared {
            true => Some(operator::processes(config, &agent_id)?.kept().await),
            false => None,
        };
        Ok(Self { path, agent_id, secrets, processes })
    }

    /// Backends and processes that gave no answer.
    fn failures(&self) -> Vec<Failure> {
        let mut failures = Vec::new();
        let mut unreached: Vec<_> = self.secrets.iter().filter_map(Listed::unreached).collect();
        unreached.sort_by(|(one, _), (other, _)| one.cmp(other));
        unreached.dedup_by(|(one, _), (other, _)| one == other);
        failures.extend(unreached.into_iter().map(|(provider, source)| Failure::Unreached { provider, source }));
        let silent = self.processes.iter().flatten().filter(|asked| asked.answer.is_err()).count();
        failures.extend((silent > 0).then_some(Failure::Undone { processes: silent }));
        failures
    }
}

impl Answer for List<'_> {
    fn code(&self) -> u8 {
        if self.failures().is_empty() { 0 } else { exit::UNAVAILABLE }
    }

    fn problems(&self) -> Vec<Explanation> {
        self.failures().iter().map(Explanation::of_failure).collect()
    }

    fn text(&self) -> String {
        let header = ["SECRET", "PROVIDER", "REFERENCE", "SCOPE", "TTL", "AGE", "LEFT", "VERSION"];
        let mut text = table(header, &self.secrets.iter().map(Listed::row).collect::<Vec<_>>());
        let Some(processes) = &self.processes else { return text };
        text.push('\n');
        if processes.is_empty() {
            text.push_str(&format!("no process of the agent '{}' runs that could be asked\n", self.agent_id));
            return text;
        }
        let header = ["PROCESS", "SECRET", "PROVIDER", "SCOPE", "LEFT", "STATE", "VERSION"];
        text.push_str(&table(header, &processes.iter().flat_map(kept_rows).collect::<Vec<_>>()));
        text
    }

    fn object(&self) -> Value {
        let code = self.code();
        let process = |asked: &Asked<Vec<Kept>>| match &asked.answer {
            Ok(kept) => json!({ "process": asked.process, "kept": kept }),
            Err(silent) => json!({ "process": asked.process, "error": silent.kind() }),
        };
        json!({
            "command": "secrets list",
            "config": self.path.map(Path::to_string_lossy),
            "ok": code == 0,
            "exit_code": code,
            "agent_id": self.agent_id,
            "secrets": self.secrets.iter().map(Listed::object).collect::<Vec<_>>(),
            "processes": self.processes.as_ref().map(|all| all.iter().map(process).collect::<Vec<_>>()),
            "problems": self.failures().iter().map(Explanation::of_failure).collect::<Vec<_>>(),
        })
    }
}

impl Listed {
    /// Of which backend nothing is known, and why.
    fn unreached(&self) -> Option<(far_core::ProviderId, ProviderError)> {
        let error = self.said.as_ref().err()?;
        let is_answer = matches!(error, ProviderError::Unsupported) || error.is_confirmed_absence();
        (!is_answer).then(|| (self.entry.provider.clone(), *error))
    }

    fn row(&self) -> [String; 8] {
        let said = self.said.as_ref().ok();
        let time = |time: Option<std::time::Duration>| time.map_or_else(|| "-".to_owned(), about);
        [
            self.name.to_string(),
            self.entry.provider.to_string(),
            escape(&self.called),
            self.entry.scope.as_str().to_owned(),
            times(&self.entry),
            time(said.and_then(|said| said.age)),
            time(said.and_then(|said| said.ttl)),
            self.version(),
        ]
    }

    fn version(&self) -> String {
        match &self.said {
            Ok(Description { leased: true, .. }) => "made for who asks".to_owned(),
            Ok(Description { version: Some(version), .. }) => escape(&version.to_string()),
            Ok(_) => "none before somebody asks".to_owned(),
            Err(ProviderError::Unsupported) => "unknown: the backend says nothing without the value".to_owned(),
            Err(ProviderError::NotFound) => "none: the backend has no such secret".to_owned(),
            Err(error) => format!("unknown: {error}"),
        }
    }

    fn object(&self) -> Value {
        let said = self.said.as_ref().ok();
        json!({
            "name": self.name,
            "provider": self.entry.provider,
            "reference": self.called,
            "scope": self.entry.scope.as_str(),
            "state": self.said.as_ref().err().map_or("known", ProviderError::kind),
            "version": said.and_then(|said| said.version.as_ref()),
            "leased": said.map(|said| said.leased),
            "age_ms": said.and_then(|said| said.age).map(milliseconds),
            "left_ms": said.and_then(|said| said.ttl).map(milliseconds),
            "ttl_ms": milliseconds(self.entry.ttl),
            "stale_ms": milliseconds(self.entry.stale),
            "rotate": rotation(&self.entry),
        })
    }
}

/// What a process keeps, or why that is not known.
fn kept_rows(asked: &Asked<Vec<Kept>>) -> Vec<[String; 7]> {
    let nothing = |why: &str| {
        let none = || "-".to_owned();
        vec![[asked.process.to_string(), none(), none(), none(), none(), why.to_owned(), none()]]
    };
    match &asked.answer {
        Ok(kept) if kept.is_empty() => nothing("keeps nothing"),
        Ok(kept) => kept.iter().map(|kept| kept_row(asked.process, kept)).collect(),
        Err(silent) => nothing(&silent.to_string()),
    }
}

fn kept_row(process: u32, kept: &Kept) -> [String; 7] {
    let state = match kept {
        Kept { replaced: true, .. } => "replaced",
        Kept { leased: true, .. } => "made for it",
        Kept { stale: true, .. } => "stale",
        _ => "kept",
    };
    [
        process.to_string(),
        kept.name.to_string(),
        escape(&kept.provider),
        escape(&kept.scope),
        about(kept.expires_in()),
        state.to_owned(),
        escape(&kept.version),
    ]
}
