//! The host of all checks: one for the whole process, so that each check follows all earlier ones.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use far_core::SecretName;
use far_core::broker::BrokerSettings;
use far_core::capability::{Catalog, CatalogEntry, Operation, Rotation, Terms};
use far_core::pal::{EventKind, Pal, Subscription, SubscriptionItem};
use far_core::provider::{Reference, SecretProvider};
use far_needle::Needle;
use far_providers::DotEnv;
use far_runtime::{Limits, Report, Runtime, Skill, Task};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::backend::{Backend, ResponseMode};
use crate::dotenv_file::DotEnvFile;
use crate::sink::Gate;

/// A host with two backends and a controllable sink.
pub(crate) struct Host {
    pub(crate) runtime: Arc<Runtime>,
    skill: Arc<Skill>,
    /// The backend of `alpha`.
    pub(crate) backend: Arc<Backend>,
    /// The backend of `beta`.
    dotenv: Arc<DotEnv>,
    pub(crate) env_file: DotEnvFile,
    pub(crate) sink: Arc<Gate>,
}

/// A running task and its events.
pub(crate) struct RunningTask {
    pub(crate) task: JoinHandle<Report>,
    events: Subscription,
}

/// The number of characters in a value.
pub(crate) const LENGTH: usize = 48;

/// Returns a new value that is not in memory in plain form.
pub(crate) fn secret() -> Arc<Needle> {
    Arc::new(Needle::random(LENGTH).unwrap())
}

impl Host {
    pub(crate) async fn new(component: &Path, folder: &Path) -> Self {
        let env_file = DotEnvFile::create(folder);
        let backend = Arc::new(Backend::new("backend".parse().unwrap()));
        let dotenv = Arc::new(DotEnv::open("dotenv".parse().unwrap(), env_file.path()).unwrap());
        let sink = Arc::new(Gate::default());
        let pal = Pal::builder().required_sink(sink.clone(), Duration::from_secs(10)).build();
        let mut catalog = Catalog::new();
        for (name, provider) in [("alpha", backend.id()), ("beta", dotenv.id())] {
            let name: SecretName = name.parse().unwrap();
            let operations = [Operation::Sign, Operation::Reveal, Operation::Refresh].into_iter().collect();
            let entry = CatalogEntry::new(
                provider.clone(),
                Reference::named(&name),
                Terms::new(operations, Vec::new()).unwrap(),
            )
            .with_stale(Duration::from_secs(1))
            .with_rotation(Rotation { every: Duration::from_secs(3600), overlap: Duration::from_secs(2) });
            catalog.insert(name, entry).unwrap();
        }
        let runtime = Runtime::builder("residue".parse().unwrap(), pal)
            .provider(backend.clone())
            .provider(dotenv.clone())
            .catalog(catalog)
            .broker(BrokerSettings { refresh_interval: Duration::ZERO, ..BrokerSettings::default() })
            .max_tasks(4)
            .build()
            .unwrap();
        let skill = runtime.load(std::fs::read(component).unwrap()).await.unwrap();
        Self { runtime, skill, backend, dotenv, env_file, sink }
    }

    /// Sets a new value for `alpha`.
    pub(crate) fn alpha(&self, mode: ResponseMode) -> Arc<Needle> {
        let secret = secret();
        self.backend.set(secret.value(), None, mode);
        secret
    }

    /// Clears the `.env` and makes its backend read it again.
    #[expect(clippy::disallowed_methods, reason = "a call through the broker would leave a value")]
    pub(crate) async fn forget_dotenv(&self) {
        self.env_file.clear();
        self.dotenv.list_secrets().await.unwrap();
    }

    /// Starts a task with these steps.
    pub(crate) fn start(&self, steps: &Value, timeout: Duration) -> RunningTask {
        let grants = ["alpha:sign,reveal,refresh", "beta:reveal"];
        let task = Task::new(&self.skill).with_input(json!({ "steps": steps }).to_string());
        let task = grants.into_iter().fold(task, |task, grant| task.with_grant(grant.parse().unwrap()));
        let task = task.with_limits(Limits { timeout, ..Limits::default() });
        RunningTask::start(&self.runtime, task)
    }

    /// Runs such a task and returns its report and the kinds of its events.
    pub(crate) async fn run(&self, steps: &Value, timeout: Duration) -> (Report, Vec<EventKind>) {
        let mut running = self.start(steps, timeout);
        let report = (&mut running.task).await.unwrap();
        (report, running.all_recorded().await)
    }
}

impl RunningTask {
    pub(crate) fn start(runtime: &Arc<Runtime>, task: Task) -> Self {
        let events = runtime.pal().subscribe();
        let runtime = runtime.clone();
        Self { task: tokio::spawn(async move { runtime.run(task).await }), events }
    }

    /// Waits until an event of this kind is recorded.
    pub(crate) async fn recorded(&mut self, kind: EventKind) {
        while self.next().await != kind {}
    }

    /// Returns the kinds of events up to the task's end.
    pub(crate) async fn all_recorded(&mut self) -> Vec<EventKind> {
        let mut kinds = Vec::new();
        while kinds.last() != Some(&EventKind::TaskFinished) {
            kinds.push(self.next().await);
        }
        kinds
    }

    async fn next(&mut self) -> EventKind {
        match self.events.next().await {
            Some(SubscriptionItem::Record(record)) => record.event.kind(),
            _ => unreachable!("the host keeps its log, and no task here fills it"),
        }
    }

    /// Cancels the task and waits for its end.
    pub(crate) async fn cancel(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// Creates a folder with owner-only access.
pub(crate) fn private_folder(within: &Path, name: &str) -> PathBuf {
    let folder = within.join(name);
    DirBuilder::new().mode(0o700).create(&folder).unwrap();
    folder
}
