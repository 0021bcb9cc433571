//! A host with everything: a `.env`, exchanged keys, a Vault server, an audit file, a cache and
//! servers for requests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use far_audit::{FileOptions, FileSink};
use far_component::embed;
use far_core::ProviderId;
use far_core::capability::{Catalog, CatalogEntry, Grant, JwtAlgorithm, JwtTerms, Operation, Signing, Terms};
use far_core::pal::{Format, MemorySink, Pal, WriterSink};
use far_core::provider::{Reference, SecretProvider};
use far_providers::exchange::{ClientAuth, ClientCredentials, Endpoint, ExchangeConfig, GitHubApp, Kind};
use far_providers::{DotEnv, Exchange, Vault};
use far_runtime::{ArtifactCache, Egress, Runtime, Skill};
use far_servers::Authority;
use far_tests::{github_app, guests};
use serde_json::{Value, json};

use crate::traces::bao::Bao;
use crate::traces::canaries::Canaries;
use crate::traces::front::FAULTS;
use crate::traces::secret_files::{SecretFiles, line};
use crate::traces::servers::{Servers, TOKEN_FAULTS};

/// The host and its servers.
pub(crate) struct World {
    pub(crate) servers: Servers,
    pub(crate) dev: Arc<Exchange>,
    pub(crate) vault: Option<Arc<Vault>>,
    pub(crate) catalog: Catalog,
    /// The grants for the declaration of [`Self::sender`].
    pub(crate) grants: Vec<Grant>,
    pub(crate) events: Arc<MemorySink>,
    pub(crate) audit: Arc<FileSink>,
    pub(crate) lines: Arc<WriterSink>,
    pub(crate) pal: Arc<Pal>,
    pub(crate) runtime: Arc<Runtime>,
    /// A skill that runs steps and may reveal `alpha` and `beta`.
    pub(crate) probe: Arc<Skill>,
    /// A skill that sends requests.
    pub(crate) sender: Arc<Skill>,
    egress: Egress,
}

/// A sealed secret: its name, and its placements or the algorithm of its signatures.
struct SealedSecret(&'static str, &'static [&'static str], Option<JwtAlgorithm>);

const SEALED_SECRETS: [SealedSecret; 6] = [
    SealedSecret("sealed", &["authorization", "header:x-api-key", "query:key"], None),
    SealedSecret("identity", &["client-certificate"], None),
    SealedSecret("oauth", &["authorization"], None),
    SealedSecret("app", &["authorization"], None),
    SealedSecret("stored", &["authorization"], None),
    SealedSecret("hs", &[], Some(JwtAlgorithm::Hs256)),
];

impl World {
    /// Creates the host, with the agent's state in `state`.
    pub(crate) async fn new(
        authority: &Authority,
        canaries: &Canaries,
        secret_files: &SecretFiles,
        state: &Path,
        bao: Option<&Bao>,
    ) -> Self {
        let servers = Servers::start(authority, canaries).await;
        let env = secret_files.write(".env", &env(authority, canaries));
        let file = Arc::new(DotEnv::open("dev".parse().unwrap(), &env).unwrap());
        let dev = Arc::new(Exchange::new(file, recipes(&servers, authority)).unwrap());
        let vault = bao.map(|bao| bao.provider(canaries, state.join("leases")));
        let has_database = bao.is_some_and(Bao::has_database);
        let (catalog, grants) = permitted(&servers, dev.id(), vault.as_ref().map(|vault| vault.id()), has_database);
        let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
        let egress = egress.with_network("127.0.0.0/8".parse().unwrap());

        let (events, audit) = (MemorySink::new(), FileSink::open(&state.join("audit/log"), FileOptions::default()));
        let (audit, lines) = (audit.unwrap(), std::fs::File::create(state.join("pal.jsonl")).unwrap());
        let lines = WriterSink::spawn(lines, Format::JsonLines).unwrap();
        let pal = Pal::builder().sink(events.clone()).sink(lines.clone());
        let pal = pal.required_sink(audit.clone(), Duration::from_secs(10)).build();
        let cache = ArtifactCache::open(&state.join("cache")).unwrap();
        let runtime =
            builder(&pal, &dev, vault.as_ref(), &catalog, &egress, &servers).artifacts(cache).build().unwrap();
        let probe = probe(&runtime).await;
        let declaration = declaration(&grants).to_string();
        let sender = embed(&std::fs::read(guests::SENDER).unwrap(), declaration.as_bytes(), false).unwrap().component;
        let sender = runtime.load(sender).await.unwrap();
        Self { servers, dev, vault, catalog, grants, events, audit, lines, pal, runtime, probe, sender, egress }
    }

    /// Creates another runtime with this PAL, and loads the probe.
    pub(crate) async fn with_log(&self, pal: &Arc<Pal>) -> (Arc<Runtime>, Arc<Skill>) {
        let builder = builder(pal, &self.dev, self.vault.as_ref(), &self.catalog, &self.egress, &self.servers);
        let runtime = builder.build().unwrap();
        let probe = probe(&runtime).await;
        (runtime, probe)
    }

    /// Returns the backends.
    pub(crate) fn providers(&self) -> Vec<Arc<dyn SecretProvider>> {
        let dev: Arc<dyn SecretProvider> = self.dev.clone();
        let vault = self.vault.clone().map(|vault| vault as Arc<dyn SecretProvider>);
        [dev].into_iter().chain(vault).collect()
    }
}

async fn probe(runtime: &Arc<Runtime>) -> Arc<Skill> {
    runtime.load(std::fs::read(guests::PROBE_REVEALING).unwrap()).await.unwrap()
}

fn builder(
    pal: &Arc<Pal>,
    dev: &Arc<Exchange>,
    vault: Option<&Arc<Vault>>,
    catalog: &Catalog,
    egress: &Egress,
    servers: &Servers,
) -> far_runtime::RuntimeBuilder {
    let builder = Runtime::builder("traces".parse().unwrap(), pal.clone()).provider(dev.clone());
    let builder = match vault {
        Some(vault) => builder.provider(vault.clone()),
        None => builder,
    };
    let open = format!("{}/", servers.open.origin()).parse().unwrap();
    builder.catalog(catalog.clone()).egress(egress.clone().with_destination(open)).max_tasks(4)
}

fn env(authority: &Authority, canaries: &Canaries) -> String {
    let (identity, _) = authority.client_identity("far");
    // In PKCS #8, 36 bytes precede the number of a P-256 key. In PKCS #1, the middle of an RSA key
    // is in one of its primes.
    canaries.learn_bytes("identity", &der(&identity, "PRIVATE KEY")[36..68]);
    let rsa = der(github_app::KEY, "RSA PRIVATE KEY");
    canaries.learn_bytes("app-key", &rsa[rsa.len() / 2..][..64]);
    let values = ["alpha", "beta", "sealed", "hs", "oauth-key"].map(|name| (name, canaries.new_value(name)));
    let values = values.into_iter().chain([("identity", identity), ("app-key", github_app::KEY.to_owned())]);
    values.map(|(name, value)| line(name, &value)).collect()
}

fn der(pem: &str, name: &str) -> Vec<u8> {
    let body = pem.split(&format!("-----BEGIN {name}-----")).nth(1).unwrap().split("-----END").next().unwrap();
    STANDARD.decode(body.split_whitespace().collect::<String>()).unwrap()
}

/// Returns the exchanges: `oauth`, `app`, and one for each fault.
fn recipes(servers: &Servers, authority: &Authority) -> Vec<ExchangeConfig> {
    let recipe = |name: &str, key: &str, kind| ExchangeConfig {
        name: Reference::new(name),
        key: Reference::new(key),
        kind,
        authorities: Some(authority.pem().into_bytes()),
    };
    let oauth = |name: &str, path: &str, auth| {
        let token_url = Endpoint::parse(&format!("{}{path}", servers.open.origin())).unwrap();
        let client = ClientCredentials { token_url, client_id: "far".to_owned(), scope: None, auth };
        recipe(name, "oauth-key", Kind::ClientCredentials(client))
    };
    let app = |name: &str, api: &str, key: &str| {
        let (api, app_id) = (Endpoint::parse(api).unwrap(), "12345".to_owned());
        let app = GitHubApp { api, app_id, installation: 678, repositories: Vec::new(), permissions: Vec::new() };
        recipe(name, key, Kind::GitHubApp(app))
    };
    let (issuer, open) = (servers.issuer.origin(), servers.open.origin());
    let well = [oauth("oauth", "/token", ClientAuth::Basic), oauth("oauth-by-body", "/token", ClientAuth::Body)];
    let apps =
        [app("app", &issuer, "app-key"), app("app-no-key", &issuer, "sealed"), app("app-refused", &open, "app-key")];
    let wrong = FAULTS.iter().chain(&TOKEN_FAULTS);
    let wrong = wrong.map(|fault| oauth(fault, &format!("/wrong-{fault}"), ClientAuth::Basic));
    well.into_iter().chain(apps).chain(wrong).collect()
}

/// Returns the catalog, and the grants for sealed secrets.
fn permitted(
    servers: &Servers,
    dev: &ProviderId,
    vault: Option<&ProviderId>,
    has_database: bool,
) -> (Catalog, Vec<Grant>) {
    let (mut catalog, mut grants) = (Catalog::new(), Vec::new());
    let mut permit = |name: &str, provider: &ProviderId, reference: &str, terms: Terms| {
        let entry = CatalogEntry::new(provider.clone(), Reference::new(reference), terms);
        catalog.insert(name.parse().unwrap(), entry).unwrap();
    };
    for SealedSecret(name, placements, algorithm) in SEALED_SECRETS {
        let terms = terms(servers, placements, algorithm);
        grants.push(Grant::new(name.parse().unwrap(), terms.clone()));
        match vault {
            Some(vault) if name == "stored" => permit(name, vault, "old/app#value", terms),
            _ => permit(name, dev, if name == "stored" { "sealed" } else { name }, terms),
        }
    }
    let used = |operations: &[Operation]| Terms::new(operations.iter().copied().collect(), Vec::new()).unwrap();
    permit("alpha", dev, "alpha", used(&[Operation::Sign, Operation::Reveal, Operation::Refresh]));
    match vault {
        Some(vault) if has_database => permit("beta", vault, "db/creds/app#password", used(&[Operation::Reveal])),
        Some(vault) => permit("beta", vault, "kv/app#value", used(&[Operation::Reveal])),
        None => permit("beta", dev, "beta", used(&[Operation::Reveal])),
    }
    (catalog, grants)
}

fn terms(servers: &Servers, placements: &[&str], algorithm: Option<JwtAlgorithm>) -> Terms {
    let to = servers.origins().iter().map(|origin| origin.parse().unwrap()).collect();
    let operations: &[Operation] =
        if algorithm.is_some() { &[Operation::Sign, Operation::Seal] } else { &[Operation::Seal] };
    let terms = Terms::new(operations.iter().copied().collect(), to).unwrap();
    match algorithm {
        Some(_) => terms.with_signing(Signing::Jwt(JwtTerms { algorithm, ..JwtTerms::default() })).unwrap(),
        None => terms.with_placements(placements.iter().map(|text| text.parse().unwrap()).collect()).unwrap(),
    }
}

/// Returns the sender's declaration of everything granted.
fn declaration(grants: &[Grant]) -> Value {
    let secret = |grant: &Grant| {
        let terms = grant.terms();
        let mut secret = json!({ "name": grant.secret(), "reason": "r", "destinations": terms.destinations() });
        if terms.signing().is_some() {
            secret["operations"] = json!(["sign", "seal"]);
            secret["signing"] = json!({ "jwt": {} });
        } else {
            secret["operations"] = json!(["seal"]);
            secret["placements"] = json!(terms.placements());
        }
        secret
    };
    let secrets: Vec<_> = grants.iter().map(secret).collect();
    json!({ "name": "sender", "version": "1", "description": "", "secrets": secrets })
}

/// Creates the folder of the agent's state.
pub(crate) fn state_in(folder: &Path) -> PathBuf {
    let state = folder.join("state");
    std::fs::create_dir(&state).unwrap();
    state
}
