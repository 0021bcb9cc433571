//! Metrics of locked memory.

use std::fmt;

use far_core::memory::{backing, usage};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

#[derive(Debug)]
pub(super) struct LockedMemory;

impl Collector for LockedMemory {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let usage = usage();
        let help = "Locked memory: used by live values, and the budget.";
        let mut bytes = encoder.encode_descriptor("locked_memory", help, Some(&Unit::Bytes), MetricType::Gauge)?;
        for (state, size) in [("budget", usage.budget), ("used", usage.used)] {
            let size = ConstGauge::new(u64::try_from(size).unwrap_or(u64::MAX));
            size.encode(bytes.encode_family(&[("state", state)])?)?;
        }
        // Not the OpenMetrics type 'info', which the textfile collector rejects.
        let help = "Kind of the locked memory.";
        let mut info = encoder.encode_descriptor("locked_memory_info", help, None, MetricType::Gauge)?;
        ConstGauge::new(1_u64).encode(info.encode_family(&[("kind", backing().as_str())])?)
    }
}
