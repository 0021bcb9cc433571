//! One agent: a catalog, a backend that counts its calls, and a log that can be told to fail.

use std::fmt::{Debug, Display};
use std::sync::Arc;
use std::time::Duration;

use far_core::broker::{
    AccessError, Broker, BrokerSettings, EgressError, SecretError, Session, StandIn, Stop, Violation,
};
use far_core::capability::{Capability, Catalog, CatalogEntry, DeclaredSecret, Grant, Placement, Scope, Target};
use far_core::memory::SecretBytes;
use far_core::pal::{Event, EventKind, MemorySink, Outcome, Pal, Receipt, Record, Sink, SinkError};
use far_core::provider::{Fetched, ProviderError, Reference, Refreshed, SecretProvider};
use far_core::{ProviderId, SkillDigest, TaskContext, Version, VersionSelector, random_task_id};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout};

use crate::memory_provider::MemoryProvider;
use crate::shared::{catalog, declared, entry, grant, terms};

/// What every secret's first version is. Anything that a test has a guest write has the same first word.
pub(crate) const VALUE: &[u8] = b"canary-of-version-1";

/// What every secret's second version is.
pub(crate) const SECOND: &[u8] = b"canary-of-version-2";

/// How long a required sink may take.
pub(crate) const AUDIT_DEADLINE: Duration = Duration::from_secs(5);

/// How long every secret of the catalog lives.
pub(crate) const TTL: Duration = Duration::from_secs(60);

const EVERYTHING: &str = "seal,sign,reveal,refresh@https://api.example.com";

/// The catalog; the skill also declares `uncatalogued`.
const SECRETS: [(&str, Scope); 5] = [
    ("task-key", Scope::Task),
    ("other-task-key", Scope::Task),
    ("skill-key", Scope::Skill),
    ("agent-key", Scope::Agent),
    ("node-key", Scope::Node),
];

/// An agent and what it stands on. When it is dropped, no record of it may have a value or a guest's text.
pub(crate) struct World {
    pub(crate) backend: Arc<MemoryProvider>,
    pub(crate) log: Arc<MemorySink>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) broker: Arc<Broker>,
    pub(crate) catalog: Arc<Catalog>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::over(|backend| backend)
    }

    /// An agent with this backend in the place of the usual one.
    pub(crate) fn with(backend: impl SecretProvider) -> Self {
        Self::behind(Arc::new(backend))
    }

    /// The same, which a test keeps a hand on.
    pub(crate) fn behind(backend: Arc<dyn SecretProvider>) -> Self {
        Self::over(|_| backend)
    }

    /// An agent with these settings.
    pub(crate) fn set_up(settings: BrokerSettings) -> Self {
        Self::of(settings, |backend| backend)
    }

    fn over(choose: impl FnOnce(Arc<MemoryProvider>) -> Arc<dyn SecretProvider>) -> Self {
        Self::of(BrokerSettings::default(), choose)
    }

    fn of(settings: BrokerSettings, choose: impl FnOnce(Arc<MemoryProvider>) -> Arc<dyn SecretProvider>) -> Self {
        let backend = Arc::new(MemoryProvider::new(ProviderId::parse("memory").unwrap()));
        for (secret, _) in SECRETS {
            backend.set(&Reference::new(secret), &version("1"), VALUE).unwrap();
        }
        let (log, gate) = (MemorySink::new(), Arc::new(Gate::default()));
        let pal = Pal::builder().sink(log.clone()).required_sink(gate.clone(), AUDIT_DEADLINE).build();
        let broker = Broker::new([choose(backend.clone())], pal, settings).unwrap();
        let catalog = catalog(SECRETS.map(|(secret, scope)| entry(secret, scope, terms(EVERYTHING))));
        Self { backend, log, gate, broker, catalog }
    }

    /// A new version of every secret.
    pub(crate) fn rotate(&self) {
        for (secret, _) in SECRETS {
            self.backend.set(&Reference::new(secret), &version("2"), SECOND).unwrap();
        }
    }

    /// A task that was granted this, running.
    pub(crate) async fn running(&self, grants: &[&str]) -> Arc<Session> {
        self.running_with(&grants.iter().map(|text| grant(text)).collect::<Vec<_>>()).await
    }

    pub(crate) async fn running_with(&self, grants: &[Grant]) -> Arc<Session> {
        self.started(self.context(b"skill", grants)).await
    }

    pub(crate) async fn started(&self, context: TaskContext) -> Arc<Session> {
        let session = self.broker.admit(context).await.unwrap();
        session.start().await.unwrap();
        Arc::new(session)
    }

    /// A task of a skill that declares all there is, and one secret that is not.
    pub(crate) fn context(&self, skill: &[u8], grants: &[Grant]) -> TaskContext {
        let names = SECRETS.iter().map(|(secret, _)| *secret).chain(["uncatalogued"]);
        let declared: Vec<_> = names.map(|secret| declared(secret, terms(EVERYTHING))).collect();
        self.joined(skill, &declared, grants, &self.catalog)
    }

    /// A task of a skill that declares just this, under a catalog of its own.
    pub(crate) fn joined(
        &self,
        skill: &[u8],
        declared: &[DeclaredSecret],
        grants: &[Grant],
        catalog: &Arc<Catalog>,
    ) -> TaskContext {
        let (now, skill_digest) = (Instant::now().into_std(), SkillDigest::of(skill));
        TaskContext {
            task_id: random_task_id().unwrap(),
            agent_id: "agent".parse().unwrap(),
            skill: Some("skill".parse().unwrap()),
            skill_digest,
            capability: Capability::new(declared, grants, catalog, &skill_digest, now).unwrap(),
            egress: vec!["https://open.example.com".parse().unwrap()],
            listed: vec!["https://*.listed.example.com/a".parse().unwrap()],
            records: u64::MAX,
            deadline: now + Duration::from_secs(3600),
        }
    }

    /// What was recorded of this kind, in order.
    pub(crate) fn events(&self, kind: EventKind) -> Vec<Event> {
        let records = self.log.records();
        records.iter().map(|record| record.event.clone()).filter(|event| event.kind() == kind).collect()
    }

    /// What was recorded since so many records.
    pub(crate) fn kinds_since(&self, records: usize) -> Vec<EventKind> {
        self.log.kinds().split_off(records)
    }

    /// How the tasks that ended did.
    pub(crate) fn ends(&self) -> Vec<Option<Outcome>> {
        self.events(EventKind::TaskFinished).iter().map(|event| event.outcome()).collect()
    }

    /// Waits until so many events of this kind were recorded.
    pub(crate) async fn recorded(&self, kind: EventKind, times: usize) {
        let there = |seen: &Vec<EventKind>| seen.iter().filter(|seen| **seen == kind).count() >= times;
        let mut seen = self.gate.seen.subscribe();
        within(seen.wait_for(there)).await.unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            for record in self.log.records() {
                clean(&serde_json::to_string(record.as_ref()).unwrap());
                clean(&format!("{record:?}"));
            }
            clean(&format!("{:?}", self.broker));
        }
    }
}

/// The required sink: takes everything, until it is told otherwise.
#[derive(Default)]
pub(crate) struct Gate {
    fault: Mutex<Option<(Fault, Option<EventKind>)>>,
    held: Mutex<Vec<oneshot::Sender<Result<(), SinkError>>>>,
    seen: watch::Sender<Vec<EventKind>>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Fails,
    IsFull,
    Hangs,
    /// A defect of the sink, not a state of it.
    Panics,
}

pub(crate) const FAULTS: [Fault; 3] = [Fault::Fails, Fault::IsFull, Fault::Hangs];

impl Gate {
    /// Goes wrong from here on.
    pub(crate) fn breaks(&self, fault: Fault) {
        *self.fault.lock() = Some((fault, None));
    }

    /// Goes wrong from here on for records of this kind only.
    pub(crate) fn breaks_at(&self, fault: Fault, kind: EventKind) {
        *self.fault.lock() = Some((fault, Some(kind)));
    }

    /// Takes everything again, and what it held up too.
    pub(crate) fn recovers(&self) {
        *self.fault.lock() = None;
        self.held.lock().drain(..).for_each(|held| drop(held.send(Ok(()))));
    }
}

impl Sink for Gate {
    fn submit(&self, record: &Arc<Record>) -> Receipt {
        let kind = record.event.kind();
        self.seen.send_modify(|seen| seen.push(kind));
        match *self.fault.lock() {
            None => Receipt::Ready(Ok(())),
            Some((_, Some(at))) if at != kind => Receipt::Ready(Ok(())),
            Some((Fault::Fails, _)) => Receipt::Ready(Err(SinkError::Write(std::io::ErrorKind::BrokenPipe))),
            Some((Fault::IsFull, _)) => Receipt::Ready(Err(SinkError::Full)),
            Some((Fault::Panics, _)) => panic!("a defect of the sink; this is part of the test"),
            Some((Fault::Hangs, _)) => {
                let (word, receipt) = oneshot::channel();
                self.held.lock().push(word);
                Receipt::Pending(receipt)
            }
        }
    }
}

/// A backend whose every answer is made by a function.
pub(crate) struct Scripted<F>(ProviderId, F);

impl<F> Scripted<F> {
    pub(crate) fn new(answer: F) -> Self {
        Self(ProviderId::parse("memory").unwrap(), answer)
    }
}

#[async_trait::async_trait]
impl<F> SecretProvider for Scripted<F>
where
    F: Fn() -> Result<Fetched, ProviderError> + Send + Sync + 'static,
{
    fn id(&self) -> &ProviderId {
        &self.0
    }

    async fn get_secret(&self, _: &Reference, _: &VersionSelector) -> Result<Fetched, ProviderError> {
        (self.1)()
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        Ok(Vec::new())
    }

    async fn refresh_secret(&self, _: &Reference, _: &Version) -> Result<Refreshed, ProviderError> {
        (self.1)().map(Refreshed::Changed)
    }
}

/// A catalog in which one secret is otherwise.
pub(crate) fn changed(catalog: &Catalog, secret: &str, change: impl Fn(&mut CatalogEntry)) -> Arc<Catalog> {
    crate::shared::catalog(catalog.iter().map(|(name, entry)| {
        let mut entry = entry.clone();
        if name.as_str() == secret {
            change(&mut entry);
        }
        (name.clone(), entry)
    }))
}

pub(crate) fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

/// What is awaited, unless it does not come. The time is none if the clock is paused.
pub(crate) async fn within<T>(awaited: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(120), awaited).await.unwrap()
}

/// Lets a request out in which this placeholder is the whole of a part. Returns the value in its place.
pub(crate) async fn send(
    task: &Arc<Session>,
    stand_in: &StandIn,
    target: &Target,
    placement: &Placement,
) -> Result<Vec<u8>, AccessError> {
    let mut value = Vec::new();
    let put = |_, secret: &SecretBytes| {
        value = secret.expose().to_vec();
        Ok(())
    };
    match task.authorize_egress(target, &[(stand_in, placement)], put).await {
        Ok(mut exchange) => {
            exchange.sending(0);
            exchange.answered(200).await?;
            exchange.finish().await?;
            Ok(value)
        }
        Err(EgressError::Stopped(stop)) => Err(stop.into()),
        // Which one, the events say.
        Err(_) => Err(SecretError::Unavailable { retry_after: None }.into()),
    }
}

/// The violation for which the task ends.
pub(crate) fn violation<T>(result: Result<T, AccessError>) -> Violation {
    match stop(result) {
        Stop::Violation(violation) => violation,
        other => panic!("no violation: {other:?}"),
    }
}

/// Why the task ends.
pub(crate) fn stop<T>(result: Result<T, AccessError>) -> Stop {
    match shown(result) {
        AccessError::Stopped(stop) => stop,
        other @ AccessError::Secret(_) => panic!("the task goes on: {other:?}"),
    }
}

/// What the skill is told.
pub(crate) fn told<T>(result: Result<T, AccessError>) -> SecretError {
    match shown(result) {
        AccessError::Secret(error) => error,
        other @ AccessError::Stopped(_) => panic!("the task ends: {other:?}"),
    }
}

/// An error, after a look at how it prints.
pub(crate) fn shown<T, E: Debug + Display>(result: Result<T, E>) -> E {
    let Err(error) = result else { panic!("it was let through") };
    clean(&format!("{error} {error:?} {error:#?}"));
    error
}

/// Fails if a text has a value, or what a guest wrote: as it is, in hexadecimal, or as a list of bytes.
pub(crate) fn clean(text: &str) {
    let word = b"canary";
    let list = format!("{word:?}");
    let list = list.trim_matches(['[', ']']);
    let unbroken: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for form in ["canary", &hex::encode(word), list] {
        assert!(!unbroken.to_lowercase().contains(form), "{text}");
    }
}
