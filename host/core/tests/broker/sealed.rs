//! Stand-ins: whose they are, where they may stand, and for how long.

use std::sync::Arc;

use far_core::broker::{AccessError, EgressError, SecretError, Session, StandIn, Stop};
use far_core::capability::{DenyReason, Placement, Target};
use far_core::pal::{Event, EventKind, Outcome, Reason};

use crate::fixture::{Fault, TTL, VALUE, World, send, told, violation, within};
use crate::shared::grant;

const SEAL: &str = "task-key:seal@https://api.example.com";

fn target(url: &str) -> Target {
    Target::new("GET", url).unwrap()
}

fn granted() -> Target {
    target("https://api.example.com/a")
}

const BEARER: &Placement = &Placement::Authorization;

/// Lets a request without a secret out, which then has its answer.
async fn plain(task: &Arc<Session>, url: &str) -> Result<(), EgressError> {
    let exchange = task.authorize_egress(&target(url), &[], |_, _| Ok(())).await?;
    Ok(exchange.finish().await?)
}

/// Has a placeholder stand where none may.
async fn forbid(task: &Session, stand_in: &StandIn, target: &Target) -> Result<bool, AccessError> {
    match task.forbid_placeholder(stand_in, target).await {
        Err(EgressError::Stopped(stop)) => Err(stop.into()),
        other => Ok(other.unwrap()),
    }
}

/// The reasons of the events of a kind that have one.
fn reasons(world: &World, kind: EventKind) -> Vec<&'static str> {
    let token = |event: Event| match event.reason()? {
        Reason::Token(token) => Some(token),
        _ => None,
    };
    world.events(kind).into_iter().filter_map(token).collect()
}

#[tokio::test]
async fn a_handle_has_one_stand_in_and_it_stands_for_the_value() {
    let world = World::new();
    let task = world.running(&[SEAL]).await;
    let (one, other) = (task.get("task-key", None).await.unwrap(), task.get("task-key", None).await.unwrap());
    let stand_in = task.seal(&one).await.unwrap();
    assert_eq!(task.seal(&one).await.unwrap(), stand_in);
    assert_ne!(task.seal(&other).await.unwrap(), stand_in);
    drop(one);
    let value = send(&task, &stand_in, &granted(), BEARER).await.unwrap();
    assert_eq!(value, VALUE);
    let used = world.events(EventKind::SecretUsed).pop().unwrap();
    assert_eq!(used.destination().unwrap().to_string(), "https://api.example.com");
    assert_eq!(world.events(EventKind::SecretSealed).len(), 3);
}

#[tokio::test]
async fn a_stand_in_elsewhere_is_a_violation() {
    for (url, placement, reason) in [
        ("https://evil.example.com/a", Some(BEARER), DenyReason::Destination),
        ("http://api.example.com/a", Some(BEARER), DenyReason::Destination),
        ("https://api.example.com:8443/a", Some(BEARER), DenyReason::Destination),
        ("https://api.example.com/a", None, DenyReason::Placement),
    ] {
        let world = World::new();
        let task = world.running(&[SEAL]).await;
        let handle = task.get("task-key", None).await.unwrap();
        let stand_in = task.seal(&handle).await.unwrap();
        let denied = match placement {
            Some(placement) => violation(send(&task, &stand_in, &target(url), placement).await),
            None => violation(forbid(&task, &stand_in, &target(url)).await),
        };
        assert_eq!(denied.reason, reason, "{url}");
        assert!(world.events(EventKind::SecretUsed).is_empty());
        assert!(send(&task, &stand_in, &granted(), BEARER).await.is_err(), "poisoned");
    }
}

#[tokio::test]
async fn a_stand_in_is_worth_nothing_to_another_task_and_nothing_after_its_own() {
    let world = World::new();
    let owner = world.running(&[SEAL]).await;
    let thief = world.running(&[SEAL]).await;
    let handle = owner.get("task-key", None).await.unwrap();
    let stand_in = owner.seal(&handle).await.unwrap();
    let denied = violation(send(&thief, &stand_in, &granted(), BEARER).await);
    assert_eq!(denied.reason, DenyReason::ForeignToken);
    assert!(send(&owner, &stand_in, &granted(), BEARER).await.is_ok());

    owner.finish(Outcome::Completed).await.unwrap();
    let next = world.running(&[SEAL]).await;
    assert_eq!(next.forbid_placeholder(&stand_in, &granted()).await, Ok(false), "text");
    assert!(send(&next, &stand_in, &granted(), BEARER).await.is_err(), "not sent as text either");
    assert_eq!(reasons(&world, EventKind::EgressDenied), ["placeholder"]);
    assert_eq!(world.events(EventKind::SecretUsed).len(), 2, "the owner's");
}

#[tokio::test(start_paused = true)]
async fn each_replacement_counts_and_none_outlives_the_value() {
    let world = World::new();
    let twice = grant(SEAL).with_max_uses(2.try_into().unwrap());
    let task = world.running_with(&[twice]).await;
    let handle = task.get("task-key", None).await.unwrap();
    let stand_in = task.seal(&handle).await.unwrap();
    for _ in 0..2 {
        send(&task, &stand_in, &granted(), BEARER).await.unwrap();
    }
    send(&task, &stand_in, &granted(), BEARER).await.unwrap_err();
    assert_eq!(reasons(&world, EventKind::SecretUsed), ["exhausted"]);
    assert_eq!(reasons(&world, EventKind::EgressDenied), ["secret"]);

    let task = world.running(&[SEAL]).await;
    let handle = task.get("task-key", None).await.unwrap();
    let stand_in = task.seal(&handle).await.unwrap();
    tokio::time::sleep(TTL).await;
    send(&task, &stand_in, &granted(), BEARER).await.unwrap_err();
    assert_eq!(reasons(&world, EventKind::SecretUsed), ["exhausted", "expired"]);
    assert_eq!(told(task.seal(&handle).await), SecretError::Expired);
}

#[tokio::test]
async fn without_seal_there_is_no_stand_in() {
    let world = World::new();
    let task = world.running(&["task-key:sign"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    assert_eq!(violation(task.seal(&handle).await).reason, DenyReason::Operation);
}

#[tokio::test]
async fn a_request_without_a_secret_goes_where_the_task_may_send_some() {
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
async fn a_task_has_so_many_stand_ins_and_no_more() {
    let world = World::new();
    let task = world.running(&[SEAL]).await;
    for _ in 0..1024 {
        let handle = task.get("task-key", None).await.unwrap();
        task.seal(&handle).await.unwrap();
    }
    let handle = task.get("task-key", None).await.unwrap();
    assert_eq!(told(task.seal(&handle).await), SecretError::Exhausted);
}

#[tokio::test]
async fn no_request_leaves_before_the_task_runs_or_when_it_must_not_go_on() {
    let open = "https://open.example.com/a";
    let world = World::new();
    let session = Arc::new(world.broker.admit(world.context(b"skill", &[])).await.unwrap());
    let Err(EgressError::Stopped(Stop::Violation(denied))) = plain(&session, open).await else { panic!("let out") };
    assert_eq!(denied.reason, DenyReason::OutsideRun);

    let task = world.running(&[SEAL]).await;
    let handle = task.get("task-key", None).await.unwrap();
    let stand_in = task.seal(&handle).await.unwrap();
    assert!(plain(&task, open).await.is_ok());
    let halted = task.clone();
    let halted = tokio::spawn(async move { halted.halted().await });
    violation(forbid(&task, &stand_in, &granted()).await);
    within(halted).await.unwrap();
    assert!(matches!(plain(&task, open).await, Err(EgressError::Stopped(_))));
}

#[tokio::test]
async fn a_violation_is_told_though_nobody_waits_for_its_record() {
    let world = World::new();
    let task = world.running(&[SEAL]).await;
    let handle = task.get("task-key", None).await.unwrap();
    let stand_in = task.seal(&handle).await.unwrap();
    world.gate.breaks_at(Fault::Hangs, EventKind::SecretDenied);
    let halted = task.clone();
    let halted = tokio::spawn(async move { halted.halted().await });
    let violating = task.clone();
    let violating = tokio::spawn(async move { violating.forbid_placeholder(&stand_in, &granted()).await.map(drop) });
    world.recorded(EventKind::SecretDenied, 1).await;
    violating.abort();
    within(halted).await.unwrap();
}

#[test]
fn a_stand_in_looks_the_same_whatever_it_stands_for() {
    assert_eq!(StandIn::LEN, 49);
}
