//! A host whose tasks send requests to the other process, and whose backends ask it for secrets.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use far_core::capability::{
    Catalog, CatalogEntry, Grant, JwtAlgorithm, JwtTerms, Operation, Placement, Scope, Signing, Terms, WhenLeaked,
};
use far_core::declaration::embed;
use far_core::memory::SecretBytes;
use far_core::pal::Pal;
use far_core::provider::{Reference, SecretProvider};
use far_core::{ProviderId, SecretName};
use far_needle::Masked;
use far_providers::exchange::{ClientAuth, ClientCredentials, Endpoint, Exchange, Kind, Recipe};
use far_providers::vault::{Address, Auth, Mounts, Vault, VaultConfig};
use far_runtime::{Egress, Limits, Runtime, Skill, Task};
use serde_json::{Value, json};

use crate::backend::{Backend, Manner};
use crate::host::Running;
use crate::remote::Remote;

/// The host, the other process, and what the backends have.
pub(crate) struct Network {
    pub(crate) runtime: Arc<Runtime>,
    skill: Arc<Skill>,
    pub(crate) remote: Remote,
    /// Where `alpha`, `hs` and `rs` come from.
    backend: Arc<Backend>,
    /// Where the keys come from that are exchanged for `basic` and `body`.
    keys: Arc<Backend>,
    grants: Vec<Grant>,
}

/// What `alpha` may stand in.
const PLACEMENTS: [&str; 4] = ["authorization", "header:x-api-key", "query:key", "client-certificate"];

impl Network {
    /// Starts both. The server of Vault's API takes this token.
    pub(crate) async fn start(component: &Path, folder: &Path, token: &Masked) -> Self {
        let remote = Remote::start();
        let [backend, keys] = ["backend", "keys"].map(|id| Arc::new(Backend::new(id.parse().unwrap())));
        let vault = vault(&remote, folder, token);
        let exchange = exchange(&remote, keys.clone());
        let mut secrets = Vec::new();
        for name in ["alpha", "hs", "rs"] {
            secrets.push((name, backend.id().clone(), Reference::new(name)));
        }
        secrets.push(("vault", vault.id().clone(), Mounts::default().reference("kv/app", Some("value")).unwrap()));
        for name in ["basic", "body"] {
            secrets.push((name, exchange.id().clone(), Reference::new(name)));
        }
        let (catalog, grants) = catalog(&remote, &secrets);
        let egress = Egress::new().with_authorities(remote.address.authority.as_bytes()).unwrap();
        let runtime = Runtime::builder("residue".parse().unwrap(), Pal::builder().build())
            .provider(backend.clone())
            .provider(vault)
            .provider(exchange)
            .catalog(catalog)
            .egress(egress.with_network("127.0.0.0/8".parse().unwrap()))
            .max_tasks(4)
            .build()
            .unwrap();
        let component = std::fs::read(component).unwrap();
        let declaration = declaration(&grants).to_string();
        let component = embed(&component, declaration.as_bytes(), false).unwrap().component;
        let skill = runtime.load(component).await.unwrap();
        Self { runtime, skill, remote, backend, keys, grants }
    }

    /// Gives the secrets of the backend in this process a new value.
    pub(crate) fn alpha(&self, value: &Masked) {
        self.backend.set(value, None, Manner::Well);
    }

    /// Gives the keys that are exchanged a new value.
    pub(crate) fn key(&self, value: &Masked) {
        self.keys.set(value, None, Manner::Well);
    }

    /// Starts a task that gets these secrets and sends these requests.
    pub(crate) fn send(&self, secrets: &[&str], requests: &Value, timeout: Duration) -> Running {
        let input = json!({ "secrets": secrets, "requests": requests });
        let task = Task::new(&self.skill).with_input(input.to_string());
        let task = self.grants.iter().cloned().fold(task, Task::with_grant);
        Running::start(&self.runtime, task.with_limits(Limits { timeout, ..Limits::default() }))
    }
}

/// What the operator permits, and the caller grants: the same.
fn catalog(remote: &Remote, secrets: &[(&str, ProviderId, Reference)]) -> (Catalog, Vec<Grant>) {
    let (mut catalog, mut grants) = (Catalog::new(), Vec::new());
    for (name, provider, reference) in secrets {
        let name: SecretName = name.parse().unwrap();
        let terms = terms(remote, name.as_str());
        let entry = CatalogEntry {
            provider: provider.clone(),
            reference: reference.clone(),
            scope: Scope::Task,
            terms: terms.clone(),
            ttl: CatalogEntry::DEFAULT_TTL,
            stale: Duration::ZERO,
            rotation: None,
            skills: None,
            when_leaked: WhenLeaked::default(),
            only_sealed: false,
        };
        catalog.insert(name.clone(), entry).unwrap();
        grants.push(Grant::new(name, terms));
    }
    (catalog, grants)
}

fn terms(remote: &Remote, name: &str) -> Terms {
    let to = [&remote.address.open, &remote.address.mutual].map(|origin| origin.parse().unwrap()).to_vec();
    let algorithm = match name {
        "hs" => Some(JwtAlgorithm::Hs256),
        "rs" => Some(JwtAlgorithm::Rs256),
        _ => None,
    };
    let seals = Operation::Seal;
    let operations = if algorithm.is_some() { vec![Operation::Sign, seals] } else { vec![seals] };
    let terms = Terms::new(operations.into_iter().collect(), to).unwrap();
    if algorithm.is_some() {
        return terms.with_signing(Signing::Jwt(JwtTerms { algorithm, ..JwtTerms::default() })).unwrap();
    }
    let placements: &[&str] = if name == "alpha" { &PLACEMENTS } else { &PLACEMENTS[..1] };
    terms.with_placements(placements.iter().map(|text| text.parse::<Placement>().unwrap()).collect()).unwrap()
}

/// What the skill says that it does: all that is granted.
fn declaration(grants: &[Grant]) -> Value {
    let secret = |grant: &Grant| {
        let terms = grant.terms();
        let mut secret = json!({ "name": grant.secret(), "reason": "r", "destinations": terms.destinations() });
        match terms.signing() {
            Some(_) => {
                secret["operations"] = json!(["sign", "seal"]);
                secret["signing"] = json!({ "jwt": {} });
            }
            None => {
                secret["operations"] = json!(["seal"]);
                secret["placements"] = json!(terms.placements());
            }
        }
        secret
    };
    let secrets: Vec<_> = grants.iter().map(secret).collect();
    json!({ "name": "sender", "version": "1", "description": "", "secrets": secrets })
}

fn vault(remote: &Remote, folder: &Path, token: &Masked) -> Arc<dyn SecretProvider> {
    let plain = SecretBytes::new(token.len(), |place| token.write_to(place)).unwrap();
    let file = written(folder, "token", plain.expose());
    let config = VaultConfig {
        address: Address::parse(&remote.address.open).unwrap(),
        namespace: None,
        ca_file: Some(written(folder, "ca.pem", remote.address.authority.as_bytes())),
        auth: Auth::Token { file },
        mounts: Mounts::default(),
        child_policies: Vec::new(),
    };
    Arc::new(Vault::open("vault".parse().unwrap(), config, Vec::new()).unwrap())
}

fn exchange(remote: &Remote, keys: Arc<Backend>) -> Arc<dyn SecretProvider> {
    let recipe = |(name, auth): (&str, ClientAuth)| {
        let token_url = Endpoint::parse(&format!("{}/token", remote.address.open)).unwrap();
        let client = ClientCredentials { token_url, client_id: "far".to_owned(), scope: None, auth };
        Recipe {
            name: Reference::new(name),
            key: Reference::new("key"),
            kind: Kind::ClientCredentials(client),
            authorities: Some(remote.address.authority.clone().into_bytes()),
        }
    };
    let recipes = [("basic", ClientAuth::Basic), ("body", ClientAuth::Body)].map(recipe).to_vec();
    Arc::new(Exchange::new(keys, recipes).unwrap())
}

fn written(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.join(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
    file.write_all(content).unwrap();
    path
}
