//! Keys that sign tokens, client certificates, and credentials of a skill's own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use far_core::broker::{AccessError, Broker, BrokerSettings, Session, Stop};
use far_core::capability::{Grant, JwtAlgorithm, JwtTerms, Signing};
use far_core::pal::Pal;
use far_providers::MemoryProvider;
use far_runtime::Egress;
use serde_json::{Value, json};

use super::Case;
use super::egress::{arrived, fine, outcome};
use super::scope::session_of;
use super::trial::Trial;
use crate::host::Parts;
use crate::place::Place;
use crate::server::{Answer, Authority, Server, ok};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = signing();
    cases.extend(requests());
    cases
}

fn signing() -> Vec<Case> {
    let claims = |id, what, said: &'static str| Case {
        id,
        what,
        attack: Trial::new("scope-violation claims", move || signed(Attempt::Claims(said))),
        twin: Trial::new("a token", || signed(Attempt::Claims(r#"{ "iss": "app", "sub": "me" }"#))),
    };
    let key = |id, what, reason, attempt: fn() -> Attempt, may: fn() -> Attempt| Case {
        id,
        what,
        attack: Trial::new(reason, move || signed(attempt())),
        twin: Trial::new("done", move || signed(may())),
    };
    vec![
        claims("60-other-issuer", "a token in the name of another issuer", r#"{ "iss": "admin" }"#),
        claims("60-far-expiry", "a token for longer than was granted", r#"{ "exp": 32503680000 }"#),
        claims(
            "60-own-audience",
            "a token for an audience that nobody granted",
            r#"{ "aud": "https://other.example" }"#,
        ),
        claims("60-other-case", "a claim that readers without case take for the issuer", r#"{ "ISS": "admin" }"#),
        claims(
            "60-folded-letter",
            "a claim that is the issuer's once its case is folded",
            r#"{ "i\u017fs": "admin" }"#,
        ),
        claims(
            "60-unseen-character",
            "a claim that looks like the audience",
            r#"{ "aud\u200b": "https://other.example" }"#,
        ),
        claims(
            "60-between-letters",
            "a claim that readers without '_' take for the expiry",
            r#"{ "e_xp": 32503680000 }"#,
        ),
        key(
            "60-hmac-by-token-key",
            "an HMAC with a key of tokens, to make a token by hand",
            "scope-violation signing",
            || Attempt::Hmac { key: "tokens" },
            || Attempt::Hmac { key: "messages" },
        ),
        key(
            "60-key-undeclared",
            "a key of tokens, by a skill that does not declare what it signs, to be shown as the secret that it is",
            "scope-violation signing-key",
            || Attempt::Reveal { of_tokens: true },
            || Attempt::Reveal { of_tokens: false },
        ),
        key(
            "60-key-in-a-request",
            "a key of tokens in the place of a token",
            "scope-violation signing-key",
            || Attempt::Seal { token: false },
            || Attempt::Seal { token: true },
        ),
    ]
}

fn requests() -> Vec<Case> {
    vec![
        Case {
            id: "37-own-credential",
            what: "a credential of the skill's own, to where a secret is the only one",
            attack: Trial::new("completed Denied; arrived: nothing", || only_sealed(false)),
            twin: Trial::new("completed 200; arrived: the secret", || only_sealed(true)),
        },
        Case {
            id: "57-anothers-certificate",
            what: "a server that one task showed its certificate to, by another task without it",
            attack: Trial::new("completed Protocol; certificates shown: 1", || after_another(false)),
            twin: Trial::new("completed 200; certificates shown: 2", || after_another(true)),
        },
        Case {
            id: "57-after-revocation",
            what: "a connection that carried a secret, after that was revoked",
            attack: Trial::new("completed 200, 200, 200; connections: 2", || after_revocation("alpha")),
            twin: Trial::new("completed 200, 200, 200; connections: 1", || after_revocation("beta")),
        },
    ]
}

/// What a task tries with a key.
enum Attempt {
    /// To have these claims signed.
    Claims(&'static str),
    /// An HMAC with a key for tokens, or for messages.
    Hmac { key: &'static str },
    /// To have a token, or its key, stand in a request.
    Seal { token: bool },
    /// The bytes of a key that the skill does not declare for signatures; of tokens, to grant and catalog, or of nothing.
    Reveal { of_tokens: bool },
}

/// No component goes on after a violation, so this task has none.
async fn signed(attempt: Attempt) -> String {
    let provider = Arc::new(MemoryProvider::new("memory".parse().unwrap()));
    let broker = Broker::new([provider.clone() as _], Pal::builder().build(), BrokerSettings::default()).unwrap();
    let grant: Grant = "alpha:sign,seal,reveal@https://api.example.com".parse().unwrap();
    let terms = match attempt {
        Attempt::Hmac { key: "messages" } | Attempt::Reveal { of_tokens: false } => grant.terms().clone(),
        _ => {
            let (algorithm, issuer) = (Some(JwtAlgorithm::Hs256), Some("app".to_owned()));
            let jwt = JwtTerms { algorithm, issuer, ..JwtTerms::default() };
            grant.terms().clone().with_signing(Signing::Jwt(jwt)).unwrap()
        }
    };
    let grant = Grant::new(grant.secret().clone(), terms);
    let said: Grant = match attempt {
        Attempt::Reveal { .. } => "alpha:reveal".parse().unwrap(),
        _ => grant.clone(),
    };
    let session = session_of(&broker, &provider, ("task", &said), &grant, b"key-of-thirty-two-bytes-for-hmac").await;
    match tried(&session, attempt).await {
        Ok(done) => done.to_owned(),
        Err(AccessError::Stopped(Stop::Violation(violation))) => {
            format!("scope-violation {}", violation.reason.token())
        }
        Err(other) => format!("{other:?}"),
    }
}

async fn tried(session: &Session, attempt: Attempt) -> Result<&'static str, AccessError> {
    let key = session.get("alpha", None).await?;
    match attempt {
        Attempt::Claims(said) => session.sign_jwt(&key, said).await.map(|_| "a token"),
        Attempt::Hmac { .. } => session.sign_hmac_sha256(&key, b"header.claims").await.map(|_| "done"),
        Attempt::Seal { token: true } => {
            let token = session.sign_jwt(&key, "{}").await?;
            session.seal(&token).await.map(|_| "done")
        }
        Attempt::Seal { token: false } => session.seal(&key).await.map(|_| "done"),
        Attempt::Reveal { .. } => session.reveal(&key).await.map(|_| "done"),
    }
}

async fn only_sealed(carries: bool) -> String {
    let authority = Authority::new();
    let server = Server::start(&authority, "localhost", fine()).await;
    let origin = server.origin();
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let entry = Box::new(|entry: &mut far_core::capability::CatalogEntry| {
        entry.only_sealed = entry.reference.as_str() == "alpha";
    });
    let place = Place::with(server, &origin, egress, true, Parts { entry, ..Parts::default() });
    let own = json!({ "method": "GET", "url": place.url("/open"), "headers": [["authorization", "Bearer my-own"]] });
    let sealed = json!({ "method": "GET", "url": place.url("/open"), "bearer": "alpha" });
    let report = place.send(json!([if carries { sealed } else { own }])).await;
    format!("{}; arrived: {}", outcome(&report), arrived(&place.server))
}

async fn after_another(shows: bool) -> String {
    let authority = Authority::new();
    let server = Server::mutual(&authority, "localhost", fine()).await;
    let origin = server.origin();
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let identity: &'static str = authority.client_identity("far").0.leak();
    let secrets = vec![("alpha", identity)].leak();
    let place = Place::with(server, &origin, egress, true, Parts { secrets, ..Parts::default() });
    let place = place.placing(&["client-certificate"]);
    let request = |shows: bool| -> Value {
        let headers = if shows { json!([["far-client-certificate", "{alpha}"]]) } else { json!([]) };
        json!([{ "method": "GET", "url": place.url("/open"), "headers": headers }])
    };
    place.send(request(true)).await;
    let report = place.send(request(shows)).await;
    format!("{}; certificates shown: {}", outcome(&report), place.server.shown().len())
}

/// A task whose secret is revoked between two requests to one server.
async fn after_revocation(name: &str) -> String {
    let (held, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Mutex::new(released);
    let answer: Answer = Arc::new(move |request: &str| {
        if request.starts_with("GET /open?hold") {
            let _ = held.send(());
            tokio::task::block_in_place(|| released.lock().unwrap().recv_timeout(Duration::from_secs(20)).ok());
        }
        ok("fine")
    });
    let place = Place::new(answer).await;
    let get = |path: &str| json!({ "method": "GET", "url": place.url(path) });
    let mut first = get("/");
    first["bearer"] = json!("alpha");
    let sending = place.send(json!([first, get("/open?hold"), get("/open")]));
    let revoking = async {
        arrived.recv().await;
        place.host.runtime.revoke_kept(&name.parse().unwrap()).await;
        let _ = release.send(());
    };
    let (report, ()) = tokio::join!(sending, revoking);
    format!("{}; connections: {}", outcome(&report), place.server.connections())
}
