//! Metrics of one name, told apart by their labels.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// As the library's own family, which is a hash map: here the text has one order.
pub(super) struct Family<S, M> {
    metrics: Arc<Mutex<BTreeMap<S, M>>>,
    make: fn() -> M,
}

impl<S: Ord, M> Family<S, M> {
    pub(super) fn new(make: fn() -> M) -> Self {
        Self { metrics: Arc::default(), make }
    }

    /// Does something to the metric with these labels, which is made if it is not there.
    pub(super) fn with(&self, labels: S, act: impl FnOnce(&M)) {
        act(self.metrics.lock().entry(labels).or_insert_with(self.make));
    }
}

impl<S, M> Clone for Family<S, M> {
    fn clone(&self) -> Self {
        Self { metrics: self.metrics.clone(), make: self.make }
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
