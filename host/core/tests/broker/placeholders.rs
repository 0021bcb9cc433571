//! Placeholders: their owner, their destinations and their lifetime.

use std::sync::Arc;

use far_core::broker::{AccessError, EgressError, Placeholder, SecretError, Session, Stop};
use far_core::capability::{DenyReason, Placement, Target};
use far_core::pal::{Event, EventKind, Outcome, Reason};

use crate::fixture::{Fault, TTL, VALUE, World, secret_error, send, violation, within};
use crate::shared::grant;

const SEAL: &str = "task-key:seal@https://api.example.com";

fn target(url: &str) -> Target {
    Target::new("GET", url).unwrap()
}

fn granted() -> Target {
    target("https://api.example.com/a")
}

const BEARER: &Placement = &Placement::Authorization;

/// Sends a request without a secret.
async fn plain(task: &Arc<Session>, url: &str) -> Result<(), EgressError> {
    let exchange = task.authorize_egress(&target(url), &[], |_, _| Ok(())).await?;
    Ok(exchange.finish().await?)
}

/// Checks a placeholder in a part of a request that may have none.
async fn forbid(task: &Session, placeholder: &Placeholder, target: &Target) -> Result<bool, AccessError> {
    match task.forbid_placeholder(placeholder, target).await {
        Err(EgressError::Stopped(stop)) => Err(stop.into()),
        other => Ok(other.unwrap()),
    }
}

/// Returns the reasons of the events of a kind.
fn reasons(world: &World, kind: EventKind) -> Vec<&'static str> {
    let token = |event: Event| match event.reason()? {
        Reason::Token(token) => Some(token),
        _ => None,
    };
    world.events(kind).into_iter().filter_map(token).collect()
}

#[tokio::test]
async fn handle_has_one_placeholder() {
    let world = World::new();
    let task = world.running(&[SEAL]).await;
    let (one, other) = (task.get("task-key", None).await.unwrap(), task.get("task-key", None).await.unwrap());
    let placeholder = task.seal(&one).await.unwrap();
    assert_eq!(task.seal(&one).await.unwrap(), placeholder);
    assert_ne!(task.seal(&other).await.unwrap(), placeholder);
    drop(one);
    let value = send(&task, &placeholder, &granted(), BEARER).await.unwrap();
    assert_eq!(value, VALUE);
    let used = world.events(EventKind::SecretUsed).pop().unwrap();
    assert_eq!(used.destination().unwrap().to_string(), "https://api.example.com");
    assert_eq!(world.events(EventKind::SecretSealed).len(), 3);
}

#[tokio::test]
async fn misplaced_placeholder_is_violation() {
    for (url, placement, reason) in [
        ("https://evil.example.com/a", Some(BEARER), DenyReason::Destination),
        ("http://api.example.com/a", Some(BEARER), DenyReason::Destination),
        ("https://api.example.com:8443/a", Some(BEARER), DenyReason::Destination),
        ("https://api.example.com/a", None, DenyReason::Placement),
    ] {
        let world = World::new();
        let task = world.running(&[SEAL]).await;
        let handle = task.get("task-key", None).await.unwrap();
        let placeholder = task.seal(&handle).await.unwrap();
        let denied = match placement {
            Some(placement) => violation(send(&task, &placeholder, &target(url), placement).await),
            None => violation(forbid(&task, &placeholder, &target(url)).await),
        };
        assert_eq!(denied.reason, reason, "{url}");
        assert!(world.events(EventKind::SecretUsed).is_empty());
        assert!(send(&task, &placeholder, &granted(), BEARER).await.is_err(), "the session is poisoned");
    }
}

#[tokio::test]
async fn placeholder_is_bound_to_task() {
    let world = World::new();
    let owner = world.running(&[SEAL]).await;
    let thief = world.running(&[SEAL]).await;
    let handle = owner.get("task-key", None).await.unwrap();
    let placeholder = owner.seal(&handle).await.unwrap();
    let denied = violation(send(&thief, &placeholder, &granted(), BEARER).await);
    assert_eq!(denied.reason, DenyReason::ForeignToken);
    assert!(send(&owner, &placeholder, &granted(), BEARER).await.is_ok());

    owner.finish(Outcome::Completed).await.unwrap();
    let next = world.running(&[SEAL]).await;
    assert_eq!(next.forbid_placeholder(&placeholder, &granted()).await, Ok(false), "plain text");
    assert!(send(&next, &placeholder, &granted(), BEARER).await.is_err(), "it is not sent as plain text");
    assert_eq!(reasons(&world, EventKind::EgressDenied), ["placeholder"]);
    assert_eq!(world.events(EventKind::SecretUsed).len(), 2, "only the owner's use");
}

#[tokio::test(start_paused = true)]
async fn replacement_counts_as_use() {
    let world = World::new();
    let twice = grant(SEAL).with_max_uses(2.try_into().unwrap());
    let task = world.running_with(&[twice]).await;
    let handle = task.get("task-key", None).await.unwrap();
    let placeholder = task.seal(&handle).await.unwrap();
    for _ in 0..2 {
        send(&task, &placeholder, &granted(), BEARER).await.unwrap();
    }
    send(&task, &placeholder, &granted(), BEARER).await.unwrap_err();
    assert_eq!(reasons(&world, EventKind::SecretUsed), ["exhausted"]);
    assert_eq!(reasons(&world, EventKind::EgressDenied), ["secret"]);

    let task = world.running(&[SEAL]).await;
    let handle = task.get("task-key", None).await.unwrap();
    let placeholder = task.seal(&handle).await.unwrap();
    tokio::time::sleep(TTL).await;
    send(&task, &placeholder, &granted(), BEARER).await.unwrap_err();
    assert_eq!(reasons(&world, EventKind::SecretUsed), ["exhausted", "expired"]);
    assert_eq!(secret_error(task.seal(&handle).await), SecretError::Expired);
}

#[tokio::test]
async fn placeholder_requires_seal() {
    let world = World::new();
    let task = world.running(&["task-key:sign"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    assert_eq!(violation(task.seal(&handle).await).reason, DenyReason::Operation);
}

#[tokio::test]
async fn plain_request_requires_egress_grant() {
    let world = World::new();
    let task = world.running(&[]).await;
    assert!(plain(&task, "https://open.example.com/a").await.is_ok());
    assert!(plain(&task, "https://guest-chosen.example.com/a").await.is_err());
    let allowed = world.events(EventKind::EgressAllowed).pop().unwrap();
    assert_eq!(allowed.destination().unwrap().to_string(), "https://open.example.com");
    let denied = world.events(EventKind::EgressDenied).pop().unwrap();
    assert!(denied.destination().unwrap().to_string().starts_with("unlisted:"));
}

#[tokio::test]
async fn placeholders_are_limited_per_task() {
    let world = World::new();
    let task = world.running(&[SEAL]).await;
    for _ in 0..1024 {
        let handle = task.get("task-key", None).await.unwrap();
        task.seal(&handle).await.unwrap();
    }
    let handle = task.get("task-key", None).await.unwrap();
    assert_eq!(secret_error(task.seal(&handle).await), SecretError::Exhausted);
}

#[tokio::test]
async fn only_running_task_sends_requests() {
    let open = "https://open.example.com/a";
    let world = World::new();
    let session = Arc::new(world.broker.admit(world.context(b"skill", &[])).await.unwrap());
    let Err(EgressError::Stopped(Stop::Violation(denied))) = plain(&session, open).await else {
        panic!("the request was authorized")
    };
    assert_eq!(denied.reason, DenyReason::OutsideRun);

    let task = world.running(&[SEAL]).await;
    let handle = task.get("task-key", None).await.unwrap();
    let placeholder = task.seal(&handle).await.unwrap();
    assert!(plain(&task, open).await.is_ok());
    let cancelled = task.clone();
    let cancelled = tokio::spawn(async move { cancelled.cancelled().await });
    violation(forbid(&task, &placeholder, &granted()).await);
    within(cancelled).await.unwrap();
    assert!(matches!(plain(&task, open).await, Err(EgressError::Stopped(_))));
}

#[tokio::test]
async fn violation_notifies_without_waiting_caller() {
    let world = World::new();
    let task = world.running(&[SEAL]).await;
    let handle = task.get("task-key", None).await.unwrap();
    let placeholder = task.seal(&handle).await.unwrap();
    world.gate.fail_at(Fault::Hangs, EventKind::SecretDenied);
    let cancelled = task.clone();
    let cancelled = tokio::spawn(async move { cancelled.cancelled().await });
    let violating = task.clone();
    let violating = tokio::spawn(async move { violating.forbid_placeholder(&placeholder, &granted()).await.map(drop) });
    world.wait_for_events(EventKind::SecretDenied, 1).await;
    violating.abort();
    within(cancelled).await.unwrap();
}

#[test]
fn placeholder_length_is_constant() {
    assert_eq!(Placeholder::LEN, 49);
}
