//! A host whose tasks and backends send requests to the other process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use far_component::embed;
use far_core::capability::{
    Catalog, CatalogEntry, Grant, JwtAlgorithm, JwtTerms, Operation, Placement, Signing, Terms,
};
use far_core::pal::Pal;
use far_core::provider::{Reference, SecretProvider};
use far_core::{ProviderId, SecretName};
use far_needle::MaskedValue;
use far_providers::exchange::{ClientAuth, ClientCredentials, Endpoint, Exchange, ExchangeConfig, GitHubApp, Kind};
use far_providers::vault::Mounts;
use far_runtime::{Egress, Limits, Runtime, Skill, Task};
use serde_json::{Value, json};

use crate::backend::{Backend, ResponseMode};
use crate::credentials::{self, Credentials};
use crate::host::RunningTask;
use crate::remote::Remote;

/// The host, the other process and the backends.
pub(crate) struct Network {
    pub(crate) runtime: Arc<Runtime>,
    skill: Arc<Skill>,
    pub(crate) remote: Remote,
    /// The backend of `alpha` and the signing keys.
    backend: Arc<Backend>,
    /// The backend of the keys that are exchanged for `basic`, `body` and `app`.
    keys: Arc<Backend>,
    grants: Vec<Grant>,
}

/// The placements of `alpha`.
const PLACEMENTS: [&str; 4] = ["authorization", "header:x-api-key", "query:key", "client-certificate"];

impl Network {
    /// Starts the host and the other process. Providers log in to its Vault server with these
    /// credentials.
    pub(crate) async fn start(component: &Path, folder: &Path, credentials: &Credentials) -> Self {
        let remote = Remote::start();
        let [backend, keys] = ["backend", "keys"].map(|id| Arc::new(Backend::new(id.parse().unwrap())));
        let vaults = credentials::providers(&remote, folder, credentials);
        let exchange = exchange(&remote, keys.clone());
        let mut secrets = Vec::new();
        for name in ["alpha", "hs", "rs", "es", "ed"] {
            secrets.push((name, backend.id().clone(), Reference::new(name)));
        }
        for (name, vault) in &vaults {
            secrets.push((name, vault.id().clone(), Mounts::default().reference("kv/app", Some("value")).unwrap()));
        }
        for name in ["basic", "body", "app"] {
            secrets.push((name, exchange.id().clone(), Reference::new(name)));
        }
        let (catalog, grants) = catalog(&remote, &secrets);
        let egress = Egress::new().with_authorities(remote.address.authority.as_bytes()).unwrap();
        let runtime = Runtime::builder("residue".parse().unwrap(), Pal::builder().build());
        let runtime = vaults.into_iter().fold(runtime, |runtime, (_, vault)| runtime.provider(vault));
        let runtime = runtime
            .provider(backend.clone())
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

    /// Sets a new value for the secrets of the backend in this process.
    pub(crate) fn alpha(&self, value: &MaskedValue) {
        self.backend.set(value, None, ResponseMode::Complete);
    }

    /// Sets a new value for the keys that are exchanged.
    pub(crate) fn key(&self, value: &MaskedValue) {
        self.keys.set(value, None, ResponseMode::Complete);
    }

    /// Starts a task that gets these secrets and sends these requests.
    pub(crate) fn send(&self, secrets: &[&str], requests: &Value, timeout: Duration) -> RunningTask {
        let input = json!({ "secrets": secrets, "requests": requests });
        let task = Task::new(&self.skill).with_input(input.to_string());
        let task = self.grants.iter().cloned().fold(task, Task::with_grant);
        RunningTask::start(&self.runtime, task.with_limits(Limits { timeout, ..Limits::default() }))
    }
}

/// Returns the catalog and the grants, which have the same terms.
fn catalog(remote: &Remote, secrets: &[(&str, ProviderId, Reference)]) -> (Catalog, Vec<Grant>) {
    let (mut catalog, mut grants) = (Catalog::new(), Vec::new());
    for (name, provider, reference) in secrets {
        let name: SecretName = name.parse().unwrap();
        let terms = terms(remote, name.as_str());
        let entry = CatalogEntry::new(provider.clone(), reference.clone(), terms.clone());
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
        "es" => Some(JwtAlgorithm::Es256),
        "ed" => Some(JwtAlgorithm::EdDsa),
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

/// Returns the skill's declaration of everything granted.
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

fn exchange(remote: &Remote, keys: Arc<Backend>) -> Arc<dyn SecretProvider> {
    let client = |auth| {
        let token_url = Endpoint::parse(&format!("{}/token", remote.address.open)).unwrap();
        Kind::ClientCredentials(ClientCredentials { token_url, client_id: "far".to_owned(), scope: None, auth })
    };
    let app = GitHubApp {
        api: Endpoint::parse(&remote.address.open).unwrap(),
        app_id: "12".to_owned(),
        installation: 34,
        repositories: Vec::new(),
        permissions: Vec::new(),
    };
    let recipe = |(name, kind)| ExchangeConfig {
        name: Reference::new(name),
        key: Reference::new("key"),
        kind,
        authorities: Some(remote.address.authority.clone().into_bytes()),
    };
    let kinds =
        [("basic", client(ClientAuth::Basic)), ("body", client(ClientAuth::Body)), ("app", Kind::GitHubApp(app))];
    Arc::new(Exchange::new(keys, kinds.map(recipe).to_vec()).unwrap())
}
