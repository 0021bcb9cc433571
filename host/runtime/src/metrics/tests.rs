//! Tests of the encoded metrics, with synthetic events.

use far_core::pal::{Completion, DestinationLabel, EgressReason, LogLevel, Pal, SecretLabel, SecretRef, Subject};
use far_core::provider::{CallCounter, CallCounts, ServerRole};
use far_core::{AgentId, SkillDigest, TaskId, Version};

use super::*;

const VAULT: &str = "vault";

fn of_task(id: &str) -> Arc<Subject> {
    Arc::new(Subject {
        task_id: Some(TaskId::parse(id).unwrap()),
        skill_digest: Some(SkillDigest::of(id.as_bytes())),
        ..Subject::agent(AgentId::parse("a").unwrap())
    })
}

fn secret(name: &str, provider: &str) -> SecretRef {
    SecretRef::new(&name.parse().unwrap(), &provider.parse().unwrap())
}

fn requested(provider: &str) -> Event {
    Event::secret_requested(&"secret".parse().unwrap(), &provider.parse().unwrap(), None)
}

/// Returns the completion of an action after this many milliseconds.
fn after(milliseconds: u64, failed: Option<&'static str>) -> Completion {
    Completion::new(failed, Duration::from_millis(milliseconds))
}

fn fetched(milliseconds: u64, failed: Option<&'static str>, cause: Option<Cause>) -> Event {
    Event::secret_fetched(secret("secret", VAULT), after(milliseconds, failed), cause)
}

fn denied(reason: DenyReason) -> Event {
    Event::secret_denied(SecretLabel::Unlisted([0; 8]), None, reason)
}

fn finished(outcome: Outcome, milliseconds: u64) -> Event {
    Event::task_finished(outcome, None, None, Duration::from_millis(milliseconds))
}

/// Encodes the metrics after these events.
fn text_of<'a>(events: impl IntoIterator<Item = &'a Event>) -> String {
    let metrics = Metrics::new();
    let pal = Pal::builder().sink(metrics.clone()).build();
    for event in events {
        pal.note(&of_task("t"), event.clone());
    }
    metrics.text().unwrap()
}

/// Returns the lines that contain `of`. Other metrics, such as locked memory, depend on the
/// machine.
fn lines(text: &str, of: &str) -> String {
    text.lines().filter(|line| line.contains(of)).map(|line| format!("{line}\n")).collect()
}

/// Returns the series without their values.
fn series(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect()
}

#[test]
fn events_are_counted_by_labels() {
    let text = text_of(&[
        Event::task_started(),
        fetched(3, None, None),
        fetched(3, None, Some(Cause::Rotation)),
        Event::task_started(),
    ]);
    assert_eq!(
        lines(&text, "far_events"),
        r#"# HELP far_events Events of the PAL.
# TYPE far_events counter
far_events_total{event="secret.fetched",outcome="completed",cache="miss",cause="",provider="vault"} 1
far_events_total{event="secret.fetched",outcome="completed",cache="miss",cause="rotation",provider="vault"} 1
far_events_total{event="task.started",outcome="",cache="",cause="",provider=""} 2
"#
    );
}

#[test]
fn only_provider_responses_count_as_fetches() {
    let mut events = vec![
        fetched(3, None, None),
        Event::secret_refreshed(secret("secret", VAULT), after(80, None), None),
        Event::secret_reissued(secret("secret", VAULT), after(60_000, None), None),
        fetched(1, Some("timeout"), None),
    ];
    let counted = text_of(&events);
    assert_eq!(
        lines(&counted, "far_secret_fetch_seconds").lines().skip(3).collect::<Vec<_>>().join("\n"),
        r#"far_secret_fetch_seconds_sum{provider="vault",outcome="completed"} 60.083
far_secret_fetch_seconds_count{provider="vault",outcome="completed"} 3
far_secret_fetch_seconds_bucket{le="0.0005",provider="vault",outcome="completed"} 0
far_secret_fetch_seconds_bucket{le="0.001",provider="vault",outcome="completed"} 0
far_secret_fetch_seconds_bucket{le="0.0025",provider="vault",outcome="completed"} 0
far_secret_fetch_seconds_bucket{le="0.005",provider="vault",outcome="completed"} 1
far_secret_fetch_seconds_bucket{le="0.01",provider="vault",outcome="completed"} 1
far_secret_fetch_seconds_bucket{le="0.025",provider="vault",outcome="completed"} 1
far_secret_fetch_seconds_bucket{le="0.05",provider="vault",outcome="completed"} 1
far_secret_fetch_seconds_bucket{le="0.1",provider="vault",outcome="completed"} 2
far_secret_fetch_seconds_bucket{le="0.25",provider="vault",outcome="completed"} 2
far_secret_fetch_seconds_bucket{le="0.5",provider="vault",outcome="completed"} 2
far_secret_fetch_seconds_bucket{le="1.0",provider="vault",outcome="completed"} 2
far_secret_fetch_seconds_bucket{le="2.5",provider="vault",outcome="completed"} 2
far_secret_fetch_seconds_bucket{le="10.0",provider="vault",outcome="completed"} 2
far_secret_fetch_seconds_bucket{le="+Inf",provider="vault",outcome="completed"} 3
far_secret_fetch_seconds_sum{provider="vault",outcome="failed"} 0.001
far_secret_fetch_seconds_count{provider="vault",outcome="failed"} 1
far_secret_fetch_seconds_bucket{le="0.0005",provider="vault",outcome="failed"} 0
far_secret_fetch_seconds_bucket{le="0.001",provider="vault",outcome="failed"} 1
far_secret_fetch_seconds_bucket{le="0.0025",provider="vault",outcome="failed"} 1
far_secret_fetch_seconds_bucket{le="0.005",provider="vault",outcome="failed"} 1
far_secret_fetch_seconds_bucket{le="0.01",provider="vault",outcome="failed"} 1
far_secret_fetch_seconds_bucket{le="0.025",provider="vault",outcome="failed"} 1
far_secret_fetch_seconds_bucket{le="0.05",provider="vault",outcome="failed"} 1
far_secret_fetch_seconds_bucket{le="0.1",provider="vault",outcome="failed"} 1
far_secret_fetch_seconds_bucket{le="0.25",provider="vault",outcome="failed"} 1
far_secret_fetch_seconds_bucket{le="0.5",provider="vault",outcome="failed"} 1
far_secret_fetch_seconds_bucket{le="1.0",provider="vault",outcome="failed"} 1
far_secret_fetch_seconds_bucket{le="2.5",provider="vault",outcome="failed"} 1
far_secret_fetch_seconds_bucket{le="10.0",provider="vault",outcome="failed"} 1
far_secret_fetch_seconds_bucket{le="+Inf",provider="vault",outcome="failed"} 1"#
    );
    // Handles and cache hits have a duration and a cause too. A scheduled rotation returns no
    // value.
    for cache in [CacheState::Miss, CacheState::Hit] {
        events.push(Event::secret_injected(secret("secret", VAULT), after(3, None), cache));
    }
    events.push(Event::secret_rotated(secret("secret", VAULT), after(3, None), Cause::Schedule));
    let of = "far_secret_fetch_seconds";
    assert_eq!(lines(&text_of(&events), of), lines(&counted, of));
}

#[test]
fn tasks_and_violations_are_counted() {
    let events =
        [denied(DenyReason::Undeclared), finished(Outcome::ScopeViolation, 20), finished(Outcome::Completed, 31_000)];
    let text = text_of(&events);
    for (outcome, sum, within) in [("completed", "31.0", 0), ("scope-violation", "0.02", 1)] {
        assert_eq!(lines(&text, "_sum{"), lines(&text, "far_task_seconds_sum"), "no secret was fetched");
        let expected = [
            format!("far_task_seconds_sum{{outcome=\"{outcome}\"}} {sum}\n"),
            format!("far_task_seconds_bucket{{le=\"30.0\",outcome=\"{outcome}\"}} {within}\n"),
        ];
        assert!(expected.iter().all(|line| text.contains(line)), "{text}");
    }
    let violations = lines(&text, "far_violations_total");
    assert_eq!(violations.lines().filter(|line| !line.ends_with(" 0")).count(), 1, "{violations}");
    assert!(violations.contains("{reason=\"undeclared\"} 1\n"));
    let fresh = lines(&text_of(&[]), "far_violations_total");
    assert_eq!(series(&fresh), series(&violations), "each reason has a series at zero");
}

#[test]
fn encoding_is_deterministic() {
    let mut events: Vec<_> = ["a", "b", "c", "d"].map(requested).into();
    events.extend([fetched(3, None, None), finished(Outcome::Completed, 1), finished(Outcome::Failed, 1)]);
    // Other tests use locked memory too.
    let masked = |text: &str| -> String {
        let is_used = |line: &&str| line.contains("state=\"used\"");
        text.lines().map(|line| if is_used(&line) { "used\n".to_owned() } else { format!("{line}\n") }).collect()
    };
    let text = masked(&text_of(&events));
    events.reverse();
    assert_eq!(masked(&text_of(&events)), text);
    assert_eq!(text.matches("# EOF\n").count(), 1);
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn guest_cannot_add_series() {
    let hostile = |number: u32| {
        let (name, hash) = (format!("name-{number}"), u64::from(number).to_be_bytes());
        [
            Event::secret_denied(SecretLabel::Unlisted(hash), None, DenyReason::Undeclared),
            Event::secret_fetched(
                secret(&name, VAULT).with_version(Some(Version::parse(&name).unwrap())),
                after(3, None),
                None,
            ),
            Event::egress_denied(Some(DestinationLabel::Unlisted(hash)), EgressReason::Address),
            Event::skill_logged(LogLevel::Warn, u64::from(number)),
            Event::skill_logged_more(u64::from(number), u64::from(number)),
        ]
    };
    let metrics = Metrics::new();
    let pal = Pal::builder().sink(metrics.clone()).build();
    let all = |numbers: std::ops::Range<u32>| {
        for number in numbers {
            for event in hostile(number) {
                pal.note(&of_task(&format!("task-{number}")), event);
            }
        }
        metrics.text().unwrap()
    };
    let (one, many) = (all(0..1), all(1..1000));
    assert_eq!(series(&many), series(&one));
    assert!(many.contains("far_violations_total{reason=\"undeclared\"} 1000\n"), "they were counted");
    // A configured provider does add one.
    pal.note(&of_task("t"), requested("another"));
    assert_eq!(series(&metrics.text().unwrap()).len(), series(&many).len() + 1);
}

struct Fixed;

impl CallCounter for Fixed {
    fn counts(&self) -> CallCounts {
        let calls = vec![("ok", 8), ("timeout", 0)];
        CallCounts {
            calls,
            attempts: 11,
            retries: 3,
            opened: 1,
            refused: 2,
            throttled: 4,
            shared: 5,
            absent: 6,
            logins: 7,
            failed_unwraps: 9,
        }
    }
}

#[test]
fn servers_have_separate_series() {
    let metrics = Metrics::new();
    assert_eq!(lines(&metrics.text().unwrap(), "far_backend"), "", "no metric without series");
    for (provider, server) in
        [("vault", ServerRole::Issuer), ("vault", ServerRole::Backend), ("other", ServerRole::Backend)]
    {
        metrics.servers.watch(provider.parse().unwrap(), server, Arc::new(Fixed));
    }
    // Watching the same server again replaces its counters.
    metrics.servers.watch(VAULT.parse().unwrap(), ServerRole::Issuer, Arc::new(Fixed));
    let text = metrics.text().unwrap();
    assert_eq!(
        lines(&text, "far_backend_calls"),
        r#"# HELP far_backend_calls Finished calls of a server, including their retries.
# TYPE far_backend_calls counter
far_backend_calls_total{provider="other",server="backend",outcome="ok"} 8
far_backend_calls_total{provider="other",server="backend",outcome="timeout"} 0
far_backend_calls_total{provider="vault",server="backend",outcome="ok"} 8
far_backend_calls_total{provider="vault",server="backend",outcome="timeout"} 0
far_backend_calls_total{provider="vault",server="issuer",outcome="ok"} 8
far_backend_calls_total{provider="vault",server="issuer",outcome="timeout"} 0
"#
    );
    assert_eq!(
        lines(&text, "_total{provider=\"vault\",server=\"issuer\"}"),
        r#"far_backend_attempts_total{provider="vault",server="issuer"} 11
far_backend_retries_total{provider="vault",server="issuer"} 3
far_backend_circuit_opened_total{provider="vault",server="issuer"} 1
far_backend_circuit_refused_total{provider="vault",server="issuer"} 2
far_backend_throttled_total{provider="vault",server="issuer"} 4
far_backend_flights_shared_total{provider="vault",server="issuer"} 5
far_backend_absences_remembered_total{provider="vault",server="issuer"} 6
far_backend_logins_total{provider="vault",server="issuer"} 7
far_backend_unwraps_failed_total{provider="vault",server="issuer"} 9
"#
    );
}

#[test]
fn types_are_valid_in_prometheus_format() {
    let metrics = Metrics::new();
    metrics.servers.watch(VAULT.parse().unwrap(), ServerRole::Backend, Arc::new(Fixed));
    metrics.count(&finished(Outcome::Completed, 1));
    let text = metrics.text().unwrap();
    let mut types: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').nth(1)).collect();
    types.sort_unstable();
    types.dedup();
    assert_eq!(types, ["counter", "gauge", "histogram"], "the textfile collector rejects other types");
}
