//! Authorized requests: their records, and the uses that they spend.

use std::num::NonZeroU32;
use std::sync::Arc;

use far_core::broker::{EgressError, Exchange, Placeholder, Session, Stop};
use far_core::capability::{Placement, Target};
use far_core::memory::SecretBytes;
use far_core::pal::{EgressReason, Event, EventKind, Outcome, Reason, SendState};

use crate::fixture::{Fault, World, send, within};
use crate::shared::grant;

const BEARER: &Placement = &Placement::Authorization;

fn target(url: &str) -> Target {
    Target::new("POST", url).unwrap()
}

fn granted() -> Target {
    target("https://api.example.com/a")
}

/// Returns a task that may send its secret `uses` times, and a placeholder.
async fn sender(world: &World, uses: u32) -> (Arc<Session>, Placeholder) {
    let limited = grant("task-key:seal@https://api.example.com").with_max_uses(NonZeroU32::new(uses).unwrap());
    let task = world.running_with(&[limited]).await;
    let handle = task.get("task-key", None).await.unwrap();
    let placeholder = task.seal(&handle).await.unwrap();
    (task, placeholder)
}

fn put(_: usize, _: &SecretBytes) -> Result<(), EgressReason> {
    Ok(())
}

async fn authorize(task: &Arc<Session>, placeholder: &Placeholder) -> Result<Exchange, EgressError> {
    task.authorize_egress(&granted(), &[(placeholder, BEARER)], put).await
}

/// Returns the outcomes of the events of a kind, each with its reason.
fn outcomes(world: &World, kind: EventKind) -> Vec<String> {
    let describe = |event: Event| match (event.outcome(), event.reason()) {
        (Some(outcome), Some(Reason::Token(reason))) => format!("{} {reason}", outcome.as_str()),
        (outcome, _) => outcome.map(Outcome::as_str).unwrap_or_default().to_owned(),
    };
    world.events(kind).into_iter().map(describe).collect()
}

#[tokio::test]
async fn answered_request_completes_use() {
    let world = World::new();
    let (task, placeholder) = sender(&world, 1).await;
    let mut exchange = authorize(&task, &placeholder).await.unwrap();
    assert_eq!(outcomes(&world, EventKind::SecretUsed), ["started"], "recorded before it leaves");
    exchange.mark_sending(5);
    exchange.record_response(500).await.unwrap();
    assert_eq!(outcomes(&world, EventKind::SecretUsed), ["started", "completed"]);
    exchange.count_received(3);
    exchange.count_received(4);
    exchange.finish().await.unwrap();
    let finished = world.events(EventKind::EgressFinished).pop().unwrap();
    assert_eq!(
        (finished.outcome(), finished.status(), finished.sent()),
        (Some(Outcome::Completed), Some(500), Some(SendState::Yes))
    );
    assert_eq!((finished.bytes_sent(), finished.bytes_received()), (Some(5), Some(7)));
    assert_eq!(finished.destination().unwrap().to_string(), "https://api.example.com");
    assert!(authorize(&task, &placeholder).await.is_err(), "the only use is spent");
}

#[tokio::test]
async fn unsent_secret_returns_use() {
    let world = World::new();
    let (task, placeholder) = sender(&world, 1).await;
    for reason in [EgressReason::ConnectionRefused, EgressReason::Dns, EgressReason::Address] {
        let mut exchange = authorize(&task, &placeholder).await.unwrap();
        exchange.mark_sending(5);
        exchange.fail(reason, Some(SendState::No)).await.unwrap();
        let finished = world.events(EventKind::EgressFinished).pop().unwrap();
        assert_eq!((finished.bytes_sent(), finished.sent()), (Some(0), Some(SendState::No)));
        assert_eq!(finished.reason(), Some(Reason::Token(reason.token())));
    }
    assert_eq!(
        outcomes(&world, EventKind::SecretUsed),
        ["started", "failed refused", "started", "failed dns", "started", "failed address"]
    );
    assert!(send(&task, &placeholder, &granted(), BEARER).await.is_ok(), "the use was returned");
    assert!(send(&task, &placeholder, &granted(), BEARER).await.is_err());
}

#[tokio::test]
async fn possibly_sent_secret_spends_use() {
    let world = World::new();
    let (task, placeholder) = sender(&world, 1).await;
    let mut exchange = authorize(&task, &placeholder).await.unwrap();
    exchange.mark_sending(5);
    exchange.fail(EgressReason::Connection, Some(SendState::Unknown)).await.unwrap();
    assert_eq!(outcomes(&world, EventKind::SecretUsed), ["started", "unknown connection"]);
    assert!(authorize(&task, &placeholder).await.is_err());
}

#[tokio::test]
async fn dropped_request_is_recorded_as_canceled() {
    let world = World::new();
    let (task, placeholder) = sender(&world, 1).await;
    drop(authorize(&task, &placeholder).await.unwrap());
    let mut exchange = authorize(&task, &placeholder).await.unwrap();
    exchange.mark_sending(5);
    drop(exchange);
    assert_eq!(
        outcomes(&world, EventKind::SecretUsed),
        ["started", "failed cancelled", "started", "unknown cancelled"]
    );
    assert_eq!(outcomes(&world, EventKind::EgressFinished), ["cancelled", "cancelled"]);
}

#[tokio::test]
async fn two_placeholders_take_both_or_none() {
    let world = World::new();
    let (task, placeholder) = sender(&world, 1).await;
    let both = [(&placeholder, BEARER), (&placeholder, BEARER)];
    let refused = task.authorize_egress(&granted(), &both, put).await;
    assert!(refused.is_err_and(|error| error == EgressError::Denied));
    assert_eq!(outcomes(&world, EventKind::SecretUsed), ["failed exhausted"]);
    assert_eq!(outcomes(&world, EventKind::EgressDenied), ["failed secret"]);
    assert!(send(&task, &placeholder, &granted(), BEARER).await.is_ok(), "the denied request spent no use");
    let (task, placeholder) = sender(&world, 2).await;
    let both = [(&placeholder, BEARER), (&placeholder, BEARER)];
    assert!(task.authorize_egress(&granted(), &both, put).await.is_ok());
}

#[tokio::test]
async fn unfit_value_is_denied_with_reason() {
    let world = World::new();
    let (task, placeholder) = sender(&world, 1).await;
    let unfit = |_: usize, _: &SecretBytes| Err(EgressReason::InvalidValue);
    let refused = task.authorize_egress(&granted(), &[(&placeholder, BEARER)], unfit).await;
    assert!(refused.is_err_and(|error| error == EgressError::Denied));
    assert_eq!(outcomes(&world, EventKind::SecretUsed), ["failed unfit"]);
    assert_eq!(outcomes(&world, EventKind::EgressDenied), ["failed unfit"]);
    assert!(world.events(EventKind::EgressFinished).is_empty(), "the request was not authorized");
    assert!(send(&task, &placeholder, &granted(), BEARER).await.is_ok(), "no use was spent");
}

#[tokio::test]
async fn unrecorded_use_is_not_authorized() {
    let world = World::new();
    let (task, placeholder) = sender(&world, 1).await;
    world.gate.fail_at(Fault::Fails, EventKind::SecretUsed);
    let Err(EgressError::Stopped(Stop::Audit(_))) = authorize(&task, &placeholder).await else {
        panic!("the request was authorized")
    };
}

#[tokio::test]
async fn unrecorded_end_stops_task() {
    let world = World::new();
    let (task, placeholder) = sender(&world, 2).await;
    let exchange = authorize(&task, &placeholder).await.unwrap();
    world.gate.fail_at(Fault::Fails, EventKind::EgressFinished);
    let cancelled = task.clone();
    let cancelled = tokio::spawn(async move { cancelled.cancelled().await });
    assert!(matches!(exchange.fail(EgressReason::ConnectionRefused, Some(SendState::No)).await, Err(Stop::Audit(_))));
    within(cancelled).await.unwrap();
}

#[tokio::test]
async fn denied_request_names_listed_destination() {
    for (url, label) in [
        ("https://api.example.com/not-open", "https://api.example.com"),
        ("https://open.example.com:8443/a", "unlisted:"),
        ("http://api.example.com/a", "unlisted:"),
        ("https://a.listed.example.com/other", "https://*.listed.example.com"),
        ("https://a.b.listed.example.com/a", "unlisted:"),
        ("https://guest-chosen.example.com/a", "unlisted:"),
    ] {
        let world = World::new();
        let task = world.running(&[]).await;
        assert!(task.authorize_egress(&target(url), &[], put).await.is_err(), "{url}");
        let denied = world.events(EventKind::EgressDenied).pop().unwrap();
        let shown = denied.destination().unwrap().to_string();
        assert!(shown.starts_with(label) && (label == "unlisted:" || shown == label), "{url}: {shown}");
    }
}

#[tokio::test]
async fn request_beyond_record_limit_stops_task() {
    let world = World::new();
    let context = far_core::TaskContext { records: 4, ..world.context(b"skill", &[grant("task-key:sign")]) };
    let task = world.start_task(context).await;
    // The admission does not count against the limit; the start does.
    task.get("task-key", None).await.unwrap();
    let mut handles = 1;
    let stop = loop {
        match task.get("task-key", None).await {
            Ok(_) => handles += 1,
            Err(error) => break crate::fixture::stop(Err::<(), _>(error)),
        }
    };
    assert_eq!((stop, handles), (Stop::Records, 2));
    task.finish(Outcome::LimitExceeded).await.unwrap();
    let finished = world.events(EventKind::TaskFinished).pop().unwrap();
    assert_eq!(finished.count(), Some(4), "the number of records");
    assert_eq!(world.events(EventKind::SecretInjected).len(), handles);
}
