//! Tokens that the host signs: whose keys may, what they say, and that each is a secret itself.

use std::time::Duration;

use far_core::Version;
use far_core::broker::{AccessError, SecretError, Session, Stop};
use far_core::capability::{DenyReason, Grant, JwtAlgorithm, JwtTerms, Placement, Scope, Signing, Target};
use far_core::pal::{EventKind, Outcome, Reason};
use far_core::provider::Reference;

use crate::fixture::{World, send, told, violation};
use crate::shared::{declared, entry, terms};

const KEY: &[u8] = b"canary-of-a-key-that-signs-tokens";

/// A task that may have tokens signed with `task-key`, and may send them.
async fn signer(world: &World, operations: &str) -> std::sync::Arc<Session> {
    let jwt = JwtTerms { algorithm: Some(JwtAlgorithm::Hs256), issuer: Some("app".to_owned()), ..JwtTerms::default() };
    task(world, operations, [(); 3].map(|()| Signing::Jwt(jwt.clone()))).await
}

/// The same of a key that is declared, granted and permitted for this.
async fn task(world: &World, operations: &str, signing: [Signing; 3]) -> std::sync::Arc<Session> {
    world.backend.set(&Reference::new("task-key"), &Version::parse("k").unwrap(), KEY).unwrap();
    let [said, granted, permitted] = signing.map(|signing| terms(operations).with_signing(signing).unwrap());
    let (name, permitted) = entry("task-key", Scope::Task, permitted);
    let catalog = crate::shared::catalog([(name.clone(), permitted)]);
    let declared = [declared("task-key", said)];
    world.started(world.joined(b"skill", &declared, &[Grant::new(name, granted)], &catalog)).await
}

const OPERATIONS: &str = "sign,seal@https://api.example.com";

fn target() -> Target {
    Target::new("POST", "https://api.example.com/x").unwrap()
}

#[tokio::test]
async fn a_token_is_a_secret_that_may_go_where_its_key_s_grant_says() {
    let world = World::new();
    let task = signer(&world, OPERATIONS).await;
    let key = task.get("task-key", None).await.unwrap();
    let token = task.sign_jwt(&key, r#"{ "sub": "me" }"#).await.unwrap();
    assert_eq!((token.name(), token.version()), (key.name(), key.version()));
    assert!(token.expires_in() <= Duration::from_secs(600) && token.expires_in() > Duration::from_secs(500));
    let stand_in = task.seal(&token).await.unwrap();
    let sent = send(&task, &stand_in, &target(), &Placement::Authorization).await.unwrap();
    let text = str::from_utf8(&sent).unwrap();
    assert_eq!(text.split('.').count(), 3);
    assert_ne!(sent, KEY);
    // The signature is what nobody else can make, and what is looked for.
    let signature = text.rsplit('.').next().unwrap().to_owned();
    let shown = task.redaction().text(format!("it is {signature}"), 1000);
    assert!(!shown.contains(&signature) && shown.contains("task-key"), "{shown}");
    assert_eq!(world.events(EventKind::SecretSigned).len(), 1);
    let derived = world.events(EventKind::SecretDerived).pop().unwrap();
    assert_eq!(
        (derived.outcome(), derived.secret_version().cloned()),
        (Some(Outcome::Completed), Some(key.version().clone()))
    );
}

#[tokio::test]
async fn neither_the_key_is_sent_nor_the_token_used_as_a_key() {
    let reveals = "sign,reveal,refresh,seal@https://api.example.com";
    for (what, reason) in [
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
        let denied = match what {
            "seal the key" => violation(task.seal(&key).await),
            "reveal the key" => violation(task.reveal(&key).await),
            "hmac by the key" => violation(task.sign_hmac_sha256(&key, b"").await),
            "sign by the token" => violation(task.sign_jwt(&token, "{}").await),
            "hmac by the token" => violation(task.sign_hmac_sha256(&token, b"").await),
            _ => {
                let stand_in = task.seal(&token).await.unwrap();
                let elsewhere = Target::new("POST", "https://other.example.com/x").unwrap();
                violation(send(&task, &stand_in, &elsewhere, &Placement::Authorization).await)
            }
        };
        assert_eq!(denied.reason, reason, "{what}");
    }
    // The twin: a token may be revealed where its key's grant has that.
    let world = World::new();
    let task = signer(&world, reveals).await;
    let key = task.get("task-key", None).await.unwrap();
    let token = task.sign_jwt(&key, "{}").await.unwrap();
    assert_eq!(task.reveal(&token).await.unwrap().expose().split(|byte| *byte == b'.').count(), 3);
}

#[tokio::test]
async fn a_skill_that_does_not_say_what_the_key_signs_gets_it_no_more_than_others() {
    let jwt = JwtTerms { algorithm: Some(JwtAlgorithm::Hs256), ..JwtTerms::default() };
    let jwt = |text: &str| terms(text).with_signing(Signing::Jwt(jwt.clone())).unwrap();
    let whole = "sign,reveal,seal@https://api.example.com";
    for said in [terms("reveal"), terms("seal@https://api.example.com"), terms(whole)] {
        let world = World::new();
        world.backend.set(&Reference::new("task-key"), &Version::parse("k").unwrap(), KEY).unwrap();
        let (name, permitted) = entry("task-key", Scope::Task, jwt(whole));
        let catalog = crate::shared::catalog([(name.clone(), permitted)]);
        let declared = [declared("task-key", said.clone())];
        let task = || world.joined(b"skill", &declared, &[Grant::new(name.clone(), jwt(whole))], &catalog);
        if said.operations().contains(far_core::capability::Operation::Reveal) {
            let task = world.started(task()).await;
            let key = task.get("task-key", None).await.unwrap();
            assert_eq!(violation(task.reveal(&key).await).reason, DenyReason::SigningKey);
        }
        if said.operations().contains(far_core::capability::Operation::Seal) {
            let task = world.started(task()).await;
            let key = task.get("task-key", None).await.unwrap();
            assert_eq!(violation(task.seal(&key).await).reason, DenyReason::SigningKey);
        }
    }
}

#[tokio::test]
async fn claims_that_the_grant_fixes_are_not_said_differently() {
    for said in [r#"{ "iss": "other" }"#, r#"{ "exp": 99999999999 }"#, r#"{ "aud": "x" }"#, "no claims"] {
        let world = World::new();
        let task = signer(&world, OPERATIONS).await;
        let key = task.get("task-key", None).await.unwrap();
        assert_eq!(violation(task.sign_jwt(&key, said).await).reason, DenyReason::Claims, "{said}");
        assert!(world.events(EventKind::SecretSigned).is_empty());
        assert!(matches!(task.sign_jwt(&key, "{}").await, Err(AccessError::Stopped(Stop::Violation(_)))));
    }
}

#[tokio::test]
async fn what_the_three_do_not_agree_on_is_not_signed() {
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
async fn a_secret_that_is_no_key_gives_no_token_and_that_is_recorded() {
    let world = World::new();
    let jwt = JwtTerms { algorithm: Some(JwtAlgorithm::Rs256), ..JwtTerms::default() };
    let task = task(&world, OPERATIONS, [(); 3].map(|()| Signing::Jwt(jwt.clone()))).await;
    let key = task.get("task-key", None).await.unwrap();
    assert_eq!(told(task.sign_jwt(&key, "{}").await), SecretError::Unavailable { retry_after: None });
    let derived = world.events(EventKind::SecretDerived).pop().unwrap();
    assert_eq!((derived.outcome(), derived.reason()), (Some(Outcome::Failed), Some(Reason::Token("invalid-key"))));
    let long = "x".repeat(20_000);
    assert_eq!(told(task.sign_jwt(&key, &long).await), SecretError::TooLarge);
}

#[tokio::test(start_paused = true)]
async fn a_token_ends_with_its_time_and_with_its_task() {
    let world = World::new();
    let task = signer(&world, "sign,reveal").await;
    let key = task.get("task-key", None).await.unwrap();
    let token = task.sign_jwt(&key, "{}").await.unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let short = task.sign_jwt(&key, &format!(r#"{{ "exp": {} }}"#, now + 5)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(told(task.reveal(&short).await), SecretError::Expired);
    assert_eq!(world.events(EventKind::SecretExpired).len(), 1, "wiped by a timer, whoever asks");
    task.reveal(&token).await.unwrap();
    task.finish(Outcome::Completed).await.unwrap();
    assert_eq!(token.expires_in(), Duration::ZERO);
    assert_eq!(world.events(EventKind::SecretWiped).len(), 2, "the key, and the token");
}

#[tokio::test]
async fn tokens_are_counted_as_uses_and_have_a_limit() {
    let world = World::new();
    let task = signer(&world, "sign").await;
    let key = task.get("task-key", None).await.unwrap();
    for _ in 0..128 {
        drop(task.sign_jwt(&key, "{}").await.unwrap());
    }
    assert_eq!(told(task.sign_jwt(&key, "{}").await), SecretError::Exhausted);
}
