//! What providers ask of servers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use far_core::ProviderId;
use far_core::provider::{Counted, Counts, Server};
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

use super::Configured;

/// A counter's name, what it says, and which of the counts it is.
type Told = (&'static str, &'static str, fn(&Counts) -> u64);

/// All of them but the calls, which are told apart by how they ended. The library ends a sentence only where it is given a metric.
const TOLD: [Told; 9] = [
    ("backend_attempts", "How often a server was asked.", |counts| counts.attempts),
    ("backend_retries", "Attempts after the first of a call.", |counts| counts.retries),
    ("backend_circuit_opened", "How often a circuit opened.", |counts| counts.opened),
    ("backend_circuit_refused", "Calls refused by an open circuit.", |counts| counts.refused),
    ("backend_throttled", "Calls refused or ended by a limit on their rate.", |counts| counts.throttled),
    ("backend_flights_shared", "Answers shared by who asked the same at once.", |counts| counts.shared),
    ("backend_absences_remembered", "Answers from the memory of what is not there.", |counts| counts.absent),
    ("backend_logins", "Logins that succeeded.", |counts| counts.logins),
    ("backend_unwraps_failed", "Wrapped credentials that could not be opened.", |counts| counts.failed_unwraps),
];

/// The servers of all providers that are watched.
#[derive(Clone, Default)]
pub(super) struct Servers(Arc<Mutex<BTreeMap<Labels, Arc<dyn Counted>>>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
struct Labels {
    provider: Configured,
    server: &'static str,
}

#[derive(Debug, EncodeLabelSet)]
struct CallLabels {
    provider: Configured,
    server: &'static str,
    outcome: &'static str,
}

impl Servers {
    pub(super) fn watch(&self, provider: ProviderId, server: Server, counted: Arc<dyn Counted>) {
        self.0.lock().insert(Labels { provider: Configured(provider), server: server.as_str() }, counted);
    }

    fn counts(&self) -> Vec<(Labels, Counts)> {
        self.0.lock().iter().map(|(labels, counted)| (labels.clone(), counted.counts())).collect()
    }
}

impl Collector for Servers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let servers = self.counts();
        // A name without any series is none.
        if servers.is_empty() {
            return Ok(());
        }
        let help = "Calls of a server that ended, each with all its attempts.";
        let mut calls = encoder.encode_descriptor("backend_calls", help, None, MetricType::Counter)?;
        for (Labels { provider, server }, counts) in &servers {
            for (outcome, count) in counts.calls.iter().copied() {
                let labels = CallLabels { provider: provider.clone(), server, outcome };
                ConstCounter::new(count).encode(calls.encode_family(&labels)?)?;
            }
        }
        for (name, help, count) in TOLD {
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
