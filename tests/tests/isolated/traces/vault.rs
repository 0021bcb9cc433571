//! The calls of a Vault provider, and all of their faults.

use std::sync::Arc;
use std::time::Duration;

use far_core::VersionSelector;
use far_core::provider::{
    DynamicSecrets, LeaseId, ProviderError, Reference, RefreshOutcome, SecretAdmin, SecretOwner, SecretProvider,
};
use far_providers::Vault;
use far_providers::vault::{Auth, SecretId, VaultConfig};
use far_servers::fault::Fault;
use futures_util::future::join_all;

use crate::traces::bao::Bao;
use crate::traces::front::FAULTS;
use crate::traces::renderings::Renderings;
use crate::traces::secret_files::SecretFiles;

const CURRENT: &VersionSelector = &VersionSelector::Current;

/// Runs all calls: reads, lists, refreshes and revokes secrets, and issues, renews, reissues and
/// revokes database users.
pub(crate) async fn all(vault: &Arc<Vault>, bao: &Bao, secret_files: &SecretFiles, renderings: &Renderings) {
    renderings.object("vault", vault);
    keys_and_values(vault, bao, renderings).await;
    if bao.has_database() {
        leases(vault, renderings).await;
    }
    // Runs concurrently, because retries take time.
    let cut = [
        ("cut", vec![Fault::Truncate; 5], ProviderError::Unavailable),
        ("half", vec![Fault::Malformed], ProviderError::Invalid),
        ("endless", vec![Fault::Endless], ProviderError::TooLarge),
        ("sealed", vec![Fault::sealed(); 5], ProviderError::Sealed),
    ];
    tokio::join!(
        join_all(FAULTS.map(|fault| faulty_read(bao, fault, renderings))),
        join_all(FAULTS.map(|fault| faulty_login(bao, secret_files, fault, renderings))),
        join_all(cut.map(|(name, faults, error)| proxied_read(bao, name, faults, error, renderings))),
    );
    setup(bao, secret_files, renderings);
}

async fn keys_and_values(vault: &Vault, bao: &Bao, renderings: &Renderings) {
    for reference in ["kv/app#value", "kv/app", "old/app#value"] {
        read(vault, reference).await;
        renderings.object(reference, &vault.describe(&Reference::new(reference)).await);
    }
    renderings.object("list", &vault.list_secrets().await.unwrap());
    failed(vault, "absent", "kv/absent", renderings).await;
    let reference = Reference::new("kv/app#value");
    let known = vault.get_secret(&reference, CURRENT).await.unwrap().version;
    bao.put("another-value-that-nobody-keeps");
    assert!(matches!(vault.refresh_secret(&reference, &known).await, Ok(RefreshOutcome::Changed(_))));
    renderings.failed("rotate", vault.rotate(&reference).await);
    vault.revoke(&reference, &known).await.unwrap();
    let gone = vault.get_secret(&reference, &VersionSelector::Exactly(known)).await;
    renderings.failed("gone", gone);
}

async fn leases(vault: &Vault, renderings: &Renderings) {
    let (owner, reference) = (SecretOwner::random().unwrap(), Reference::new("db/creds/app#password"));
    renderings.failed("without owner", vault.get_secret(&reference, CURRENT).await);
    let first = vault.issue(&reference, CURRENT, &owner).await.unwrap();
    let whole = vault.issue(&Reference::new("db/creds/app"), CURRENT, &owner).await.unwrap();
    let (lease, _) = (first.lease.unwrap(), whole);
    renderings.object("lease", &lease);
    vault.renew(&lease.id).await.unwrap();
    let second = vault.reissue(&reference, &lease.id, &owner).await.unwrap();
    vault.release(&lease.id).await.unwrap();
    vault.release(&second.lease.unwrap().id).await.unwrap();
    renderings.failed("unknown lease", vault.renew(&LeaseId::new("db/creds/app/none")).await);
    renderings.failed("wrong user", vault.issue(&Reference::new("db/creds/wrong-lease"), CURRENT, &owner).await);
    renderings.failed("half a user", vault.issue(&Reference::new("db/creds/wrong-half"), CURRENT, &owner).await);
    vault.revoke_all(&owner).await.unwrap();
    renderings.object("recovered", &vault.recover().await);
    renderings.object("describe", &vault.describe(&reference).await);
}

/// Reads a secret with a faulty answer.
async fn faulty_read(bao: &Bao, fault: &str, renderings: &Renderings) {
    let vault = opened(bao.config(bao.root()));
    read(&vault, "old/app#value").await;
    let ask = async |mount: &str| {
        let reference = Reference::new(&format!("{mount}/wrong-{fault}#value"));
        let got = vault.get_secret(&reference, CURRENT).await;
        if let Err(error) = &got {
            renderings.error(fault, error);
        }
        renderings.object(fault, &vault.describe(&reference).await);
        renderings.object(fault, &vault.revoke(&reference, &"1".parse().unwrap()).await);
        got.map_or_else(|error| error.kind(), |_| "a value")
    };
    let seen = tokio::join!(ask("kv"), ask("old"));
    assert_ne!(seen, ("a value", "a value"), "{fault}");
    renderings.object(fault, vault.metrics());
}

/// Logs in with a faulty answer.
async fn faulty_login(bao: &Bao, secret_files: &SecretFiles, fault: &str, renderings: &Renderings) {
    let secret_id = SecretId::File(secret_files.write(&format!("secret-id-{fault}"), "no-secret-id-of-anybody"));
    let mount = format!("wrong-{fault}");
    let auth = Auth::AppRole { mount, role_id: "far".to_owned(), secret_id };
    failed(&opened(bao.config(auth)), fault, "kv/app", renderings).await;
}

/// Reads a secret through a proxy that injects faults.
async fn proxied_read(bao: &Bao, name: &str, faults: Vec<Fault>, error: ProviderError, renderings: &Renderings) {
    let (proxy, config) = bao.proxy();
    let vault = opened(config);
    // Logs in first, so that the fault hits the read.
    read(&vault, "kv/app#value").await;
    proxy.next(faults);
    assert_eq!(failed(&vault, name, "kv/app#value", renderings).await, error, "{name}");
    renderings.object(name, vault.metrics());
}

/// Opens providers with invalid credential files, which fail before or at the first request.
fn setup(bao: &Bao, secret_files: &SecretFiles, renderings: &Renderings) {
    let open = |auth| Vault::open("vault".parse().unwrap(), bao.config(auth), Vec::new());
    let two = std::fs::read_to_string(secret_files.path().join("root-token")).unwrap().repeat(2);
    for (name, content) in [("two-lines", format!("{two}\n{two}")), ("control", format!("{two}\u{1}"))] {
        renderings.failed(name, open(Auth::Token { file: secret_files.write(name, &content) }));
    }
    let (cert_file, key_file) = (secret_files.write("cert", &two), secret_files.write("key", &two));
    let auth = Auth::Certificate { mount: "cert".to_owned(), role: None, cert_file, key_file };
    renderings.failed("certificate", open(auth.clone()));
    renderings.object("config", &bao.config(auth));
}

fn opened(config: VaultConfig) -> Vault {
    Vault::open("vault".parse().unwrap(), config, Vec::new()).unwrap()
}

async fn read(vault: &Vault, reference: &str) {
    vault.get_secret(&Reference::new(reference), CURRENT).await.unwrap();
}

async fn failed(vault: &Vault, name: &str, reference: &str, renderings: &Renderings) -> ProviderError {
    // A hanging call is not an error, and would hide its missing rendering.
    let reference = Reference::new(reference);
    let got = tokio::time::timeout(Duration::from_secs(60), vault.get_secret(&reference, CURRENT));
    renderings.failed(name, got.await.unwrap())
}
