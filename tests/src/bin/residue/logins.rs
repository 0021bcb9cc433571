//! How providers say who they are to a server of Vault's API: after a task, nothing is left of what they showed it.

use far_needle::{Masked, Needle};
use far_tests::process_memory::{Place, ProcessMemory};
use serde_json::json;

use crate::controls::LONG;
use crate::credentials::{Credentials, locked};
use crate::host::secret;
use crate::network::Network;
use crate::row::Row;
use crate::sent::{cleared, seen};

/// By each login that is wanted.
pub(crate) async fn all(
    network: &mut Network,
    memory: &mut ProcessMemory,
    credentials: &Credentials,
    wanted: impl Fn(&str) -> bool,
) -> Vec<Row> {
    let words = [
        ("logged-in.approle", &credentials.secret_id),
        ("logged-in.jwt", &credentials.jwt),
        ("logged-in.kubernetes", &credentials.service_account),
    ];
    let mut rows = Vec::new();
    for (id, word) in words.into_iter().filter(|(id, _)| wanted(id)) {
        network.remote.hold_next();
        rows.extend(logged_in(network, memory, id, Shown::Word(word)).await);
    }
    if wanted("logged-in.certificate") {
        rows.push(of_key(
            memory,
            "control.logged-in.certificate",
            &network.remote.login.pem,
            &network.remote.login.text,
        ));
        rows.extend(logged_in(network, memory, "logged-in.certificate", Shown::Key).await);
    }
    rows
}

/// What is shown.
enum Shown<'a> {
    /// In the request, to which the server holds back its answer.
    Word(&'a Needle),
    /// To TLS, which shows that there is a key. Read as the provider was opened.
    Key,
}

/// Has a secret fetched, for the first time by this provider.
async fn logged_in(network: &mut Network, memory: &mut ProcessMemory, id: &str, shown: Shown<'_>) -> Vec<Row> {
    let (value, token, mut rows) = (secret(), secret(), Vec::new());
    network.remote.give_out(value.value());
    network.remote.grant(token.value());
    let name = id.trim_start_matches("logged-in.");
    let url = format!("{}/echo", network.remote.address.open);
    let mut running = network.send(&[name], &json!([{ "method": "GET", "url": url, "bearer": name }]), LONG);
    if let Shown::Word(word) = shown {
        network.remote.wait_held();
        let findings = memory.search(word).unwrap();
        network.remote.release();
        let found = if findings.hits_in(Place::Locked) > 0 { "found in locked memory" } else { "nothing" };
        rows.push(Row::found(&format!("control.{id}"), "found in locked memory", found, &findings));
    }
    let report = (&mut running.task).await.unwrap();
    let seen = seen(&report, &running.all_recorded().await);
    drop(report);
    let credential = match shown {
        Shown::Word(word) => vec![word],
        Shown::Key => network.remote.login.needles(),
    };
    let needles: Vec<_> = credential.into_iter().chain([&*value]).collect();
    rows.push(cleared(memory, id, "secret.used, completed, answered", seen, &needles).await);
    // The provider keeps its token as long as it is there.
    rows.push(Row::found_in(&format!("{id}.token"), &[Place::Locked], &memory.search(&token).unwrap()));
    rows
}

/// That what is looked for of a key is found where the key is.
fn of_key(memory: &mut ProcessMemory, id: &str, pem: &Masked, text: &Needle) -> Row {
    let key = locked(pem);
    let findings = memory.search(text).unwrap();
    drop(key);
    Row::found_in(id, &[Place::Locked], &findings)
}
