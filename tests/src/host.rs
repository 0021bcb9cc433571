//! A host with known secrets, whose backend counts its calls and whose events are recorded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use far_core::broker::BrokerSettings;
use far_core::capability::{Catalog, CatalogEntry, Operation, Terms};
use far_core::pal::{EventKind, MemorySink, Pal, PalBuilder, Record, SubscriptionItem};
use far_core::provider::{Reference, SecretProvider};
use far_core::{ProviderId, SecretName, Version};
use far_providers::MemoryProvider;
use far_runtime::{ArtifactCache, Egress, End, Report, Runtime, Skill, Task};
use serde_json::Value;
use tokio::task::JoinHandle;

/// Names and values of secrets.
pub type Secrets = &'static [(&'static str, &'static str)];

/// The secrets that the backend has and the operator permits by default.
pub const SECRETS: Secrets =
    &[("alpha", "alpha-canary-7f3a91"), ("beta", "beta-canary-c05e22"), ("gamma", "gamma-canary-1d88b4")];

/// A host for tests.
pub struct TestHost {
    /// The runtime.
    pub runtime: Arc<Runtime>,
    /// The backend, named `memory`.
    pub provider: Arc<MemoryProvider>,
    /// The recorded events.
    pub events: Arc<MemorySink>,
    /// The secrets. [`TestHost::assert_no_value`] searches all output for their values.
    secrets: Secrets,
    skills: Mutex<HashMap<String, Arc<Skill>>>,
}

/// The parts of a test host.
pub struct Parts {
    /// The secrets that the backend has and the operator permits.
    pub secrets: Secrets,
    /// The PAL. A sink in memory is added to it.
    pub pal: PalBuilder,
    /// Changes each entry of the catalog.
    pub entry: Box<dyn Fn(&mut CatalogEntry) + Send>,
    /// The settings of the broker.
    pub broker: BrokerSettings,
    /// The settings for outgoing requests.
    pub egress: Egress,
    /// The maximum of concurrent tasks.
    pub max_tasks: u32,
    /// The cache of compiled components.
    pub artifacts: Option<ArtifactCache>,
    /// Wraps the backend.
    pub provider: fn(Arc<MemoryProvider>) -> Arc<dyn SecretProvider>,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            secrets: SECRETS,
            pal: Pal::builder(),
            entry: Box::new(|_| {}),
            broker: BrokerSettings::default(),
            egress: Egress::new(),
            max_tasks: 8,
            artifacts: None,
            provider: |provider| provider,
        }
    }
}

impl Default for TestHost {
    fn default() -> Self {
        Self::new()
    }
}

impl TestHost {
    /// Creates a host with the default secrets that records in memory only.
    pub fn new() -> Self {
        Self::of(Parts::default())
    }

    /// Creates a host with these secrets and these sinks.
    pub fn with(secrets: Secrets, pal: PalBuilder) -> Self {
        Self::of(Parts { secrets, pal, ..Parts::default() })
    }

    /// Creates a host from parts.
    pub fn of(parts: Parts) -> Self {
        let secrets = parts.secrets;
        let events = MemorySink::new();
        let pal = parts.pal.sink(events.clone()).build();
        let id = ProviderId::parse("memory").unwrap();
        let provider = Arc::new(MemoryProvider::new(id.clone()));
        let mut catalog = Catalog::new();
        for (name, value) in secrets {
            let (name, version) = (SecretName::parse(name).unwrap(), Version::parse("1").unwrap());
            provider.set(&Reference::named(&name), &version, value.as_bytes()).unwrap();
            let operations = [Operation::Sign, Operation::Reveal, Operation::Refresh].into_iter().collect();
            let mut entry =
                CatalogEntry::new(id.clone(), Reference::named(&name), Terms::new(operations, Vec::new()).unwrap());
            (parts.entry)(&mut entry);
            catalog.insert(name, entry).unwrap();
        }
        let mut runtime = Runtime::builder("test-agent".parse().unwrap(), pal)
            .provider((parts.provider)(provider.clone()))
            .catalog(catalog)
            .broker(parts.broker)
            .egress(parts.egress)
            .max_tasks(parts.max_tasks);
        if let Some(artifacts) = parts.artifacts {
            runtime = runtime.artifacts(artifacts);
        }
        let runtime = runtime.build().unwrap();
        Self { runtime, provider, events, secrets, skills: Mutex::default() }
    }

    /// Loads a built component, once.
    pub async fn load(&self, path: &str) -> Arc<Skill> {
        if let Some(skill) = self.skills.lock().unwrap().get(path) {
            return skill.clone();
        }
        let skill = self.runtime.load(std::fs::read(path).unwrap()).await.unwrap();
        self.skills.lock().unwrap().insert(path.to_owned(), skill.clone());
        skill
    }

    /// Creates a task for a component with these grants and this input.
    pub async fn task(&self, path: &str, grants: &[&str], input: &Value) -> Task {
        let task = Task::new(&self.load(path).await).with_input(input.to_string());
        grants.iter().fold(task, |task, grant| task.with_grant(grant.parse().unwrap()))
    }

    /// Runs a component to its end and asserts that no output has a value.
    pub async fn run(&self, path: &str, grants: &[&str], input: &Value) -> Report {
        let task = self.task(path, grants, input).await;
        let report = self.runtime.run(task).await;
        self.assert_no_value(&report);
        report
    }

    /// Runs a probe's steps.
    pub async fn probe(&self, path: &str, grants: &[&str], steps: Value) -> Report {
        self.run(path, grants, &serde_json::json!({ "steps": steps })).await
    }

    /// Spawns a task and returns once an event of this kind is recorded.
    pub async fn spawn_until(&self, task: Task, kind: EventKind) -> JoinHandle<Report> {
        let mut events = self.runtime.pal().subscribe();
        let runtime = self.runtime.clone();
        let running = tokio::spawn(async move { runtime.run(task).await });
        while let Some(SubscriptionItem::Record(record)) = events.next().await {
            if record.event.kind() == kind {
                break;
            }
        }
        running
    }

    /// Returns the kinds of the recorded events.
    pub fn kinds(&self) -> Vec<EventKind> {
        self.events.kinds()
    }

    /// Returns the last record of a kind.
    pub fn last(&self, kind: EventKind) -> Option<Arc<Record>> {
        self.events.records().into_iter().rev().find(|record| record.event.kind() == kind)
    }

    /// Asserts that neither the report nor the events contain a value.
    pub fn assert_no_value(&self, report: &Report) {
        let records = self.events.records();
        let events = serde_json::to_string(&records.iter().map(Arc::as_ref).collect::<Vec<_>>()).unwrap();
        let end = match &report.end {
            End::Completed(output) => String::from_utf8_lossy(output).into_owned(),
            other => format!("{other:?}"),
        };
        let log: String = report.log.iter().map(|entry| entry.text.as_str()).collect();
        for (_, value) in self.secrets {
            assert!(!log.contains(value), "a value in the task log");
            assert!(!events.contains(value), "a value in an event");
            assert!(!end.contains(value), "a value in the task's end");
        }
    }
}

/// Returns the results of a probe's steps.
pub fn results(report: &Report) -> Vec<Value> {
    match &report.end {
        End::Completed(output) => serde_json::from_slice(output).unwrap(),
        other => unreachable_end(other),
    }
}

#[expect(clippy::panic, reason = "reports the task's actual end")]
fn unreachable_end(end: &End) -> ! {
    panic!("the task did not complete: {end:?}")
}
