//! What hostile guests can do to the counters of the host that runs them: have them count, and no more.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::sync::Arc;

use far_component::embed;
use far_core::pal::Pal;
use far_runtime::{End, Metrics, Report, Task};
use far_tests::guests;
use far_tests::host::{Parts, SECRETS, TestHost, results};
use far_tests::place::answers;
use serde_json::{Value, json};

/// How many names a guest makes up.
const MANY: usize = 1000;

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

    /// Runs a probe that is granted alpha.
    async fn probe(&self, steps: Value) -> Report {
        let task = self.host.task(guests::PROBE, &["alpha:sign"], &json!({ "steps": steps })).await;
        self.host.runtime.run(task).await
    }

    /// The text, in which there is no value; and of it the names and labels, without numbers.
    fn told(&self) -> (String, Vec<String>) {
        let text = self.metrics.text().unwrap();
        assert!(SECRETS.iter().all(|(_, value)| !text.contains(value)), "a value in the metrics");
        let series = text.lines().filter(|line| !line.starts_with('#'));
        let series = series.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect();
        (text, series)
    }
}

/// What a guest makes up: names that are none, that would be labels or lines if nobody looked, and that are as good as any.
fn made_up(number: usize) -> Value {
    let text = match number % 4 {
        0 => format!("made-up-{number}"),
        1 => format!("made-up-{number}\"}} 1\nfar_made_up_total{{reason=\"{number}"),
        2 => format!("made-up/{number}\\"),
        _ => format!("made-up.{number}\u{0}"),
    };
    Value::String(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_made_up_names_make_no_series() {
    let host = Host::new();
    let ask = |number: usize| {
        let said = json!({ "do": "log", "level": "warn", "message": made_up(number) });
        host.probe(json!([said, { "do": "get", "name": made_up(number) }]))
    };
    // Of each kind one.
    for number in 0..4 {
        assert!(matches!(ask(number).await.end, End::Violation(_)));
    }
    let (_, before) = host.told();
    for number in 4..MANY {
        ask(number).await;
    }
    let (text, after) = host.told();
    assert_eq!(after, before);
    assert!(!text.contains("made-up") && !text.contains("unlisted"), "{text}");
    let counted = |reason, times| text.contains(&format!("far_violations_total{{reason=\"{reason}\"}} {times}\n"));
    assert!(counted("undeclared", MANY / 4) && counted("invalid-name", MANY * 3 / 4), "{text}");

    // The twin, which may: what the operator configured makes a series, once.
    let uses = json!([{ "do": "get", "name": "alpha" }]);
    assert_eq!(results(&host.probe(uses.clone()).await).len(), 1);
    let (_, granted) = host.told();
    assert!(granted.len() > after.len());
    host.probe(uses).await;
    assert_eq!(host.told().1, granted);
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_do_made_up_hosts_and_versions() {
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
    let (_, before) = host.told();
    send(1..100).await;
    let (text, after) = host.told();
    assert_eq!(after, before);
    let denied = r#"far_events_total{event="egress.denied",outcome="failed",cache="",cause="",provider=""} 100"#;
    assert!(text.contains(denied) && !text.contains("made-up"), "{text}");
}
