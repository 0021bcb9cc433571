//! Requests that are let out: what is recorded before and after, and which uses are spent.

use std::num::NonZeroU32;
use std::sync::Arc;

use far_core::broker::{EgressError, Exchange, Session, StandIn, Stop};
use far_core::capability::{Placement, Target};
use far_core::memory::SecretBytes;
use far_core::pal::{EgressReason, Event, EventKind, Outcome, Reason, Sent};

use crate::fixture::{Fault, World, send, within};
use crate::shared::grant;

const BEARER: &Placement = &Placement::Authorization;

fn target(url: &str) -> Target {
    Target::new("POST", url).unwrap()
}

fn granted() -> Target {
    target("https://api.example.com/a")
}

/// A task that may send its secret so often, and a placeholder.
async fn sender(world: &World, uses: u32) -> (Arc<Session>, StandIn) {
    let limited = grant("task-key:seal@https://api.example.com").with_max_uses(NonZeroU32::new(uses).unwrap());
    let task = world.running_with(&[limited]).await;
    let handle = task.get("task-key", None).await.unwrap();
    let stand_in = task.seal(&handle).await.unwrap();
    (task, stand_in)
}

fn put(_: usize, _: &SecretBytes) -> Result<(), EgressReason> {
    Ok(())
}

async fn let_out(task: &Arc<Session>, stand_in: &StandIn) -> Result<Exchange, EgressError> {
    task.authorize_egress(&granted(), &[(stand_in, BEARER)], put).await
}

/// The outcomes of the events of a kind, each with its reason.
fn outcomes(world: &World, kind: EventKind) -> Vec<String> {
    let shown = |event: Event| match (event.outcome(), event.reason()) {
        (Some(outcome), Some(Reason::Token(reason))) => format!("{} {reason}", outcome.as_str()),
        (outcome, _) => outcome.map(Outcome::as_str).unwrap_or_default().to_owned(),
    };
    world.events(kind).into_iter().map(shown).collect()
}

#[tokio::test]
async fn answered_request_completes_use() {
    let world = World::new();
    let (task, stand_in) = sender(&world, 1).await;
    let mut exchange = let_out(&task, &stand_in).await.unwrap();
    assert_eq!(outcomes(&world, EventKind::SecretUsed), ["started"], "recorded before it leaves");
    exchange.sending(5);
    exchange.answered(500).await.unwrap();
    assert_eq!(outcomes(&world, EventKind::SecretUsed), ["started", "completed"]);
    exchange.received(3);
    exchange.received(4);
    exchange.finish().await.unwrap();
    let finished = world.events(EventKind::EgressFinished).pop().unwrap();
    assert_eq!(
        (finished.outcome(), finished.status(), finished.sent()),
        (Some(Outcome::Completed), Some(500), Some(Sent::Yes))
    );
    assert_eq!((finished.bytes_sent(), finished.bytes_received()), (Some(5), Some(7)));
    assert_eq!(finished.destination().unwrap().to_string(), "https://api.example.com");
    assert!(let_out(&task, &stand_in).await.is_err(), "the one use is spent");
}

#[tokio::test]
async fn unsent_secret_gives_use_back() {
    let world = World::new();
    let (task, stand_in) = sender(&world, 1).await;
    for reason in [EgressReason::Refused, EgressReason::Dns, EgressReason::Address] {
        let mut exchange = let_out(&task, &stand_in).await.unwrap();
        exchange.sending(5);
        exchange.fail(reason, Some(Sent::No)).await.unwrap();
        let finished = world.events(EventKind::EgressFinished).pop().unwrap();
        assert_eq!((finished.bytes_sent(), finished.sent()), (Some(0), Some(Sent::No)));
        assert_eq!(finished.reason(), Some(Reason::Token(reason.token())));
    }
    assert_eq!(
        outcomes(&world, EventKind::SecretUsed),
        ["started", "failed refused", "started", "failed dns", "started", "failed address"]
    );
    assert!(send(&task, &stand_in, &granted(), BEARER).await.is_ok(), "the use is there still");
    assert!(send(&task, &stand_in, &granted(), BEARER).await.is_err());
}

#[tokio::test]
async fn possibly_sent_secret_spends_use() {
    let world = World::new();
    let (task, stand_in) = sender(&world, 1).await;
    let mut exchange = let_out(&task, &stand_in).await.unwrap();
    exchange.sending(5);
    exchange.fail(EgressReason::Connection, Some(Sent::Unknown)).await.unwrap();
    assert_eq!(outcomes(&world, EventKind::SecretUsed), ["started", "unknown connection"]);
    assert!(let_out(&task, &stand_in).await.is_err());
}

#[tokio::test]
async fn dropped_request_is_recorded_as_cancelled() {
    let world = World::new();
    let (task, stand_in) = sender(&world, 1).await;
    drop(let_out(&task, &stand_in).await.unwrap());
    let mut exchange = let_out(&task, &stand_in).await.unwrap();
    exchange.sending(5);
    drop(exchange);
    assert_eq!(
        outcomes(&world, EventKind::SecretUsed),
        ["started", "failed cancelled", "started", "unknown cancelled"]
    );
    assert_eq!(outcomes(&world, EventKind::EgressFinished), ["cancelled", "cancelled"]);
}

#[tokio::test]
async fn two_placeholders_take_both_uses_or_none() {
    let world = World::new();
    let (task, stand_in) = sender(&world, 1).await;
    let both = [(&stand_in, BEARER), (&stand_in, BEARER)];
    let refused = task.authorize_egress(&granted(), &both, put).await;
    assert!(refused.is_err_and(|error| error == EgressError::Denied));
    assert_eq!(outcomes(&world, EventKind::SecretUsed), ["failed exhausted"]);
    assert_eq!(outcomes(&world, EventKind::EgressDenied), ["failed secret"]);
    assert!(send(&task, &stand_in, &granted(), BEARER).await.is_ok(), "neither took the use that there was");
    let (task, stand_in) = sender(&world, 2).await;
    let both = [(&stand_in, BEARER), (&stand_in, BEARER)];
    assert!(task.authorize_egress(&granted(), &both, put).await.is_ok());
}

#[tokio::test]
async fn unfit_value_is_refused_with_reason() {
    let world = World::new();
    let (task, stand_in) = sender(&world, 1).await;
    let unfit = |_: usize, _: &SecretBytes| Err(EgressReason::Unfit);
    let refused = task.authorize_egress(&granted(), &[(&stand_in, BEARER)], unfit).await;
    assert!(refused.is_err_and(|error| error == EgressError::Denied));
    assert_eq!(outcomes(&world, EventKind::SecretUsed), ["failed unfit"]);
    assert_eq!(outcomes(&world, EventKind::EgressDenied), ["failed unfit"]);
    assert!(world.events(EventKind::EgressFinished).is_empty(), "it was never let out");
    assert!(send(&task, &stand_in, &granted(), BEARER).await.is_ok(), "no use was spent");
}

#[tokio::test]
async fn unrecorded_use_does_not_leave() {
    let world = World::new();
    let (task, stand_in) = sender(&world, 1).await;
    world.gate.breaks_at(Fault::Fails, EventKind::SecretUsed);
    let Err(EgressError::Stopped(Stop::Audit(_))) = let_out(&task, &stand_in).await else { panic!("let out") };
}

#[tokio::test]
async fn unrecorded_end_stops_the_task() {
    let world = World::new();
    let (task, stand_in) = sender(&world, 2).await;
    let exchange = let_out(&task, &stand_in).await.unwrap();
    world.gate.breaks_at(Fault::Fails, EventKind::EgressFinished);
    let halted = task.clone();
    let halted = tokio::spawn(async move { halted.halted().await });
    assert!(matches!(exchange.fail(EgressReason::Refused, Some(Sent::No)).await, Err(Stop::Audit(_))));
    within(halted).await.unwrap();
}

#[tokio::test]
async fn refused_request_names_listed_destination() {
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
    let task = world.started(context).await;
    // Admission is not the task's doing; its start is a record.
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
    assert_eq!(finished.count(), Some(4), "it says how many there were");
    assert_eq!(world.events(EventKind::SecretInjected).len(), handles);
}
