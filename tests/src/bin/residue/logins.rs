//! How providers say who they are to a server of Vault's API: after a task, nothing is left of what they showed it.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use far_core::memory::SecretBytes;
use far_core::provider::SecretProvider;
use far_needle::{Masked, Needle};
use far_providers::vault::{Address, Auth, Mounts, SecretId, Vault, VaultConfig};
use far_tests::process_memory::{Place, ProcessMemory};
use serde_json::json;

use crate::controls::LONG;
use crate::host::secret;
use crate::network::Network;
use crate::remote::Remote;
use crate::row::Row;
use crate::sent::{cleared, seen};

/// What providers log in with, by the name of the login and of the secret that is then fetched; and a key for TLS, which the other
/// process has made.
pub(crate) struct Credentials {
    /// No login, but the file with the token itself.
    pub(crate) token: Arc<Needle>,
    secret_id: Arc<Needle>,
    jwt: Arc<Needle>,
    service_account: Arc<Needle>,
}

impl Credentials {
    pub(crate) fn random() -> Self {
        Self { token: secret(), secret_id: secret(), jwt: secret(), service_account: secret() }
    }
}

/// A provider for the token, and one for each login.
pub(crate) fn providers(
    remote: &Remote,
    folder: &Path,
    credentials: &Credentials,
) -> Vec<(&'static str, Arc<dyn SecretProvider>)> {
    let authority = written(folder, "ca.pem", remote.address.authority.as_bytes());
    let file = |name: &str, value: &Masked| written(folder, name, locked(value).expose());
    let certificate = file("identity.pem", &remote.login.pem);
    let role = || "far".to_owned();
    let token = Auth::Token { file: file("token", credentials.token.value()) };
    let secret_id = SecretId::File(file("secret-id", credentials.secret_id.value()));
    let approle = Auth::AppRole { mount: "approle".to_owned(), role_id: role(), secret_id };
    let jwt = Auth::Jwt { mount: "jwt".to_owned(), role: role(), file: file("jwt", credentials.jwt.value()) };
    let token_file = file("service-account", credentials.service_account.value());
    let kubernetes = Auth::Kubernetes { mount: "kubernetes".to_owned(), role: role(), token_file };
    let (cert_file, key_file) = (certificate.clone(), certificate);
    let certificate = Auth::Certificate { mount: "cert".to_owned(), role: None, cert_file, key_file };
    let open = |(name, auth, origin): (&'static str, Auth, &str)| {
        let config = VaultConfig {
            address: Address::parse(origin).unwrap(),
            namespace: None,
            ca_file: Some(authority.clone()),
            authorities: None,
            auth,
            mounts: Mounts::default(),
            child_policies: Vec::new(),
        };
        let vault = Vault::open(name.parse().unwrap(), config, Vec::new()).unwrap();
        (name, Arc::new(vault) as Arc<dyn SecretProvider>)
    };
    let (all, mutual) = (&remote.address.open, &remote.address.mutual);
    [
        ("vault", token, all.as_str()),
        ("approle", approle, all),
        ("jwt", jwt, all),
        ("kubernetes", kubernetes, all),
        ("certificate", certificate, mutual),
    ]
    .map(open)
    .into()
}

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

/// The value, where it may be.
fn locked(value: &Masked) -> SecretBytes {
    SecretBytes::new(value.len(), |place| value.write_to(place)).unwrap()
}

fn written(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.join(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
    file.write_all(content).unwrap();
    path
}
