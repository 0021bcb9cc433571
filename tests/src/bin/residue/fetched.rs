//! Secrets that backends fetch over TLS: the value, and what it was fetched with, are nowhere after the task.

use far_needle::Needle;
use far_tests::process_memory::{Place, ProcessMemory};
use serde_json::json;

use crate::host::secret;
use crate::network::Network;
use crate::row::Row;
use crate::sent::{cleared, run};

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

async fn fetch(network: &mut Network, name: &str, value: &Needle) -> String {
    network.remote.give_out(value.value());
    let url = format!("{}/echo", network.remote.address.open);
    run(network, &[name], &json!([{ "method": "GET", "url": url, "bearer": name }])).await
}
