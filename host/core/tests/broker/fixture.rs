//! A test agent: a catalog, a backend that counts its calls, and a log that can fail.

use std::fmt::{Debug, Display};
use std::sync::Arc;
use std::time::Duration;

use far_core::broker::{
    AccessError, Broker, BrokerSettings, EgressError, Placeholder, SecretError, Session, Stop, Violation,
};
use far_core::capability::{Capability, Catalog, CatalogEntry, DeclaredSecret, Grant, Placement, Scope, Target};
use far_core::memory::SecretBytes;
use far_core::pal::{Event, EventKind, MemorySink, Outcome, Pal, Receipt, Record, Sink, SinkError};
use far_core::provider::{FetchedSecret, ProviderError, Reference, RefreshOutcome, SecretProvider};
use far_core::{ProviderId, SkillDigest, TaskContext, Version, VersionSelector, random_task_id};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout};

use crate::memory_provider::MemoryProvider;
use crate::shared::{catalog, declared, entry, grant, terms};

/// The first version of every secret. Strings of a guest in these tests also contain "canary".
pub(crate) const VALUE: &[u8] = b"canary-of-version-1";

/// The second version of every secret.
pub(crate) const SECOND: &[u8] = b"canary-of-version-2";

/// The deadline of a required sink.
pub(crate) const AUDIT_DEADLINE: Duration = Duration::from_secs(5);

/// The TTL of every secret in the catalog.
pub(crate) const TTL: Duration = Duration::from_secs(60);

const EVERYTHING: &str = "seal,sign,reveal,refresh@https://api.example.com";

/// The secrets of the catalog. The skill also declares `uncatalogued`.
const SECRETS: [(&str, Scope); 5] = [
    ("task-key", Scope::Task),
    ("other-task-key", Scope::Task),
    ("skill-key", Scope::Skill),
    ("agent-key", Scope::Agent),
    ("node-key", Scope::Node),
];

/// A test agent. When it is dropped, it checks that no record has a value or a guest's string.
pub(crate) struct World {
    pub(crate) backend: Arc<MemoryProvider>,
    pub(crate) log: Arc<MemorySink>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) broker: Arc<Broker>,
    pub(crate) catalog: Arc<Catalog>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_backend(|backend| backend)
    }

    /// Creates an agent with this backend.
    pub(crate) fn with(backend: impl SecretProvider) -> Self {
        Self::with_shared(Arc::new(backend))
    }

    /// Creates an agent with a backend that the test shares.
    pub(crate) fn with_shared(backend: Arc<dyn SecretProvider>) -> Self {
        Self::with_backend(|_| backend)
    }

    /// Creates an agent with these settings.
    pub(crate) fn with_settings(settings: BrokerSettings) -> Self {
        Self::build(settings, |backend| backend)
    }

    fn with_backend(choose: impl FnOnce(Arc<MemoryProvider>) -> Arc<dyn SecretProvider>) -> Self {
        Self::build(BrokerSettings::default(), choose)
    }

    fn build(settings: BrokerSettings, choose: impl FnOnce(Arc<MemoryProvider>) -> Arc<dyn SecretProvider>) -> Self {
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

    /// Adds a version of every secret.
    pub(crate) fn rotate(&self) {
        for (secret, _) in SECRETS {
            self.backend.set(&Reference::new(secret), &version("2"), SECOND).unwrap();
        }
    }

    /// Returns a running task with these grants.
    pub(crate) async fn running(&self, grants: &[&str]) -> Arc<Session> {
        self.running_with(&grants.iter().map(|text| grant(text)).collect::<Vec<_>>()).await
    }

    pub(crate) async fn running_with(&self, grants: &[Grant]) -> Arc<Session> {
        self.start_task(self.context(b"skill", grants)).await
    }

    pub(crate) async fn start_task(&self, context: TaskContext) -> Arc<Session> {
        let session = self.broker.admit(context).await.unwrap();
        session.start().await.unwrap();
        Arc::new(session)
    }

    /// Returns the context of a task that declares every secret, and one that is not in the
    /// catalog.
    pub(crate) fn context(&self, skill: &[u8], grants: &[Grant]) -> TaskContext {
        let names = SECRETS.iter().map(|(secret, _)| *secret).chain(["uncatalogued"]);
        let declared: Vec<_> = names.map(|secret| declared(secret, terms(EVERYTHING))).collect();
        self.context_with(skill, &declared, grants, &self.catalog)
    }

    /// Returns the context of a task with these declarations, under this catalog.
    pub(crate) fn context_with(
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

    /// Returns the recorded events of a kind, in order.
    pub(crate) fn events(&self, kind: EventKind) -> Vec<Event> {
        let records = self.log.records();
        records.iter().map(|record| record.event.clone()).filter(|event| event.kind() == kind).collect()
    }

    /// Returns the kinds of the events after the first `records` ones.
    pub(crate) fn kinds_since(&self, records: usize) -> Vec<EventKind> {
        self.log.kinds().split_off(records)
    }

    /// Returns the outcomes of the finished tasks.
    pub(crate) fn task_outcomes(&self) -> Vec<Option<Outcome>> {
        self.events(EventKind::TaskFinished).iter().map(|event| event.outcome()).collect()
    }

    /// Waits until `times` events of a kind were recorded.
    pub(crate) async fn wait_for_events(&self, kind: EventKind, times: usize) {
        let is_reached = |seen: &Vec<EventKind>| seen.iter().filter(|seen| **seen == kind).count() >= times;
        let mut seen = self.gate.seen.subscribe();
        within(seen.wait_for(is_reached)).await.unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            for record in self.log.records() {
                assert_clean(&serde_json::to_string(record.as_ref()).unwrap());
                assert_clean(&format!("{record:?}"));
            }
            assert_clean(&format!("{:?}", self.broker));
        }
    }
}

/// A required sink that accepts every record until a test makes it fail.
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
    /// Panics, as a defective sink does.
    Panics,
}

pub(crate) const FAULTS: [Fault; 3] = [Fault::Fails, Fault::IsFull, Fault::Hangs];

impl Gate {
    /// Fails from now on.
    pub(crate) fn fail(&self, fault: Fault) {
        *self.fault.lock() = Some((fault, None));
    }

    /// Fails from now on, for records of this kind.
    pub(crate) fn fail_at(&self, fault: Fault, kind: EventKind) {
        *self.fault.lock() = Some((fault, Some(kind)));
    }

    /// Accepts every record again, including held ones.
    pub(crate) fn recover(&self) {
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
                let (sender, receipt) = oneshot::channel();
                self.held.lock().push(sender);
                Receipt::Pending(receipt)
            }
        }
    }
}

/// A backend with a closure that returns every answer.
pub(crate) struct Scripted<F>(ProviderId, F);

impl<F> Scripted<F> {
    pub(crate) fn new(answer: F) -> Self {
        Self(ProviderId::parse("memory").unwrap(), answer)
    }
}

#[async_trait::async_trait]
impl<F> SecretProvider for Scripted<F>
where
    F: Fn() -> Result<FetchedSecret, ProviderError> + Send + Sync + 'static,
{
    fn id(&self) -> &ProviderId {
        &self.0
    }

    async fn get_secret(&self, _: &Reference, _: &VersionSelector) -> Result<FetchedSecret, ProviderError> {
        (self.1)()
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        Ok(Vec::new())
    }

    async fn refresh_secret(&self, _: &Reference, _: &Version) -> Result<RefreshOutcome, ProviderError> {
        (self.1)().map(RefreshOutcome::Changed)
    }
}

/// Returns the catalog with one entry changed.
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

/// Returns the output of a future. Panics after two minutes, which pass at once if time is paused.
pub(crate) async fn within<T>(awaited: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(120), awaited).await.unwrap()
}

/// Sends a request with a placeholder as the whole of a part. Returns the value that replaced it.
pub(crate) async fn send(
    task: &Arc<Session>,
    placeholder: &Placeholder,
    target: &Target,
    placement: &Placement,
) -> Result<Vec<u8>, AccessError> {
    let mut value = Vec::new();
    let put = |_, secret: &SecretBytes| {
        value = secret.expose().to_vec();
        Ok(())
    };
    match task.authorize_egress(target, &[(placeholder, placement)], put).await {
        Ok(mut exchange) => {
            exchange.mark_sending(0);
            exchange.record_response(200).await?;
            exchange.finish().await?;
            Ok(value)
        }
        Err(EgressError::Stopped(stop)) => Err(stop.into()),
        // The events have the reason.
        Err(_) => Err(SecretError::Unavailable { retry_after: None }.into()),
    }
}

/// Returns the violation that ends the task.
pub(crate) fn violation<T>(result: Result<T, AccessError>) -> Violation {
    match stop(result) {
        Stop::Violation(violation) => violation,
        other => panic!("not a violation: {other:?}"),
    }
}

/// Returns the reason why the task ends.
pub(crate) fn stop<T>(result: Result<T, AccessError>) -> Stop {
    match checked_error(result) {
        AccessError::Stopped(stop) => stop,
        other @ AccessError::Secret(_) => panic!("the task continues: {other:?}"),
    }
}

/// Returns the error that the skill gets.
pub(crate) fn secret_error<T>(result: Result<T, AccessError>) -> SecretError {
    match checked_error(result) {
        AccessError::Secret(error) => error,
        other @ AccessError::Stopped(_) => panic!("the task ends: {other:?}"),
    }
}

/// Returns an error, after a check that its text has no value.
pub(crate) fn checked_error<T, E: Debug + Display>(result: Result<T, E>) -> E {
    let Err(error) = result else { panic!("the call succeeded") };
    assert_clean(&format!("{error} {error:?} {error:#?}"));
    error
}

/// Panics if a text has a value or a guest's string: as is, in hexadecimal, or as a list of bytes.
pub(crate) fn assert_clean(text: &str) {
    let word = b"canary";
    let list = format!("{word:?}");
    let list = list.trim_matches(['[', ']']);
    let unbroken: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for form in ["canary", &hex::encode(word), list] {
        assert!(!unbroken.to_lowercase().contains(form), "{text}");
    }
}
