//! The host that all checks run on: one for the whole process, so that each end comes after all the others.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use far_core::SecretName;
use far_core::broker::BrokerSettings;
use far_core::capability::{Catalog, CatalogEntry, Operation, Rotation, Terms};
use far_core::pal::{EventKind, Pal, Reading, Subscription};
use far_core::provider::{Reference, SecretProvider};
use far_needle::Needle;
use far_providers::DotEnv;
use far_runtime::{Limits, Report, Runtime, Skill, Task};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::backend::{Backend, Manner};
use crate::dotenv_file::DotEnvFile;
use crate::sink::Gate;

/// A host with two backends and a sink that does as it is told.
pub(crate) struct Host {
    pub(crate) runtime: Arc<Runtime>,
    skill: Arc<Skill>,
    /// Where `alpha` comes from.
    pub(crate) backend: Arc<Backend>,
    /// Where `beta` comes from.
    dotenv: Arc<DotEnv>,
    pub(crate) env_file: DotEnvFile,
    pub(crate) sink: Arc<Gate>,
}

/// A task that is under way, and the events since it began.
pub(crate) struct Running {
    pub(crate) task: JoinHandle<Report>,
    events: Subscription,
}

/// How many characters a value has.
pub(crate) const LENGTH: usize = 48;

/// A new value, which is nowhere yet.
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

    /// Gives `alpha` a new value.
    pub(crate) fn alpha(&self, manner: Manner) -> Arc<Needle> {
        let secret = secret();
        self.backend.set(secret.value(), None, manner);
        secret
    }

    /// Has the `.env` backend read the file without a value.
    #[expect(clippy::disallowed_methods, reason = "a call of the broker's would leave a value")]
    pub(crate) async fn forget_dotenv(&self) {
        self.env_file.clear();
        self.dotenv.list_secrets().await.unwrap();
    }

    /// Starts a task that takes these steps.
    pub(crate) fn start(&self, steps: &Value, timeout: Duration) -> Running {
        let grants = ["alpha:sign,reveal,refresh", "beta:reveal"];
        let task = Task::new(&self.skill).with_input(json!({ "steps": steps }).to_string());
        let task = grants.into_iter().fold(task, |task, grant| task.with_grant(grant.parse().unwrap()));
        let task = task.with_limits(Limits { timeout, ..Limits::default() });
        Running::start(&self.runtime, task)
    }

    /// Runs such a task to its end; says how it ended, and what was recorded.
    pub(crate) async fn run(&self, steps: &Value, timeout: Duration) -> (Report, Vec<EventKind>) {
        let mut running = self.start(steps, timeout);
        let report = (&mut running.task).await.unwrap();
        (report, running.all_recorded().await)
    }
}

impl Running {
    pub(crate) fn start(runtime: &Arc<Runtime>, task: Task) -> Self {
        let events = runtime.pal().subscribe();
        let runtime = runtime.clone();
        Self { task: tokio::spawn(async move { runtime.run(task).await }), events }
    }

    /// Waits until this was recorded.
    pub(crate) async fn recorded(&mut self, kind: EventKind) {
        while self.next().await != kind {}
    }

    /// What was recorded of the task, whose end was.
    pub(crate) async fn all_recorded(&mut self) -> Vec<EventKind> {
        let mut kinds = Vec::new();
        while kinds.last() != Some(&EventKind::TaskFinished) {
            kinds.push(self.next().await);
        }
        kinds
    }

    async fn next(&mut self) -> EventKind {
        match self.events.next().await {
            Some(Reading::Record(record)) => record.event.kind(),
            _ => unreachable!("the host keeps its log, and no task here fills it"),
        }
    }

    /// Cancels the task, and waits until it is gone.
    pub(crate) async fn cancel(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// A folder that only this user may open.
pub(crate) fn private_folder(within: &Path, name: &str) -> PathBuf {
    let folder = within.join(name);
    DirBuilder::new().mode(0o700).create(&folder).unwrap();
    folder
}
