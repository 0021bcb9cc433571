//! Logins of providers to a Vault server: after a task, the credential is nowhere in memory.

use far_needle::{MaskedValue, Needle};
use far_tests::process_memory::{MemoryRegion, ProcessMemory};
use serde_json::json;

use crate::controls::LONG;
use crate::credentials::{Credentials, locked};
use crate::host::secret;
use crate::network::Network;
use crate::row::Row;
use crate::sent::{cleared, seen};

/// Checks each selected login method.
pub(crate) async fn all(
    network: &mut Network,
    memory: &mut ProcessMemory,
    credentials: &Credentials,
    selected: impl Fn(&str) -> bool,
) -> Vec<Row> {
    let credentials_in_requests = [
        ("logged-in.approle", &credentials.secret_id),
        ("logged-in.jwt", &credentials.jwt),
        ("logged-in.kubernetes", &credentials.service_account),
    ];
    let mut rows = Vec::new();
    for (id, text) in credentials_in_requests.into_iter().filter(|(id, _)| selected(id)) {
        network.remote.hold_next();
        rows.extend(logged_in(network, memory, id, LoginCredential::Text(text)).await);
    }
    if selected("logged-in.certificate") {
        rows.push(key_control(
            memory,
            "control.logged-in.certificate",
            &network.remote.login.pem,
            &network.remote.login.text,
        ));
        rows.extend(logged_in(network, memory, "logged-in.certificate", LoginCredential::Key).await);
    }
    rows
}

/// The credential of a login.
enum LoginCredential<'a> {
    /// A string in the request, whose answer the server delays.
    Text(&'a Needle),
    /// A key that TLS uses, read when the provider was opened.
    Key,
}

/// Fetches a secret with a provider that has not logged in yet.
async fn logged_in(
    network: &mut Network,
    memory: &mut ProcessMemory,
    id: &str,
    credential: LoginCredential<'_>,
) -> Vec<Row> {
    let (value, token, mut rows) = (secret(), secret(), Vec::new());
    network.remote.set_value(value.value());
    network.remote.set_token(token.value());
    let name = id.trim_start_matches("logged-in.");
    let url = format!("{}/echo", network.remote.address.open);
    let mut running = network.send(&[name], &json!([{ "method": "GET", "url": url, "bearer": name }]), LONG);
    if let LoginCredential::Text(text) = credential {
        network.remote.wait_held();
        let findings = memory.search(text).unwrap();
        network.remote.release();
        let found = if findings.hits_in(MemoryRegion::Locked) > 0 { "found in locked memory" } else { "nothing" };
        rows.push(Row::found(&format!("control.{id}"), "found in locked memory", found, &findings));
    }
    let report = (&mut running.task).await.unwrap();
    let seen = seen(&report, &running.all_recorded().await);
    drop(report);
    let credential_needles = match credential {
        LoginCredential::Text(text) => vec![text],
        LoginCredential::Key => network.remote.login.needles(),
    };
    let needles: Vec<_> = credential_needles.into_iter().chain([&*value]).collect();
    rows.push(cleared(memory, id, "secret.used, completed, answered", seen, &needles).await);
    // The provider keeps its token for its own lifetime.
    rows.push(Row::found_in(&format!("{id}.token"), &[MemoryRegion::Locked], &memory.search(&token).unwrap()));
    rows
}

/// Checks that the search finds a key in locked memory.
fn key_control(memory: &mut ProcessMemory, id: &str, pem: &MaskedValue, text: &Needle) -> Row {
    let key = locked(pem);
    let findings = memory.search(text).unwrap();
    drop(key);
    Row::found_in(id, &[MemoryRegion::Locked], &findings)
}
