//! Secrets that backends fetch over TLS: the value, and what it was fetched with, are nowhere after the task.

use far_needle::Needle;
use far_tests::process_memory::{Place, ProcessMemory};
use serde_json::json;

use crate::controls::LONG;
use crate::host::secret;
use crate::network::Network;
use crate::row::Row;
use crate::sent::{cleared, run, seen};

const EXPECTED: &str = "secret.used, completed, answered";

/// From a server of Vault's API, and tokens that keys were exchanged for.
pub(crate) async fn all(
    network: &mut Network,
    memory: &mut ProcessMemory,
    token: &Needle,
    wanted: impl Fn(&str) -> bool,
) -> Vec<Row> {
    let mut rows = Vec::new();
    if wanted("fetched-by-tls.vault") {
        let value = secret();
        let seen = fetch(network, "vault", &value).await;
        rows.push(cleared(memory, "fetched-by-tls.vault", EXPECTED, seen, &[&value]).await);
        // The provider keeps its token as long as it is there.
        rows.push(Row::found_in("fetched-by-tls.vault.token", &[Place::Locked], &memory.search(token).unwrap()));
    }
    if wanted("exchanged.github-app") {
        rows.extend(of_an_app(network, memory).await);
    }
    for (id, name) in [("exchanged.basic", "basic"), ("exchanged.body", "body")] {
        if wanted(id) {
            let (key, value) = (network.remote.word(), secret());
            network.key(key.value());
            let seen = fetch(network, name, &value).await;
            rows.push(cleared(memory, id, EXPECTED, seen, &[&key, &value]).await);
        }
    }
    rows
}

/// The key is in memory while the issuer holds back its answer, and signed what it was asked with.
async fn of_an_app(network: &mut Network, memory: &mut ProcessMemory) -> [Row; 2] {
    let value = secret();
    network.key(&network.remote.rsa.pem);
    network.remote.give_out(value.value());
    network.remote.hold_next();
    let url = format!("{}/echo", network.remote.address.open);
    let mut running = network.send(&["app"], &json!([{ "method": "GET", "url": url, "bearer": "app" }]), LONG);
    network.remote.wait_held();
    let findings = memory.search(&network.remote.rsa.text).unwrap();
    network.remote.release();
    let control = Row::found_in("control.exchanged.github-app", &[Place::Locked], &findings);
    let report = (&mut running.task).await.unwrap();
    let seen = seen(&report, &running.all_recorded().await);
    drop(report);
    let signature = network.remote.signature();
    let needles: Vec<_> = network.remote.rsa.needles().into_iter().chain(&signature).chain([&*value]).collect();
    [control, cleared(memory, "exchanged.github-app", EXPECTED, seen, &needles).await]
}

async fn fetch(network: &mut Network, name: &str, value: &Needle) -> String {
    network.remote.give_out(value.value());
    let url = format!("{}/echo", network.remote.address.open);
    run(network, &[name], &json!([{ "method": "GET", "url": url, "bearer": name }])).await
}
