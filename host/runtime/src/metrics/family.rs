//! A metric family with sorted labels.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// A metric family like the library's, but with a `BTreeMap`, so that the encoding is
/// deterministic.
pub(super) struct Family<S, M> {
    metrics: Arc<Mutex<BTreeMap<S, M>>>,
    create: fn() -> M,
}

impl<S: Ord, M> Family<S, M> {
    pub(super) fn new(create: fn() -> M) -> Self {
        Self { metrics: Arc::default(), create }
    }

    /// Calls `update` on the metric with these labels, and creates the metric if necessary.
    pub(super) fn with(&self, labels: S, update: impl FnOnce(&M)) {
        update(self.metrics.lock().entry(labels).or_insert_with(self.create));
    }
}

impl<S, M> Clone for Family<S, M> {
    fn clone(&self) -> Self {
        Self { metrics: self.metrics.clone(), create: self.create }
    }
}

impl<S: EncodeLabelSet, M: EncodeMetric + TypedMetric> EncodeMetric for Family<S, M> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, metric) in self.metrics.lock().iter() {
            metric.encode(encoder.encode_family(labels)?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }

    fn is_empty(&self) -> bool {
        self.metrics.lock().is_empty()
    }
}

impl<S, M> fmt::Debug for Family<S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Family").finish_non_exhaustive()
    }
}
