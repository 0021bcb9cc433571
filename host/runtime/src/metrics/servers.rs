//! Metrics of providers' calls of servers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use far_core::ProviderId;
use far_core::provider::{CallCounter, CallCounts, ServerRole};
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

use super::ProviderLabel;

/// A counter: its name, its help text, and its value.
type CounterSpec = (&'static str, &'static str, fn(&CallCounts) -> u64);

/// All counters except calls, which also have an outcome. The library ends a help text with a
/// period only for registered metrics.
const COUNTERS: [CounterSpec; 9] = [
    ("backend_attempts", "Attempts to call a server.", |counts| counts.attempts),
    ("backend_retries", "Attempts after the first of each call.", |counts| counts.retries),
    ("backend_circuit_opened", "Openings of a circuit breaker.", |counts| counts.opened),
    ("backend_circuit_refused", "Calls refused by an open circuit breaker.", |counts| counts.refused),
    ("backend_throttled", "Calls refused or ended by a rate limit.", |counts| counts.throttled),
    ("backend_flights_shared", "Responses shared by concurrent identical requests.", |counts| counts.shared),
    ("backend_absences_remembered", "Responses from the negative cache.", |counts| counts.absent),
    ("backend_logins", "Logins that succeeded.", |counts| counts.logins),
    ("backend_unwraps_failed", "Wrapped credentials that could not be unwrapped.", |counts| counts.failed_unwraps),
];

/// The watched servers of all providers.
#[derive(Clone, Default)]
pub(super) struct Servers(Arc<Mutex<BTreeMap<Labels, Arc<dyn CallCounter>>>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
struct Labels {
    provider: ProviderLabel,
    server: &'static str,
}

#[derive(Debug, EncodeLabelSet)]
struct CallLabels {
    provider: ProviderLabel,
    server: &'static str,
    outcome: &'static str,
}

impl Servers {
    pub(super) fn watch(&self, provider: ProviderId, server: ServerRole, counted: Arc<dyn CallCounter>) {
        self.0.lock().insert(Labels { provider: ProviderLabel(provider), server: server.as_str() }, counted);
    }

    fn counts(&self) -> Vec<(Labels, CallCounts)> {
        self.0.lock().iter().map(|(labels, counted)| (labels.clone(), counted.counts())).collect()
    }
}

impl Collector for Servers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let servers = self.counts();
        // Avoids a metric without series.
        if servers.is_empty() {
            return Ok(());
        }
        let help = "Finished calls of a server, including their retries.";
        let mut calls = encoder.encode_descriptor("backend_calls", help, None, MetricType::Counter)?;
        for (Labels { provider, server }, counts) in &servers {
            for (outcome, count) in counts.calls.iter().copied() {
                let labels = CallLabels { provider: provider.clone(), server, outcome };
                ConstCounter::new(count).encode(calls.encode_family(&labels)?)?;
            }
        }
        for (name, help, count) in COUNTERS {
            let mut counter = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (labels, counts) in &servers {
                ConstCounter::new(count(counts)).encode(counter.encode_family(labels)?)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Servers").finish_non_exhaustive()
    }
}
