//! Failures of a required sink: without a record, no value is released.

use far_core::broker::Stop;
use far_core::capability::DenyReason;
use far_core::pal::{EventKind, Outcome};
use tokio::time::Instant;

use crate::fixture::{AUDIT_DEADLINE, FAULTS, Fault, VALUE, World, checked_error, stop, violation, within};
use crate::shared::grant;

#[tokio::test(start_paused = true)]
async fn unrecorded_request_is_not_sent() {
    for fault in FAULTS {
        let world = World::new();
        let task = world.running(&["agent-key:reveal,refresh"]).await;
        world.gate.fail(fault);
        for _ in 0..2 {
            assert!(matches!(stop(within(task.get("agent-key", None)).await), Stop::Audit(_)), "{fault:?}");
        }
        assert_eq!(world.backend.calls(), 0, "{fault:?}");
        assert!(!task.backend_failed());
    }
}

#[tokio::test(start_paused = true)]
async fn unrecorded_refresh_is_not_sent() {
    for fault in FAULTS {
        let world = World::new();
        let task = world.running(&["agent-key:refresh"]).await;
        task.get("agent-key", None).await.unwrap();
        tokio::time::advance(far_core::broker::BrokerSettings::default().refresh_interval).await;
        world.gate.fail_at(fault, EventKind::SecretRequested);
        assert!(matches!(stop(within(task.refresh("agent-key")).await), Stop::Audit(_)), "{fault:?}");
        assert_eq!(world.backend.calls(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn rejected_record_poisons_session() {
    let world = World::new();
    let task = world.running(&["agent-key:reveal,sign,refresh"]).await;
    let handle = task.get("agent-key", None).await.unwrap();
    world.gate.fail(Fault::Fails);
    let lost = stop(task.get("agent-key", None).await);
    world.gate.recover();
    assert_eq!(stop(task.get("agent-key", None).await), lost);
    assert_eq!(stop(task.refresh("agent-key").await), lost);
    assert_eq!(stop(task.list().await), lost);
    assert_eq!(stop(task.reveal(&handle).await), lost);
    assert_eq!(stop(task.sign_hmac_sha256(&handle, b"").await), lost);
    assert_eq!(task.stop_reason(), Some(&lost));
}

#[tokio::test(start_paused = true)]
async fn unrecorded_answer_is_not_cached() {
    for fault in FAULTS {
        for secret in ["task-key", "agent-key"] {
            let world = World::new();
            let text = format!("{secret}:reveal");
            let task = world.running(&[&text]).await;
            world.gate.fail_at(fault, EventKind::SecretFetched);
            assert!(matches!(stop(within(task.get(secret, None)).await), Stop::Audit(_)), "{fault:?}");
            assert!(matches!(task.stop_reason(), Some(Stop::Audit(_))), "{fault:?}");
            assert!(!task.backend_failed(), "the backend answered");
            assert!(world.events(EventKind::SecretInjected).is_empty());
            world.gate.recover();
            world.running(&[&text]).await.get(secret, None).await.unwrap();
            assert_eq!(world.backend.calls(), 2, "the value was not cached");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn unrecorded_handle_is_withheld() {
    for fault in FAULTS {
        for cached in [false, true] {
            let world = World::new();
            if cached {
                world.running(&["agent-key:sign"]).await.get("agent-key", None).await.unwrap();
            }
            let task = world.running(&["agent-key:reveal"]).await;
            world.gate.fail_at(fault, EventKind::SecretInjected);
            assert!(matches!(stop(within(task.get("agent-key", None)).await), Stop::Audit(_)), "{fault:?} {cached}");
            assert_eq!(world.backend.calls(), 1);
            assert!(!task.backend_failed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn unrecorded_use_releases_nothing() {
    for fault in FAULTS {
        for kind in [EventKind::SecretRevealed, EventKind::SecretSigned, EventKind::SecretListed] {
            let world = World::new();
            let task = world.running(&["agent-key:reveal,sign"]).await;
            let handle = task.get("agent-key", None).await.unwrap();
            world.gate.fail_at(fault, kind);
            let stop = match kind {
                EventKind::SecretRevealed => stop(within(task.reveal(&handle)).await),
                EventKind::SecretSigned => stop(within(task.sign_hmac_sha256(&handle, b"")).await),
                _ => stop(within(task.list()).await),
            };
            assert!(matches!(stop, Stop::Audit(_)), "{fault:?} {kind:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn hanging_sink_times_out() {
    let world = World::new();
    let task = world.running(&["agent-key:reveal"]).await;
    let handle = task.get("agent-key", None).await.unwrap();
    world.gate.fail(Fault::Hangs);
    let started = Instant::now();
    assert!(matches!(stop(within(task.reveal(&handle)).await), Stop::Audit(_)));
    assert_eq!(started.elapsed().as_secs(), AUDIT_DEADLINE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn slow_sink_delays_use() {
    let world = World::new();
    let task = world.running(&["agent-key:reveal"]).await;
    let handle = task.get("agent-key", None).await.unwrap();
    world.gate.fail(Fault::Hangs);
    let mut revealed = Box::pin(task.reveal(&handle));
    tokio::select! {
        biased;
        _ = &mut revealed => panic!("the use did not wait for its record"),
        () = tokio::time::sleep(AUDIT_DEADLINE / 2) => {}
    }
    world.gate.recover();
    assert_eq!(within(revealed).await.unwrap().expose(), VALUE);
}

#[tokio::test(start_paused = true)]
async fn violation_ends_task_without_audit() {
    for fault in FAULTS {
        let world = World::new();
        let task = world.running(&["agent-key:sign"]).await;
        let handle = task.get("agent-key", None).await.unwrap();
        world.gate.fail(fault);
        let first = violation(within(task.reveal(&handle)).await);
        assert_eq!(first.reason, DenyReason::Operation);
        assert_eq!(violation(within(task.get("agent-key", None)).await), first);
        assert_eq!(task.stop_reason(), Some(&Stop::Violation(first)));
    }
}

#[tokio::test(start_paused = true)]
async fn unrecorded_start_prevents_run() {
    for fault in FAULTS {
        let world = World::new();
        world.gate.fail_at(fault, EventKind::TaskAdmitted);
        let context = || world.context(b"skill", &[grant("agent-key:sign")]);
        checked_error(within(world.broker.admit(context())).await);
        world.gate.fail_at(fault, EventKind::TaskStarted);
        let task = world.broker.admit(context()).await.unwrap();
        let lost = checked_error(within(task.start()).await);
        world.gate.recover();
        assert_eq!(stop(task.get("agent-key", None).await), lost);
        assert_eq!(world.backend.calls(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn unrecorded_end_still_ends_task() {
    for fault in FAULTS {
        let world = World::new();
        let task = world.running(&["task-key:reveal"]).await;
        let handle = task.get("task-key", None).await.unwrap();
        let value = std::sync::Arc::downgrade(&task.reveal(&handle).await.unwrap());
        world.gate.fail(fault);
        checked_error(within(task.finish(Outcome::Completed)).await);
        assert!(value.upgrade().is_none());
        assert_eq!(stop(within(task.reveal(&handle)).await), Stop::Ended);
        assert_eq!(world.task_outcomes(), [Some(Outcome::Completed)]);
    }
}
