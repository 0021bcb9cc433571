//! What a provider of Vault's API is asked, and everything that can go wrong with it.

use std::sync::Arc;
use std::time::Duration;

use far_core::VersionSelector;
use far_core::provider::{
    DynamicSecrets, LeaseId, ProviderError, Reference, Refreshed, SecretAdmin, SecretOwner, SecretProvider,
};
use far_providers::Vault;
use far_providers::vault::{Auth, SecretId, VaultConfig};
use far_servers::fault::Fault;
use futures_util::future::join_all;

use crate::traces::bao::Bao;
use crate::traces::front::FAULTS;
use crate::traces::given::Given;
use crate::traces::shown::Shown;

const CURRENT: &VersionSelector = &VersionSelector::Current;

/// Reads, lists, replaces, revokes; users of a database are made, renewed, replaced and ended.
pub(crate) async fn all(vault: &Arc<Vault>, bao: &Bao, given: &Given, shown: &Shown) {
    shown.object("vault", vault);
    keys_and_values(vault, bao, shown).await;
    if bao.has_database() {
        leases(vault, shown).await;
    }
    // All at once: what a server may answer otherwise the next time is asked for again, after a pause.
    let cut = [
        ("cut", vec![Fault::Cut; 5], ProviderError::Unavailable),
        ("half", vec![Fault::Malformed], ProviderError::Invalid),
        ("endless", vec![Fault::Endless], ProviderError::TooLarge),
        ("sealed", vec![Fault::sealed(); 5], ProviderError::Sealed),
    ];
    tokio::join!(
        join_all(FAULTS.map(|fault| wrong(bao, fault, shown))),
        join_all(FAULTS.map(|fault| wrong_login(bao, given, fault, shown))),
        join_all(cut.map(|(name, faults, error)| proxied(bao, name, faults, error, shown))),
    );
    setup(bao, given, shown);
}

async fn keys_and_values(vault: &Vault, bao: &Bao, shown: &Shown) {
    for reference in ["kv/app#value", "kv/app", "old/app#value"] {
        read(vault, reference).await;
        shown.object(reference, &vault.describe(&Reference::new(reference)).await);
    }
    shown.object("list", &vault.list_secrets().await.unwrap());
    failed(vault, "absent", "kv/absent", shown).await;
    let reference = Reference::new("kv/app#value");
    let known = vault.get_secret(&reference, CURRENT).await.unwrap().version;
    bao.put("another-value-that-nobody-keeps");
    assert!(matches!(vault.refresh_secret(&reference, &known).await, Ok(Refreshed::Changed(_))));
    shown.failed("rotate", vault.rotate(&reference).await);
    vault.revoke(&reference, &known).await.unwrap();
    let gone = vault.get_secret(&reference, &VersionSelector::Exactly(known)).await;
    shown.failed("gone", gone);
}

async fn leases(vault: &Vault, shown: &Shown) {
    let (owner, reference) = (SecretOwner::random().unwrap(), Reference::new("db/creds/app#password"));
    shown.failed("nobody's", vault.get_secret(&reference, CURRENT).await);
    let first = vault.issue(&reference, CURRENT, &owner).await.unwrap();
    let whole = vault.issue(&Reference::new("db/creds/app"), CURRENT, &owner).await.unwrap();
    let (lease, _) = (first.lease.unwrap(), whole);
    shown.object("lease", &lease);
    vault.renew(&lease.id).await.unwrap();
    let second = vault.reissue(&reference, &lease.id, &owner).await.unwrap();
    vault.release(&lease.id).await.unwrap();
    vault.release(&second.lease.unwrap().id).await.unwrap();
    shown.failed("a lease of nobody's", vault.renew(&LeaseId::new("db/creds/app/none")).await);
    shown.failed("wrong user", vault.issue(&Reference::new("db/creds/wrong-lease"), CURRENT, &owner).await);
    shown.failed("half a user", vault.issue(&Reference::new("db/creds/wrong-half"), CURRENT, &owner).await);
    vault.revoke_all(&owner).await.unwrap();
    shown.object("recovered", &vault.recover().await);
    shown.object("describe", &vault.describe(&reference).await);
}

/// Everything that a server may answer in the wrong way to who asks for a value.
async fn wrong(bao: &Bao, fault: &str, shown: &Shown) {
    let vault = opened(bao.config(bao.root()));
    read(&vault, "old/app#value").await;
    let ask = async |mount: &str| {
        let reference = Reference::new(&format!("{mount}/wrong-{fault}#value"));
        let got = vault.get_secret(&reference, CURRENT).await;
        if let Err(error) = &got {
            shown.error(fault, error);
        }
        shown.object(fault, &vault.describe(&reference).await);
        shown.object(fault, &vault.revoke(&reference, &"1".parse().unwrap()).await);
        got.map_or_else(|error| error.kind(), |_| "a value")
    };
    let seen = tokio::join!(ask("kv"), ask("old"));
    assert_ne!(seen, ("a value", "a value"), "{fault}");
    shown.object(fault, vault.metrics());
}

/// The same to a login.
async fn wrong_login(bao: &Bao, given: &Given, fault: &str, shown: &Shown) {
    let secret_id = SecretId::File(given.write(&format!("secret-id-{fault}"), "no-secret-id-of-anybody"));
    let mount = format!("wrong-{fault}");
    let auth = Auth::AppRole { mount, role_id: "far".to_owned(), secret_id };
    failed(&opened(bao.config(auth)), fault, "kv/app", shown).await;
}

/// An answer that is not, or not all of it, the server's.
async fn proxied(bao: &Bao, name: &str, faults: Vec<Fault>, error: ProviderError, shown: &Shown) {
    let (proxy, config) = bao.proxy();
    let vault = opened(config);
    // It has logged in, and the fault is for what is asked.
    read(&vault, "kv/app#value").await;
    proxy.next(faults);
    assert_eq!(failed(&vault, name, "kv/app#value", shown).await, error, "{name}");
    shown.object(name, vault.metrics());
}

/// Files that are not right, or whose owner the server does not know: they are told before a request, and by one.
fn setup(bao: &Bao, given: &Given, shown: &Shown) {
    let open = |auth| Vault::open("vault".parse().unwrap(), bao.config(auth), Vec::new());
    let two = std::fs::read_to_string(given.path().join("root-token")).unwrap().repeat(2);
    for (name, content) in [("two-lines", format!("{two}\n{two}")), ("control", format!("{two}\u{1}"))] {
        shown.failed(name, open(Auth::Token { file: given.write(name, &content) }));
    }
    let (cert_file, key_file) = (given.write("cert", &two), given.write("key", &two));
    let auth = Auth::Certificate { mount: "cert".to_owned(), role: None, cert_file, key_file };
    shown.failed("certificate", open(auth.clone()));
    shown.object("config", &bao.config(auth));
}

fn opened(config: VaultConfig) -> Vault {
    Vault::open("vault".parse().unwrap(), config, Vec::new()).unwrap()
}

async fn read(vault: &Vault, reference: &str) {
    vault.get_secret(&Reference::new(reference), CURRENT).await.unwrap();
}

async fn failed(vault: &Vault, name: &str, reference: &str, shown: &Shown) -> ProviderError {
    // Longer than any call may take: a call that hangs is no error, and would be nothing to look at.
    let reference = Reference::new(reference);
    let got = tokio::time::timeout(Duration::from_secs(60), vault.get_secret(&reference, CURRENT));
    shown.failed(name, got.await.unwrap())
}
