//! Signing keys, client certificates, and credentials that a skill brings itself.

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
use crate::egress_fixture::EgressFixture;
use crate::host::Parts;
use crate::server::{Answer, Authority, Server, ok};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = signing();
    cases.extend(requests());
    cases
}

fn signing() -> Vec<Case> {
    let claims = |id, description, declared: &'static str| Case {
        id,
        description,
        attack: Trial::new("scope-violation claims", move || signed(Attempt::Claims(declared))),
        twin: Trial::new("a token", || signed(Attempt::Claims(r#"{ "iss": "app", "sub": "me" }"#))),
    };
    let key = |id, description, reason, attempt: fn() -> Attempt, may: fn() -> Attempt| Case {
        id,
        description,
        attack: Trial::new(reason, move || signed(attempt())),
        twin: Trial::new("done", move || signed(may())),
    };
    vec![
        claims("60-other-issuer", "a token of another issuer", r#"{ "iss": "admin" }"#),
        claims("60-far-expiry", "a token with a longer lifetime than granted", r#"{ "exp": 32503680000 }"#),
        claims("60-own-audience", "a token for an ungranted audience", r#"{ "aud": "https://other.example" }"#),
        claims("60-other-case", "a claim that case-insensitive readers take for the issuer", r#"{ "ISS": "admin" }"#),
        claims("60-folded-letter", "a claim that case folding turns into the issuer", r#"{ "i\u017fs": "admin" }"#),
        claims(
            "60-unseen-character",
            "a claim that differs from the audience by an invisible character",
            r#"{ "aud\u200b": "https://other.example" }"#,
        ),
        claims(
            "60-between-letters",
            "a claim that readers without '_' take for the expiry",
            r#"{ "e_xp": 32503680000 }"#,
        ),
        key(
            "60-hmac-by-token-key",
            "an HMAC with a token key, to forge a token",
            "scope-violation signing",
            || Attempt::Hmac { key: "tokens" },
            || Attempt::Hmac { key: "messages" },
        ),
        key(
            "60-key-undeclared",
            "the bytes of a token key, by a skill that does not declare its signatures",
            "scope-violation signing-key",
            || Attempt::Reveal { of_tokens: true },
            || Attempt::Reveal { of_tokens: false },
        ),
        key(
            "60-key-in-a-request",
            "a token key in a request, instead of a token",
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
            description: "a skill's own credential, sent to a destination that only accepts a sealed secret",
            attack: Trial::new("completed Denied; arrived: nothing", || only_sealed(false)),
            twin: Trial::new("completed 200; arrived: the secret", || only_sealed(true)),
        },
        Case {
            id: "57-anothers-certificate",
            description: "a connection authenticated by another task's client certificate",
            attack: Trial::new("completed Protocol; certificates shown: 1", || after_another(false)),
            twin: Trial::new("completed 200; certificates shown: 2", || after_another(true)),
        },
        Case {
            id: "57-after-revocation",
            description: "a connection that carried a secret, after its revocation",
            attack: Trial::new("completed 200, 200, 200; connections: 2", || after_revocation("alpha")),
            twin: Trial::new("completed 200, 200, 200; connections: 1", || after_revocation("beta")),
        },
    ]
}

/// An attempted use of a key.
enum Attempt {
    /// Signs these claims.
    Claims(&'static str),
    /// Computes an HMAC with a key for tokens, or for messages.
    Hmac { key: &'static str },
    /// Seals a token, or its key.
    Seal { token: bool },
    /// Reveals a key that the skill does not declare for signatures. Grant and catalog allow it for
    /// tokens, or for nothing.
    Reveal { of_tokens: bool },
}

/// Tries a use in a session without a component, because a component does not run on after a
/// violation.
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
    let declared: Grant = match attempt {
        Attempt::Reveal { .. } => "alpha:reveal".parse().unwrap(),
        _ => grant.clone(),
    };
    let session =
        session_of(&broker, &provider, ("task", &declared), &grant, b"key-of-thirty-two-bytes-for-hmac").await;
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
        Attempt::Claims(declared) => session.sign_jwt(&key, declared).await.map(|_| "a token"),
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
    let fixture = EgressFixture::with(server, &origin, egress, true, Parts { entry, ..Parts::default() });
    let own = json!({ "method": "GET", "url": fixture.url("/open"), "headers": [["authorization", "Bearer my-own"]] });
    let sealed = json!({ "method": "GET", "url": fixture.url("/open"), "bearer": "alpha" });
    let report = fixture.send(json!([if carries { sealed } else { own }])).await;
    format!("{}; arrived: {}", outcome(&report), arrived(&fixture.server))
}

async fn after_another(shows: bool) -> String {
    let authority = Authority::new();
    let server = Server::mutual(&authority, "localhost", fine()).await;
    let origin = server.origin();
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let identity: &'static str = authority.client_identity("far").0.leak();
    let secrets = vec![("alpha", identity)].leak();
    let fixture = EgressFixture::with(server, &origin, egress, true, Parts { secrets, ..Parts::default() });
    let fixture = fixture.placing(&["client-certificate"]);
    let request = |shows: bool| -> Value {
        let headers = if shows { json!([["far-client-certificate", "{alpha}"]]) } else { json!([]) };
        json!([{ "method": "GET", "url": fixture.url("/open"), "headers": headers }])
    };
    fixture.send(request(true)).await;
    let report = fixture.send(request(shows)).await;
    format!("{}; certificates shown: {}", outcome(&report), fixture.server.shown().len())
}

/// Runs a task whose secret is revoked between two requests to one server.
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
    let fixture = EgressFixture::new(answer).await;
    let get = |path: &str| json!({ "method": "GET", "url": fixture.url(path) });
    let mut first = get("/");
    first["bearer"] = json!("alpha");
    let sending = fixture.send(json!([first, get("/open?hold"), get("/open")]));
    let revoking = async {
        arrived.recv().await;
        fixture.host.runtime.revoke(&name.parse().unwrap()).await;
        let _ = release.send(());
    };
    let (report, ()) = tokio::join!(sending, revoking);
    format!("{}; connections: {}", outcome(&report), fixture.server.connections())
}
