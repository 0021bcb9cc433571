//! Secrets that backends fetch over TLS: after the task, the value and the credential are nowhere
//! in memory.

use far_needle::Needle;
use far_tests::process_memory::{MemoryRegion, ProcessMemory};
use serde_json::json;

use crate::controls::LONG;
use crate::host::secret;
use crate::network::Network;
use crate::row::Row;
use crate::sent::{cleared, run, seen};

const EXPECTED: &str = "secret.used, completed, answered";

/// Checks secrets from a Vault server and exchanged tokens.
pub(crate) async fn all(
    network: &mut Network,
    memory: &mut ProcessMemory,
    token: &Needle,
    selected: impl Fn(&str) -> bool,
) -> Vec<Row> {
    let mut rows = Vec::new();
    if selected("fetched-by-tls.vault") {
        let value = secret();
        let seen = fetch(network, "vault", &value).await;
        rows.push(cleared(memory, "fetched-by-tls.vault", EXPECTED, seen, &[&value]).await);
        // The provider keeps its token for its own lifetime.
        rows.push(Row::found_in("fetched-by-tls.vault.token", &[MemoryRegion::Locked], &memory.search(token).unwrap()));
    }
    if selected("exchanged.github-app") {
        rows.extend(github_app(network, memory).await);
    }
    for (id, name) in [("exchanged.basic", "basic"), ("exchanged.body", "body")] {
        if selected(id) {
            let (key, value) = (network.remote.alphanumeric(), secret());
            network.key(key.value());
            let seen = fetch(network, name, &value).await;
            rows.push(cleared(memory, id, EXPECTED, seen, &[&key, &value]).await);
        }
    }
    rows
}

/// Exchanges an App's key. The control finds the key in memory while the issuer delays its answer.
async fn github_app(network: &mut Network, memory: &mut ProcessMemory) -> [Row; 2] {
    let value = secret();
    network.key(&network.remote.rsa.pem);
    network.remote.set_value(value.value());
    network.remote.hold_next();
    let url = format!("{}/echo", network.remote.address.open);
    let mut running = network.send(&["app"], &json!([{ "method": "GET", "url": url, "bearer": "app" }]), LONG);
    network.remote.wait_held();
    let findings = memory.search(&network.remote.rsa.text).unwrap();
    network.remote.release();
    let control = Row::found_in("control.exchanged.github-app", &[MemoryRegion::Locked], &findings);
    let report = (&mut running.task).await.unwrap();
    let seen = seen(&report, &running.all_recorded().await);
    drop(report);
    let signature = network.remote.signature();
    let needles: Vec<_> = network.remote.rsa.needles().into_iter().chain(&signature).chain([&*value]).collect();
    [control, cleared(memory, "exchanged.github-app", EXPECTED, seen, &needles).await]
}

async fn fetch(network: &mut Network, name: &str, value: &Needle) -> String {
    network.remote.set_value(value.value());
    let url = format!("{}/echo", network.remote.address.open);
    run(network, &[name], &json!([{ "method": "GET", "url": url, "bearer": name }])).await
}
