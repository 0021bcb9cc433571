//! Counters for whoever runs agents, as a text in the OpenMetrics format.
//!
//! # Invariants
//!
//! - A label has fixed tokens of this program, and names of providers, which the operator chose. No secret's name, task, host,
//!   nor anything else that a guest, its author or a backend wrote: what a guest does cannot make a series, and all series
//!   together are bounded by the configuration.
//! - No value is near: what is counted are records of the PAL, in which none fits, and numbers.
//! - The same counts are the same text, to the byte.
//!
//! # What it does not do
//!
//! It opens no port, and writes no file. Numbers begin at 0 with each [`Metrics`].

mod family;
mod memory;
mod servers;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use far_core::ProviderId;
use far_core::capability::DenyReason;
use far_core::pal::{CacheState, Cause, Event, EventKind, Outcome, Reason, Receipt, Record, Sink};
use far_core::provider::{Counted, Server};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use self::family::Family;
use self::memory::LockedMemory;
use self::servers::Servers;

/// What stands before every name.
const PREFIX: &str = "far";
/// In seconds. A file answers within the first; a call of a backend is given up after the last.
const FETCH_BUCKETS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// In seconds. A task's deadline is 30 by default.
const TASK_BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 30.0, 300.0];

/// Counts what a log records and what providers ask of servers, and tells it as text.
///
/// It is a sink of the [`Pal`](far_core::pal::Pal) that never fails and never waits; what no required sink took is counted too.
///
/// ```
/// use std::sync::Arc;
///
/// use far_core::pal::Pal;
/// use far_providers::MemoryProvider;
/// use far_runtime::{Metrics, Runtime};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let metrics = Metrics::new();
/// let pal = Pal::builder().sink(metrics.clone()).build();
/// // The counters of a provider that calls a server: `watch(vault.id(), Server::Backend, vault.metrics().clone())`.
/// let provider = Arc::new(MemoryProvider::new("memory".parse()?));
/// let runtime = Runtime::builder("my-agent".parse()?, pal).provider(provider).build()?;
///
/// // Whenever it is asked for, with `Metrics::CONTENT_TYPE` as its media type:
/// let text = metrics.text()?;
/// assert!(text.contains("far_violations_total{reason=\"undeclared\"} 0\n") && text.ends_with("# EOF\n"));
/// # Ok(())
/// # }
/// ```
pub struct Metrics {
    registry: Registry,
    events: Family<EventLabels, Counter>,
    fetches: Family<FetchLabels, Histogram>,
    tasks: Family<TaskLabels, Histogram>,
    violations: Family<ViolationLabels, Counter>,
    requests: Family<RequestLabels, Counter>,
    servers: Servers,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
struct EventLabels {
    event: &'static str,
    outcome: Option<&'static str>,
    cache: Option<&'static str>,
    cause: Option<&'static str>,
    provider: Option<Configured>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
struct FetchLabels {
    provider: Configured,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
struct TaskLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
struct ViolationLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
struct RequestLabels {
    outcome: &'static str,
    reason: Option<&'static str>,
}

/// A provider's name, as a label: the one kind of label that is no token of this program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Configured(ProviderId);

impl prometheus_client::encoding::EncodeLabelValue for Configured {
    fn encode(&self, encoder: &mut prometheus_client::encoding::LabelValueEncoder<'_>) -> fmt::Result {
        self.0.as_str().encode(encoder)
    }
}

impl Metrics {
    /// The media type of the text.
    pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// Counters at 0, to be given to a log as a sink.
    pub fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix(PREFIX);
        let events = Family::new(Counter::default);
        let fetches = Family::new(|| Histogram::new(FETCH_BUCKETS));
        let tasks = Family::new(|| Histogram::new(TASK_BUCKETS));
        let violations = Family::new(Counter::default);
        let requests = Family::new(Counter::default);
        let servers = Servers::default();
        // An increase is seen only of a series that was there before: the first violation must not be the one that is missed.
        for reason in DenyReason::ALL {
            violations.with(ViolationLabels { reason: reason.token() }, |_| ());
        }
        registry.register("events", "Events of the PAL", events.clone());
        let help = "How long a provider took to answer for a secret";
        registry.register_with_unit("secret_fetch", help, Unit::Seconds, fetches.clone());
        registry.register_with_unit("task", "How long tasks took, from admission", Unit::Seconds, tasks.clone());
        registry.register("violations", "Violations, by the rule that was broken", violations.clone());
        registry.register("requests", "Requests of tasks that are over, or were not let out", requests.clone());
        registry.register_collector(Box::new(LockedMemory));
        registry.register_collector(Box::new(servers.clone()));
        Arc::new(Self { registry, events, fetches, tasks, violations, requests, servers })
    }

    /// Adds the counters of a provider's calls of a server: a backend in `far-providers` gives them
    /// by its `metrics` method. Counters of the same provider and server are replaced.
    pub fn watch(&self, provider: &ProviderId, server: Server, counters: Arc<dyn Counted>) {
        self.servers.watch(provider.clone(), server, counters);
    }

    /// All that was counted, in the OpenMetrics format.
    ///
    /// # Errors
    ///
    /// A number or a name that cannot be written down: a defect of this program.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut written = String::new();
        text::encode(&mut written, &self.registry)?;
        Ok(written)
    }

    fn count(&self, event: &Event) {
        let outcome = event.outcome().map(Outcome::as_str);
        let provider = event.provider().cloned().map(Configured);
        let labels = EventLabels {
            event: event.kind().as_str(),
            outcome,
            cache: event.cache().map(CacheState::as_str),
            cause: event.cause().map(Cause::as_str),
            provider: provider.clone(),
        };
        self.events.with(labels, count);
        if let (true, Some(provider), Some(outcome), Some(took)) =
            (is_answer(event), provider, outcome, event.duration())
        {
            self.fetches.with(FetchLabels { provider, outcome }, |histogram| observe(histogram, took));
        }
        match (event.kind(), outcome, event.duration(), event.reason()) {
            (EventKind::TaskFinished, Some(outcome), Some(took), _) => {
                self.tasks.with(TaskLabels { outcome }, |histogram| observe(histogram, took));
            }
            (EventKind::SecretDenied, _, _, Some(Reason::Denied(reason))) => {
                self.violations.with(ViolationLabels { reason: reason.token() }, count);
            }
            (EventKind::EgressDenied, ..) => {
                self.requests.with(RequestLabels { outcome: "denied", reason: token(event) }, count);
            }
            (EventKind::EgressFinished, Some(outcome), ..) => {
                self.requests.with(RequestLabels { outcome, reason: token(event) }, count);
            }
            _ => {}
        }
    }
}

impl Sink for Metrics {
    fn submit(&self, record: &Arc<Record>) -> Receipt {
        self.count(&record.event);
        Receipt::Ready(Ok(()))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Whether an event says that a provider was asked for a secret's value, and how that went.
fn is_answer(event: &Event) -> bool {
    let asked =
        [EventKind::SecretFetched, EventKind::SecretRefreshed, EventKind::SecretRotated].contains(&event.kind());
    asked && event.cache() == Some(CacheState::Miss)
}

/// The fixed token that says why.
fn token(event: &Event) -> Option<&'static str> {
    match event.reason() {
        Some(Reason::Token(token)) => Some(token),
        _ => None,
    }
}

fn count(counter: &Counter) {
    counter.inc();
}

fn observe(histogram: &Histogram, took: Duration) {
    histogram.observe(took.as_secs_f64());
}
