//! Substitution of placeholders: a secret is only at granted placements.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use far_core::broker::{Broker, BrokerSettings, Session};
use far_core::capability::{
    Capability, Catalog, CatalogEntry, DeclaredSecret, Destination, Grant, Scope, Target, Terms,
};
use far_core::pal::{Outcome, Pal};
use far_core::provider::Reference;
use far_core::redaction::Redaction;
use far_core::{ProviderId, SecretName, SkillDigest, TaskContext, Version, random_task_id};
use far_providers::MemoryProvider;
use far_runtime::internal::{RedactedResponse, Sender, redact_response};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use percent_encoding::percent_decode_str;

pub(super) const TOKENS: &[&str] = &[
    "GET https://api.example.com/v1/x",
    "POST ",
    "https://open.example.com/",
    "?key={KEY}",
    "&key={KEY}",
    "{KEY}",
    "{OTHER}",
    "{BASIC}",
    "\nauthorization: Bearer {KEY}",
    "\nauthorization: Basic {BASIC}",
    "\nx-api-key: {KEY}",
    "\nx_api_key: {KEY}",
    "\nfar-client-certificate: {KEY}",
    "\ncookie: a={KEY}",
    "\nhost: ",
    "\n\n",
    "..%00/",
    "/v1/../",
    "%7BKEY%7D",
    "\nx-forwarded-host: a",
    "\ncontent-length: 5",
];

/// The names, values and destinations of the secrets.
const SECRETS: [(&str, &str, &str); 2] = [
    ("key", "S3cr3t+K4n4ry/0123456789", "https://api.example.com/v1"),
    ("other", "0th3r+K4n4ry/9876543210", "https://other.example.com"),
];
const PLACEMENTS: [&str; 3] = ["authorization", "header:x-api-key", "query:key"];
const OPEN: &str = "https://open.example.com";

/// A running task, with a placeholder for each secret.
struct Live {
    session: Arc<Session>,
    tokens: [String; 2],
}

/// One agent, for as long as a thread lives.
struct World {
    tokio: tokio::runtime::Runtime,
    broker: Arc<Broker>,
    catalog: Arc<Catalog>,
    sender: Sender,
    live: Option<Live>,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::new());
}

/// Checks a request: `METHOD URL`, a line for each header, an empty line, and the body. `{KEY}`,
/// `{OTHER}` and `{BASIC}` become placeholders.
pub fn placeholders(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    with_live(|world, live| {
        if let Some(request) = request(text, &live.tokens) {
            let method = request.method().as_str().to_owned();
            let sent = world.tokio.block_on(world.sender.outgoing(&live.session, request));
            if let Some(sent) = sent {
                check(&method, &sent, &live.tokens);
            }
        }
    });
}

/// Redacts the response to a request without a secret. Returns the response unless it is refused,
/// and true if its task has ended.
pub(super) fn response(
    redaction: &Arc<Redaction>,
    response: Response<Vec<Bytes>>,
    trailers: HeaderMap,
    max: usize,
) -> (Option<RedactedResponse>, bool) {
    let target = Target::new("GET", OPEN).expect("a target");
    with_live(|world, live| {
        let seen = redact_response(&live.session, &target, redaction, response, Some(trailers), max);
        (world.tokio.block_on(seen), live.session.stop_reason().is_some())
    })
}

/// Calls `run` with a running task, and starts a new task if the last one has ended.
fn with_live<T>(run: impl FnOnce(&World, &Live) -> T) -> T {
    WORLD.with_borrow_mut(|world| {
        let live = world.live.take().unwrap_or_else(|| world.start());
        let done = run(world, &live);
        if live.session.stop_reason().is_none() {
            world.live = Some(live);
        } else {
            let finished = live.session.finish(Outcome::ScopeViolation);
            world.tokio.block_on(finished).expect("there is no sink that could refuse a record");
        }
        done
    })
}

fn request(text: &str, tokens: &[String; 2]) -> Option<Request<Bytes>> {
    let basic = STANDARD.encode(format!("user:{}", tokens[0]));
    let text = text.replace("{KEY}", &tokens[0]).replace("{OTHER}", &tokens[1]).replace("{BASIC}", &basic);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let (method, url) = lines.next()?.split_once(' ')?;
    let mut request = Request::new(Bytes::copy_from_slice(body.as_bytes()));
    *request.method_mut() = method.parse().ok()?;
    *request.uri_mut() = url.parse().ok()?;
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        let name: HeaderName = name.parse().ok()?;
        request.headers_mut().try_append(name, HeaderValue::from_str(value).ok()?).ok()?;
    }
    Some(request)
}

/// Checks a request that would leave.
fn check(method: &str, sent: &Request<Bytes>, tokens: &[String; 2]) {
    let url = sent.uri().to_string();
    let (address, query) = url.split_once('?').unwrap_or((&url, ""));
    // The host checks the path ahead of the replacement in the query.
    let target = Target::new(method, address).expect("a request that leaves has a plain URL");
    // At most one secret may be sent there.
    let covers = |destination: &str| destination.parse::<Destination>().unwrap().covers(&target);
    let value = SECRETS.iter().find(|(_, _, destination)| covers(destination)).map_or("", |(_, value, _)| *value);
    let mut rest: Vec<Vec<u8>> = vec![address.into(), sent.body().to_vec()];
    let mut placed = false;
    let mut is_secret = |found: bool| {
        placed |= found && !value.is_empty();
        found && !value.is_empty()
    };
    for pair in query.split('&') {
        let (name, written) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = percent_decode_str(written).collect::<Vec<_>>();
        if !(name == "key" && is_secret(decoded == value.as_bytes())) {
            rest.extend([name.into(), written.into(), decoded]);
        }
    }
    for (name, header) in sent.headers() {
        let written = header.as_bytes();
        let basic = written.strip_prefix(b"Basic ").and_then(|encoded| STANDARD.decode(encoded).ok());
        let is_placed = match name.as_str() {
            "x-api-key" => written == value.as_bytes(),
            "authorization" => {
                let password =
                    basic.as_deref().and_then(|basic| basic.split_at_checked(basic.len().checked_sub(value.len())?));
                written == format!("Bearer {value}").as_bytes()
                    || password.is_some_and(|(user, password)| user.ends_with(b":") && password == value.as_bytes())
            }
            _ => false,
        };
        if !is_secret(is_placed) {
            rest.extend([name.as_str().into(), written.to_vec()]);
            rest.extend(basic);
        }
    }
    for text in &rest {
        let decoded: Vec<u8> = percent_encoding::percent_decode(text).collect();
        let has = |part: &str| {
            [text, &decoded].into_iter().any(|text| text.windows(part.len()).any(|w| w == part.as_bytes()))
        };
        assert!(!SECRETS.iter().any(|(_, value, _)| has(value)), "a secret is misplaced: {sent:?}");
        assert!(!tokens.iter().any(|token| has(token)), "a placeholder leaves: {sent:?}");
    }
    assert!(placed || covers(OPEN), "{method} {url} leaves without a covering destination");
    let stripped =
        ["host", "content-length", "connection", "transfer-encoding", "x-forwarded-host", "far-client-certificate"];
    assert!(stripped.iter().all(|name| !sent.headers().contains_key(*name)), "{sent:?}");
}

impl World {
    fn new() -> Self {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let backend = MemoryProvider::new(ProviderId::parse("memory").unwrap());
        let mut catalog = Catalog::new();
        for (name, value, destination) in SECRETS {
            let name: SecretName = name.parse().unwrap();
            backend.set(&Reference::named(&name), &Version::parse("1").unwrap(), value.as_bytes()).expect("memory");
            let entry = CatalogEntry::new("memory".parse().unwrap(), Reference::named(&name), terms(destination))
                .with_scope(Scope::Agent)
                .with_ttl(Duration::from_secs(24 * 60 * 60));
            catalog.insert(name, entry).unwrap();
        }
        let backend: Arc<dyn far_core::provider::SecretProvider> = Arc::new(backend);
        let broker = Broker::new([backend], Pal::builder().build(), BrokerSettings::default()).expect("a broker");
        let sender = Sender::new().expect("the platform's authorities");
        Self { tokio, broker, catalog: Arc::new(catalog), sender, live: None }
    }

    fn start(&self) -> Live {
        let declared: Vec<_> = SECRETS
            .iter()
            .map(|(name, _, destination)| DeclaredSecret {
                name: name.parse().unwrap(),
                terms: terms(destination),
                reason: String::new(),
                optional: false,
            })
            .collect();
        let grants: Vec<_> =
            declared.iter().map(|declared| Grant::new(declared.name.clone(), declared.terms.clone())).collect();
        let (now, digest) = (Instant::now(), SkillDigest::of(b"skill"));
        let context = TaskContext {
            task_id: random_task_id().expect("random numbers"),
            agent_id: "agent".parse().unwrap(),
            skill: None,
            skill_digest: digest,
            capability: Capability::new(&declared, &grants, &self.catalog, &digest, now).unwrap(),
            egress: vec![OPEN.parse().unwrap()],
            listed: Vec::new(),
            records: 10_000,
            deadline: now + Duration::from_secs(24 * 60 * 60),
        };
        self.tokio.block_on(async {
            let session = Arc::new(self.broker.admit(context).await.expect("admitted"));
            session.start().await.expect("started");
            let mut tokens = HashMap::new();
            for (name, _, _) in SECRETS {
                let handle = session.get(name, None).await.expect("granted");
                tokens.insert(name, session.seal(&handle).await.expect("granted").as_str().to_owned());
            }
            Live { session, tokens: SECRETS.map(|(name, _, _)| tokens[name].clone()) }
        })
    }
}

fn terms(destination: &str) -> Terms {
    let grant: Grant = format!("any:seal@{destination}").parse().unwrap();
    grant.terms().clone().with_placements(PLACEMENTS.map(|placement| placement.parse().unwrap()).into()).unwrap()
}
