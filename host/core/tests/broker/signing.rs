//! Signed tokens: keys, claims, and the token as a secret of its own.

use std::time::Duration;

use far_core::Version;
use far_core::broker::{AccessError, SecretError, Session, Stop};
use far_core::capability::{DenyReason, Grant, JwtAlgorithm, JwtTerms, Placement, Scope, Signing, Target};
use far_core::pal::{EventKind, Outcome, Reason};
use far_core::provider::Reference;

use crate::fixture::{World, secret_error, send, violation};
use crate::shared::{declared, entry, terms};

const KEY: &[u8] = b"canary-of-a-key-that-signs-tokens";

/// Returns a task that may sign tokens with `task-key`, and send them.
async fn signer(world: &World, operations: &str) -> std::sync::Arc<Session> {
    let jwt = JwtTerms { algorithm: Some(JwtAlgorithm::Hs256), issuer: Some("app".to_owned()), ..JwtTerms::default() };
    task(world, operations, [(); 3].map(|()| Signing::Jwt(jwt.clone()))).await
}

/// Returns a task whose key is declared, granted and permitted with these uses.
async fn task(world: &World, operations: &str, signing: [Signing; 3]) -> std::sync::Arc<Session> {
    world.backend.set(&Reference::new("task-key"), &Version::parse("k").unwrap(), KEY).unwrap();
    let [declares, granted, permitted] = signing.map(|signing| terms(operations).with_signing(signing).unwrap());
    let (name, permitted) = entry("task-key", Scope::Task, permitted);
    let catalog = crate::shared::catalog([(name.clone(), permitted)]);
    let declared = [declared("task-key", declares)];
    world.start_task(world.context_with(b"skill", &declared, &[Grant::new(name, granted)], &catalog)).await
}

const OPERATIONS: &str = "sign,seal@https://api.example.com";

fn target() -> Target {
    Target::new("POST", "https://api.example.com/x").unwrap()
}

#[tokio::test]
async fn token_is_secret_under_key_grant() {
    let world = World::new();
    let task = signer(&world, OPERATIONS).await;
    let key = task.get("task-key", None).await.unwrap();
    let token = task.sign_jwt(&key, r#"{ "sub": "me" }"#).await.unwrap();
    assert_eq!((token.name(), token.version()), (key.name(), key.version()));
    assert!(token.expires_in() <= Duration::from_secs(600) && token.expires_in() > Duration::from_secs(500));
    let placeholder = task.seal(&token).await.unwrap();
    let sent = send(&task, &placeholder, &target(), &Placement::Authorization).await.unwrap();
    let text = str::from_utf8(&sent).unwrap();
    assert_eq!(text.split('.').count(), 3);
    assert_ne!(sent, KEY);
    // Redaction looks for the signature only.
    let signature = text.rsplit('.').next().unwrap().to_owned();
    let shown = task.redaction().redact(format!("it is {signature}"), 1000);
    assert!(!shown.contains(&signature) && shown.contains("task-key"), "{shown}");
    assert_eq!(world.events(EventKind::SecretSigned).len(), 1);
    let derived = world.events(EventKind::SecretDerived).pop().unwrap();
    assert_eq!(
        (derived.outcome(), derived.secret_version().cloned()),
        (Some(Outcome::Completed), Some(key.version().clone()))
    );
}

#[tokio::test]
async fn key_and_token_are_not_interchangeable() {
    let reveals = "sign,reveal,refresh,seal@https://api.example.com";
    for (action, reason) in [
        ("seal the key", DenyReason::SigningKey),
        ("reveal the key", DenyReason::SigningKey),
        ("hmac by the key", DenyReason::Signing),
        ("sign by the token", DenyReason::Operation),
        ("hmac by the token", DenyReason::Operation),
        ("send the token elsewhere", DenyReason::Destination),
    ] {
        let world = World::new();
        let task = signer(&world, reveals).await;
        let key = task.get("task-key", None).await.unwrap();
        let token = task.sign_jwt(&key, "{}").await.unwrap();
        let denied = match action {
            "seal the key" => violation(task.seal(&key).await),
            "reveal the key" => violation(task.reveal(&key).await),
            "hmac by the key" => violation(task.sign_hmac_sha256(&key, b"").await),
            "sign by the token" => violation(task.sign_jwt(&token, "{}").await),
            "hmac by the token" => violation(task.sign_hmac_sha256(&token, b"").await),
            _ => {
                let placeholder = task.seal(&token).await.unwrap();
                let elsewhere = Target::new("POST", "https://other.example.com/x").unwrap();
                violation(send(&task, &placeholder, &elsewhere, &Placement::Authorization).await)
            }
        };
        assert_eq!(denied.reason, reason, "{action}");
    }
    // A token may be revealed if its key's grant permits that.
    let world = World::new();
    let task = signer(&world, reveals).await;
    let key = task.get("task-key", None).await.unwrap();
    let token = task.sign_jwt(&key, "{}").await.unwrap();
    assert_eq!(task.reveal(&token).await.unwrap().expose().split(|byte| *byte == b'.').count(), 3);
}

#[tokio::test]
async fn undeclared_signing_does_not_release_key() {
    let jwt = JwtTerms { algorithm: Some(JwtAlgorithm::Hs256), ..JwtTerms::default() };
    let jwt = |text: &str| terms(text).with_signing(Signing::Jwt(jwt.clone())).unwrap();
    let whole = "sign,reveal,seal@https://api.example.com";
    for declares in [terms("reveal"), terms("seal@https://api.example.com"), terms(whole)] {
        let world = World::new();
        world.backend.set(&Reference::new("task-key"), &Version::parse("k").unwrap(), KEY).unwrap();
        let (name, permitted) = entry("task-key", Scope::Task, jwt(whole));
        let catalog = crate::shared::catalog([(name.clone(), permitted)]);
        let declared = [declared("task-key", declares.clone())];
        let task = || world.context_with(b"skill", &declared, &[Grant::new(name.clone(), jwt(whole))], &catalog);
        if declares.operations().contains(far_core::capability::Operation::Reveal) {
            let task = world.start_task(task()).await;
            let key = task.get("task-key", None).await.unwrap();
            assert_eq!(violation(task.reveal(&key).await).reason, DenyReason::SigningKey);
        }
        if declares.operations().contains(far_core::capability::Operation::Seal) {
            let task = world.start_task(task()).await;
            let key = task.get("task-key", None).await.unwrap();
            assert_eq!(violation(task.seal(&key).await).reason, DenyReason::SigningKey);
        }
    }
}

#[tokio::test]
async fn contradicting_claims_are_violation() {
    for claims in [r#"{ "iss": "other" }"#, r#"{ "exp": 99999999999 }"#, r#"{ "aud": "x" }"#, "no claims"] {
        let world = World::new();
        let task = signer(&world, OPERATIONS).await;
        let key = task.get("task-key", None).await.unwrap();
        assert_eq!(violation(task.sign_jwt(&key, claims).await).reason, DenyReason::Claims, "{claims}");
        assert!(world.events(EventKind::SecretSigned).is_empty());
        assert!(matches!(task.sign_jwt(&key, "{}").await, Err(AccessError::Stopped(Stop::Violation(_)))));
    }
}

#[tokio::test]
async fn conflicting_signing_terms_are_violation() {
    let jwt = |issuer: &str| {
        let algorithm = Some(JwtAlgorithm::Hs256);
        Signing::Jwt(JwtTerms { algorithm, issuer: Some(issuer.to_owned()), ..JwtTerms::default() })
    };
    for signing in [
        [jwt("a"), jwt("a"), jwt("b")],
        [jwt("a"), Signing::Hmac, jwt("a")],
        [Signing::Hmac, jwt("a"), jwt("a")],
        [jwt("a"), jwt("a"), Signing::Hmac],
        [(); 3].map(|()| Signing::Jwt(JwtTerms::default())),
    ] {
        let world = World::new();
        let task = task(&world, OPERATIONS, signing.clone()).await;
        let key = task.get("task-key", None).await.unwrap();
        assert_eq!(violation(task.sign_jwt(&key, "{}").await).reason, DenyReason::Signing, "{signing:?}");
        let task = self::task(&world, OPERATIONS, signing).await;
        let key = task.get("task-key", None).await.unwrap();
        assert_eq!(violation(task.sign_hmac_sha256(&key, b"").await).reason, DenyReason::Signing);
    }
}

#[tokio::test]
async fn invalid_key_is_recorded() {
    let world = World::new();
    let jwt = JwtTerms { algorithm: Some(JwtAlgorithm::Rs256), ..JwtTerms::default() };
    let task = task(&world, OPERATIONS, [(); 3].map(|()| Signing::Jwt(jwt.clone()))).await;
    let key = task.get("task-key", None).await.unwrap();
    assert_eq!(secret_error(task.sign_jwt(&key, "{}").await), SecretError::Unavailable { retry_after: None });
    let derived = world.events(EventKind::SecretDerived).pop().unwrap();
    assert_eq!((derived.outcome(), derived.reason()), (Some(Outcome::Failed), Some(Reason::Token("invalid-key"))));
    let long = "x".repeat(20_000);
    assert_eq!(secret_error(task.sign_jwt(&key, &long).await), SecretError::TooLarge);
}

#[tokio::test(start_paused = true)]
async fn token_ends_with_expiry_or_task() {
    let world = World::new();
    let task = signer(&world, "sign,reveal").await;
    let key = task.get("task-key", None).await.unwrap();
    let token = task.sign_jwt(&key, "{}").await.unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let short = task.sign_jwt(&key, &format!(r#"{{ "exp": {} }}"#, now + 5)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(secret_error(task.reveal(&short).await), SecretError::Expired);
    assert_eq!(world.events(EventKind::SecretExpired).len(), 1, "a timer wipes it, without an access");
    task.reveal(&token).await.unwrap();
    task.finish(Outcome::Completed).await.unwrap();
    assert_eq!(token.expires_in(), Duration::ZERO);
    assert_eq!(world.events(EventKind::SecretWiped).len(), 2, "the key and the token");
}

#[tokio::test]
async fn tokens_are_limited_per_task() {
    let world = World::new();
    let task = signer(&world, "sign").await;
    let key = task.get("task-key", None).await.unwrap();
    for _ in 0..128 {
        drop(task.sign_jwt(&key, "{}").await.unwrap());
    }
    assert_eq!(secret_error(task.sign_jwt(&key, "{}").await), SecretError::Exhausted);
}
