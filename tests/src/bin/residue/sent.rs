//! Secrets in HTTPS requests: nowhere in memory after the task, and never in the guest.

use std::time::{Duration, Instant};

use far_core::pal::EventKind;
use far_needle::Needle;
use far_runtime::{End, Report};
use far_tests::process_memory::{Findings, MemoryRegion, ProcessMemory};
use serde_json::{Value, json};

use crate::controls::LONG;
use crate::host::secret;
use crate::network::Network;
use crate::remote::{Key, Remote};
use crate::row::Row;

/// The time for the HTTP library's task to free a connection after its client.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(4);
const POLL: Duration = Duration::from_millis(50);
/// The time limit of a task with a delayed answer: enough to send the request and to search.
const HELD: Duration = Duration::from_secs(6);
/// The reason for repeated searches, in reports.
const WAITED: &str =
    "the HTTP library's task that owns the connection: searched every 50 ms until nothing was found, 4 s at most";

/// Runs the selected checks.
pub(crate) async fn all(
    network: &mut Network,
    memory: &mut ProcessMemory,
    selected: impl Fn(&str) -> bool,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for (id, request, more) in requests(network) {
        if selected(id) {
            rows.push(sent(network, memory, id, &request, more).await);
        }
    }
    if selected("sealed.time-out") {
        rows.extend(held(network, memory).await);
    }
    if selected("sealed.client-certificate") {
        rows.push(client_certificate(network, memory).await);
    }
    if selected("sign-jwt.hs256") {
        let key = secret();
        network.alpha(key.value());
        rows.extend(signed(network, memory, "sign-jwt.hs256", "hs", SigningKey::Text(&key)).await);
    }
    for (id, name, key) in KEYS.into_iter().filter(|(id, ..)| selected(id)) {
        network.alpha(&key(&network.remote).pem);
        rows.extend(signed(network, memory, id, name, SigningKey::Key(key)).await);
    }
    rows
}

/// Returns the requests, each with an optional second one that ends the task.
fn requests(network: &Network) -> Vec<(&'static str, Value, Option<Value>)> {
    let to = |path: &str| format!("{}{path}", network.remote.address.open);
    let bearer = |path: &str| json!({ "method": "GET", "url": to(path), "bearer": "alpha" });
    let elsewhere = json!({ "method": "GET", "url": "https://localhost:1/", "bearer": "alpha" });
    let header = json!({ "method": "GET", "url": to("/"), "headers": [["x-api-key", "{alpha}"]] });
    vec![
        ("sealed.completed", bearer("/"), None),
        ("sealed.echoed", bearer("/echo"), None),
        ("sealed.scope-violation", bearer("/"), Some(elsewhere)),
        ("sealed.basic", json!({ "method": "GET", "url": to("/echo"), "basic": ["user", "alpha"] }), None),
        ("sealed.header", header, None),
        ("sealed.query", json!({ "method": "GET", "url": to("/echo?key={alpha}") }), None),
    ]
}

async fn sent(network: &Network, memory: &mut ProcessMemory, id: &str, request: &Value, more: Option<Value>) -> Row {
    let secret = secret();
    network.alpha(secret.value());
    let outcome = if more.is_some() { "scope-violation" } else { "completed, answered" };
    let requests: Vec<_> = [request.clone()].into_iter().chain(more).collect();
    let seen = run(network, &["alpha"], &json!(requests)).await;
    cleared(memory, id, &format!("secret.used, {outcome}"), seen, &[&secret]).await
}

/// Searches while the guest waits in a host call for a delayed answer.
async fn held(network: &mut Network, memory: &mut ProcessMemory) -> [Row; 3] {
    let secret = secret();
    network.alpha(secret.value());
    let url = format!("{}/hold", network.remote.address.open);
    let mut running = network.send(&["alpha"], &json!([{ "method": "GET", "url": url, "bearer": "alpha" }]), HELD);
    network.remote.wait_held();
    let findings = memory.search(&secret).unwrap();
    let report = (&mut running.task).await.unwrap();
    let seen = seen(&report, &running.all_recorded().await);
    drop(report);
    network.remote.release();
    let (guest, hosts) = (findings.hits_in(MemoryRegion::Guest), findings.hits.len());
    let examined = findings.examined.get(&MemoryRegion::Guest).is_some_and(|bytes| *bytes > 0);
    let control = if hosts > guest { "found in the host" } else { "nothing" };
    let control = Row::found("control.sealed.held", "found in the host", control, &findings);
    let guest_matches = format!("{}; {guest} hits in the guest", if examined { "searched" } else { "no guest memory" });
    let held = Row::found("sealed.held.guest", "searched; 0 hits in the guest", guest_matches, &findings);
    let ended = cleared(memory, "sealed.time-out", "secret.used, timed-out", seen, &[&secret]).await;
    [control, held, ended]
}

async fn client_certificate(network: &Network, memory: &mut ProcessMemory) -> Row {
    let key = &network.remote.identity;
    network.alpha(&key.pem);
    let url = format!("{}/", network.remote.address.mutual);
    let request = json!([{ "method": "GET", "url": url, "headers": [["far-client-certificate", "{alpha}"]] }]);
    let seen = run(network, &["alpha"], &request).await;
    cleared(memory, "sealed.client-certificate", "secret.used, completed, answered", seen, &key.needles()).await
}

/// Selects a key that the other process created.
type KeySelector = fn(&Remote) -> &Key;

/// The signing keys, by check and secret.
const KEYS: [(&str, &str, KeySelector); 3] = [
    ("sign-jwt.rs256", "rs", |remote| &remote.rsa),
    ("sign-jwt.es256", "es", |remote| &remote.ec),
    ("sign-jwt.eddsa", "ed", |remote| &remote.ed),
];

/// The key that signs a token.
#[derive(Clone, Copy)]
enum SigningKey<'a> {
    Text(&'a Needle),
    Key(KeySelector),
}

impl<'a> SigningKey<'a> {
    fn needles(self, remote: &'a Remote) -> Vec<&'a Needle> {
        match self {
            Self::Text(text) => vec![text],
            Self::Key(key) => key(remote).needles(),
        }
    }
}

/// Signs a token. The control finds the key in locked memory while the task waits for an answer.
async fn signed(
    network: &mut Network,
    memory: &mut ProcessMemory,
    id: &str,
    name: &str,
    signing_key: SigningKey<'_>,
) -> [Row; 2] {
    let url = format!("{}/hold", network.remote.address.open);
    let request = json!([{ "method": "GET", "url": url, "signed": [name, { "scope": "a" }] }]);
    let mut running = network.send(&[], &request, LONG);
    network.remote.wait_held();
    let findings = memory.search(signing_key.needles(&network.remote)[0]).unwrap();
    let control = Row::found_in(&format!("control.{id}"), &[MemoryRegion::Locked], &findings);
    network.remote.release();
    let report = (&mut running.task).await.unwrap();
    let seen = seen(&report, &running.all_recorded().await);
    drop(report);
    let signature = network.remote.signature();
    let needles: Vec<_> = signing_key.needles(&network.remote).into_iter().chain(&signature).collect();
    [control, cleared(memory, id, "secret.used, completed, answered", seen, &needles).await]
}

/// Runs a task that sends these requests, and summarizes it.
pub(crate) async fn run(network: &Network, secrets: &[&str], requests: &Value) -> String {
    let mut running = network.send(secrets, requests, LONG);
    let report = (&mut running.task).await.unwrap();
    seen(&report, &running.all_recorded().await)
}

/// Describes the use of the secret, the outcome, and whether all answers were successful.
pub(crate) fn seen(report: &Report, recorded: &[EventKind]) -> String {
    let used = if recorded.contains(&EventKind::SecretUsed) { "secret.used" } else { "not used" };
    let answers = match &report.end {
        End::Completed(output) => {
            let output: Value = serde_json::from_slice(output).unwrap();
            let answers = output["answers"].as_array().unwrap();
            if answers.iter().all(|answer| answer["status"] == 200) { ", answered" } else { ", not answered" }
        }
        _ => "",
    };
    format!("{used}, {}{answers}", report.end.outcome().as_str())
}

/// Searches until nothing is found or the time is over.
pub(crate) async fn cleared(
    memory: &mut ProcessMemory,
    id: &str,
    expected: &str,
    seen: String,
    needles: &[&Needle],
) -> Row {
    let (end, mut searches) = (Instant::now() + CLEANUP_TIMEOUT, 0);
    let findings = loop {
        let all = needles.iter().map(|needle| memory.search(needle).unwrap());
        let findings = all.reduce(Findings::and).unwrap();
        searches += 1;
        if findings.hits.is_empty() || Instant::now() > end {
            break findings;
        }
        tokio::time::sleep(POLL).await;
    };
    Row::clean(id, expected, seen, &findings).with("waited_for", WAITED).with("searches", searches)
}
