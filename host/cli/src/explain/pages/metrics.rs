//! The page of metrics, read from an encoding with one sample of each.

use std::sync::Arc;
use std::time::Duration;

use far_core::AgentId;
use far_core::pal::{Completion, EgressReason, Event, Outcome, Pal, SecretRef, Subject};
use far_core::provider::{CallCounter, CallCounts, ServerRole};
use far_core::{ProviderId, SecretName};
use far_runtime::Metrics;

use super::markdown::{Document, code};

pub(super) fn write(page: &mut Document) {
    page.heading(1, "Metrics");
    page.text(
        "The metrics of `far run --metrics` and of `far_runtime::Metrics`, in the OpenMetrics format. The guide to \
         [metrics](../guides/metrics.md) shows how to collect them.",
    );
    page.text(
        "All metrics count from the start of the process. The reasons of violations and the metrics of a server exist \
         with the value 0 from the start: `increase()` does not see the first sample of a new series. A label that \
         does not apply is empty. To Prometheus, an empty label is the same as no label.",
    );
    let metrics = encoded().map(|text| parse(&text)).unwrap_or_default();
    page.table(
        ["metric", "type", "labels", "meaning"],
        metrics.into_iter().map(|metric| {
            let labels: Vec<_> = metric.labels.iter().map(|label| code(label)).collect();
            [code(&metric.name), metric.kind, labels.join(", "), metric.help]
        }),
    );
    page.text(
        "`far_events_total` counts records, accepted by a file of `--pal` or `--audit` or not; a record for several \
         events counts once. `far_secret_fetch_seconds` includes calls without an answer in time, but no cached \
         values. `far_requests_total` has the [reasons](reasons.md#request) of the events, and the outcome `denied` \
         for denied requests. `far_locked_memory_bytes` has the states `used` and `budget`, which is \
         `RLIMIT_MEMLOCK`, at most 64 MiB. `far_locked_memory_info` has the kind `memfd-secret`, or `locked` where \
         the kernel has no such pages.",
    );
    page.text(
        "The metrics that begin with `far_backend_` exist for each server that a provider calls over the network. \
         `server` is `backend`, or `issuer` if it issues tokens in exchange for keys. A provider without network \
         calls, such as a `.env` file, has none of these. The `outcome` of a call is `ok`, or the \
         [reason](reasons.md#backend). Treat each of `far_backend_unwraps_failed_total` as an incident: another \
         client may have unwrapped the credential.",
    );
    page.heading(2, "Labels");
    page.text(
        "A label is a fixed token of the program, or the name of a provider in `far.toml`. No label contains the name \
         of a secret, a task, a skill or a host, or text of a skill. A skill therefore cannot create a series, however \
         many names it invents. No metric contains a value of a secret.",
    );
}

/// A metric of the encoding.
struct Metric {
    /// The name of its samples, without the suffix of a histogram.
    name: String,
    kind: String,
    help: String,
    labels: Vec<String>,
}

/// Encodes metrics with a sample of each family.
fn encoded() -> Option<String> {
    let metrics = Metrics::new();
    let pal = Pal::builder().sink(metrics.clone()).build();
    let (provider, secret) = (ProviderId::parse("sample").ok()?, SecretName::parse("sample").ok()?);
    let subject = Arc::new(Subject::agent(AgentId::parse("sample").ok()?));
    let fetched = Completion::new(None, Duration::ZERO);
    pal.note(&subject, Event::secret_fetched(SecretRef::new(&secret, &provider), fetched, None));
    pal.note(&subject, Event::task_finished(Outcome::Completed, None, None, Duration::ZERO));
    pal.note(&subject, Event::egress_denied(None, EgressReason::Url));
    metrics.watch(&provider, ServerRole::Backend, Arc::new(Sample));
    metrics.text().ok()
}

struct Sample;

impl CallCounter for Sample {
    fn counts(&self) -> CallCounts {
        CallCounts { calls: vec![("ok", 0)], ..CallCounts::default() }
    }
}

/// Parses the OpenMetrics format.
fn parse(text: &str) -> Vec<Metric> {
    let mut metrics: Vec<Metric> = Vec::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|line| line.split_once(' ')) {
            metrics.push(Metric {
                name: name.to_owned(),
                kind: String::new(),
                help: help.to_owned(),
                labels: Vec::new(),
            });
        } else if let Some(metric) = metrics.last_mut() {
            if let Some(kind) = line.strip_prefix("# TYPE ").and_then(|line| line.split(' ').nth(1)) {
                kind.clone_into(&mut metric.kind);
                if kind == "counter" {
                    metric.name.push_str("_total");
                }
            } else if let (false, Some((_, labels))) = (line.starts_with('#'), line.split_once('{')) {
                let names =
                    labels.split("\",").filter_map(|label| label.split_once('=')).map(|(name, _)| name.to_owned());
                if metric.labels.is_empty() {
                    metric.labels = names.filter(|name| name != "le").collect();
                }
            }
        }
    }
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_type_help_and_labels() {
        let metrics = parse(&encoded().unwrap());
        assert_eq!(metrics.len(), 17);
        for metric in metrics {
            assert!(
                !metric.kind.is_empty() && metric.help.ends_with('.') && !metric.labels.is_empty(),
                "{}",
                metric.name
            );
        }
    }
}
