//! Hostile guests can increment the host's counters, but not add series.
#![expect(clippy::unwrap_used, reason = "a failed setup is a failed test")]

use std::sync::Arc;

use far_component::embed;
use far_core::pal::Pal;
use far_runtime::{End, Metrics, Report, Task};
use far_tests::egress_fixture::answers;
use far_tests::guests;
use far_tests::host::{Parts, SECRETS, TestHost, results};
use serde_json::{Value, json};

/// The number of names that the guest invents.
const NAME_COUNT: usize = 1000;

struct Host {
    host: TestHost,
    metrics: Arc<Metrics>,
}

impl Host {
    fn new() -> Self {
        let metrics = Metrics::new();
        let host = TestHost::of(Parts { pal: Pal::builder().sink(metrics.clone()), ..Parts::default() });
        Self { host, metrics }
    }

    /// Runs a probe with a grant of `alpha`.
    async fn probe(&self, steps: Value) -> Report {
        let task = self.host.task(guests::PROBE, &["alpha:sign"], &json!({ "steps": steps })).await;
        self.host.runtime.run(task).await
    }

    /// Returns the text, and its series without numbers. Asserts that the text has no value.
    fn exposition(&self) -> (String, Vec<String>) {
        let text = self.metrics.text().unwrap();
        assert!(SECRETS.iter().all(|(_, value)| !text.contains(value)), "a value in the metrics");
        let series = text.lines().filter(|line| !line.starts_with('#'));
        let series = series.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect();
        (text, series)
    }
}

/// Returns an invented name: valid ones, invalid ones, and ones that try to inject labels or lines.
fn invented_name(number: usize) -> Value {
    let text = match number % 4 {
        0 => format!("made-up-{number}"),
        1 => format!("made-up-{number}\"}} 1\nfar_made_up_total{{reason=\"{number}"),
        2 => format!("made-up/{number}\\"),
        _ => format!("made-up.{number}\u{0}"),
    };
    Value::String(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn invented_names_add_no_series() {
    let host = Host::new();
    let ask = |number: usize| {
        let log = json!({ "do": "log", "level": "warn", "message": invented_name(number) });
        host.probe(json!([log, { "do": "get", "name": invented_name(number) }]))
    };
    // One of each kind.
    for number in 0..4 {
        assert!(matches!(ask(number).await.end, End::Violation(_)));
    }
    let (_, before) = host.exposition();
    for number in 4..NAME_COUNT {
        ask(number).await;
    }
    let (text, after) = host.exposition();
    assert_eq!(after, before);
    assert!(!text.contains("made-up") && !text.contains("unlisted"), "{text}");
    let counted = |reason, times| text.contains(&format!("far_violations_total{{reason=\"{reason}\"}} {times}\n"));
    assert!(counted("undeclared", NAME_COUNT / 4) && counted("invalid-name", NAME_COUNT * 3 / 4), "{text}");

    // The twin: a configured secret adds its series once.
    let uses = json!([{ "do": "get", "name": "alpha" }]);
    assert_eq!(results(&host.probe(uses.clone()).await).len(), 1);
    let (_, granted) = host.exposition();
    assert!(granted.len() > after.len());
    host.probe(uses).await;
    assert_eq!(host.exposition().1, granted);
}

#[tokio::test(flavor = "multi_thread")]
async fn invented_hosts_add_no_series() {
    let host = Host::new();
    let declaration = json!({ "name": "sender", "version": "1", "description": "", "secrets": [] });
    let component = std::fs::read(guests::SENDER).unwrap();
    let component = embed(&component, declaration.to_string().as_bytes(), false).unwrap().component;
    let skill = host.host.runtime.load(component).await.unwrap();
    let send = async |hosts: std::ops::Range<usize>| {
        let request = |number| json!({ "method": "GET", "url": format!("https://made-up-{number}.example/{number}") });
        let requests: Vec<_> = hosts.clone().map(request).collect();
        let input = json!({ "secrets": [], "requests": requests });
        let report = host.host.runtime.run(Task::new(&skill).with_input(input.to_string())).await;
        assert_eq!(answers(&report).len(), hosts.len());
        let version = json!(format!("made-up-{}", hosts.start));
        host.probe(json!([{ "do": "get-version", "name": "alpha", "version": version }])).await;
    };
    send(0..1).await;
    let (_, before) = host.exposition();
    send(1..100).await;
    let (text, after) = host.exposition();
    assert_eq!(after, before);
    let denied = r#"far_events_total{event="egress.denied",outcome="failed",cache="",cause="",provider=""} 100"#;
    assert!(text.contains(denied) && !text.contains("made-up"), "{text}");
}
