//! Metrics for operators, in the OpenMetrics format.
//!
//! # Invariants
//!
//! - Labels are fixed tokens of this program and names of providers, which the operator chooses.
//!   Guests, skill authors and backends cannot add a series: no label contains a secret's name, a
//!   task or a host. The configuration bounds the number of series.
//! - No value can appear: the input is PAL records, which contain none, and numbers.
//! - Equal counts are encoded as equal bytes.
//!
//! # Limitations
//!
//! The module opens no port and writes no file. Each [`Metrics`] starts at zero.

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
use far_core::provider::{CallCounter, ServerRole};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use self::family::Family;
use self::memory::LockedMemory;
use self::servers::Servers;

/// The prefix of every metric.
const PREFIX: &str = "far";
/// Bucket bounds in seconds, from a local file to the timeout of a backend call.
const FETCH_BUCKETS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Bucket bounds in seconds. The default timeout of a task is 30 s.
const TASK_BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 30.0, 300.0];

/// Counts events of the PAL and calls of servers.
///
/// Add it to the [`Pal`](far_core::pal::Pal) as a sink. It never fails and never waits. It also
/// counts events that a required sink did not accept.
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
/// // A provider that calls a server: `metrics.watch(…, vault.metrics().clone())`.
/// let provider = Arc::new(MemoryProvider::new("memory".parse()?));
/// let runtime = Runtime::builder("my-agent".parse()?, pal).provider(provider).build()?;
///
/// // Serve the text with the media type `Metrics::CONTENT_TYPE`.
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
    provider: Option<ProviderLabel>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
struct FetchLabels {
    provider: ProviderLabel,
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

/// The label with a provider's name: the only label that is not a token of this program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ProviderLabel(ProviderId);

impl prometheus_client::encoding::EncodeLabelValue for ProviderLabel {
    fn encode(&self, encoder: &mut prometheus_client::encoding::LabelValueEncoder<'_>) -> fmt::Result {
        self.0.as_str().encode(encoder)
    }
}

impl Metrics {
    /// The media type of the text.
    pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// Creates metrics at zero, to add to a log as a sink.
    pub fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix(PREFIX);
        let events = Family::new(Counter::default);
        let fetches = Family::new(|| Histogram::new(FETCH_BUCKETS));
        let tasks = Family::new(|| Histogram::new(TASK_BUCKETS));
        let violations = Family::new(Counter::default);
        let requests = Family::new(Counter::default);
        let servers = Servers::default();
        // Queries detect an increase only in an existing series, so the first violation needs a
        // series at zero.
        for reason in DenyReason::ALL {
            violations.with(ViolationLabels { reason: reason.token() }, |_| ());
        }
        registry.register("events", "Events of the PAL", events.clone());
        let help = "Duration of a provider's response with a secret";
        registry.register_with_unit("secret_fetch", help, Unit::Seconds, fetches.clone());
        registry.register_with_unit("task", "Duration of tasks, from admission", Unit::Seconds, tasks.clone());
        registry.register("violations", "Violations by reason", violations.clone());
        registry.register("requests", "Requests of tasks, finished or denied", requests.clone());
        registry.register_collector(Box::new(LockedMemory));
        registry.register_collector(Box::new(servers.clone()));
        Arc::new(Self { registry, events, fetches, tasks, violations, requests, servers })
    }

    /// Adds the counters of a provider's calls of a server, which the `metrics` method of a backend
    /// in `far-providers` returns. Replaces counters of the same provider and server.
    pub fn watch(&self, provider: &ProviderId, server: ServerRole, counters: Arc<dyn CallCounter>) {
        self.servers.watch(provider.clone(), server, counters);
    }

    /// Encodes all metrics in the OpenMetrics format.
    ///
    /// # Errors
    ///
    /// An encoding error, which is a defect of this program.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut encoded = String::new();
        text::encode(&mut encoded, &self.registry)?;
        Ok(encoded)
    }

    fn count(&self, event: &Event) {
        let outcome = event.outcome().map(Outcome::as_str);
        let provider = event.provider().cloned().map(ProviderLabel);
        let labels = EventLabels {
            event: event.kind().as_str(),
            outcome,
            cache: event.cache().map(CacheState::as_str),
            cause: event.cause().map(Cause::as_str),
            provider: provider.clone(),
        };
        self.events.with(labels, count);
        if let (true, Some(provider), Some(outcome), Some(took)) =
            (is_provider_response(event), provider, outcome, event.duration())
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
                self.requests.with(RequestLabels { outcome: "denied", reason: reason_token(event) }, count);
            }
            (EventKind::EgressFinished, Some(outcome), ..) => {
                self.requests.with(RequestLabels { outcome, reason: reason_token(event) }, count);
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

/// Returns true for an event that records the response of a provider to a request for a value.
fn is_provider_response(event: &Event) -> bool {
    let has_value =
        [EventKind::SecretFetched, EventKind::SecretRefreshed, EventKind::SecretRotated].contains(&event.kind());
    has_value && event.cache() == Some(CacheState::Miss)
}

/// Returns the token of the event's reason.
fn reason_token(event: &Event) -> Option<&'static str> {
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
