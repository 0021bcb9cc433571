//! Access without a grant: no backend call, a record, and the end of the task.

use far_core::broker::{SecretError, Stop};
use far_core::capability::{DenyReason, Operation};
use far_core::pal::{CacheState, EventKind, Outcome, Reason, SecretLabel};

use crate::fixture::{Fault, TTL, VALUE, World, secret_error, stop, violation, within};
use crate::shared::{grant, name};

/// A name that only the guest uses.
const GUESTS: &str = "canary-name";

#[tokio::test]
async fn denial_is_recorded_without_backend_call() {
    let cases = [
        (GUESTS, DenyReason::Undeclared, false),
        ("task-key", DenyReason::Ungranted, true),
        ("uncatalogued", DenyReason::NotPermitted, true),
    ];
    for (secret, reason, listed) in cases {
        let world = World::new();
        let task = world.running(&["uncatalogued:sign", "agent-key:sign"]).await;
        let violation = violation(task.get(secret, None).await);
        assert_eq!((violation.reason, violation.operation), (reason, None));
        assert_eq!(violation.secret == SecretLabel::Listed(name(secret)), listed, "{}", violation.secret);
        assert_eq!(matches!(violation.secret, SecretLabel::Unlisted(_)), !listed, "{}", violation.secret);
        assert_eq!((world.backend.calls(), task.provider_calls()), (0, 0));
        let events = world.events(EventKind::SecretDenied);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].secret_name().cloned(), Some(violation.secret.clone()));
        assert_eq!(events[0].reason(), Some(Reason::Denied(reason)));
        assert_eq!(events[0].outcome(), Some(Outcome::ScopeViolation));
        assert_eq!(world.log.kinds().last(), Some(&EventKind::SecretDenied), "the denial is the last record");
    }
}

#[tokio::test]
async fn grant_permits_access() {
    let world = World::new();
    let task = world.running(&["task-key:reveal"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    assert_eq!(task.reveal(&handle).await.unwrap().expose(), VALUE);
    assert_eq!((world.backend.calls(), task.provider_calls()), (1, 1));
    use EventKind as Kind;
    let expected = [
        Kind::TaskAdmitted,
        Kind::TaskStarted,
        Kind::SecretRequested,
        Kind::SecretFetched,
        Kind::SecretInjected,
        Kind::SecretRevealed,
    ];
    assert_eq!(world.log.kinds(), expected);
    assert_eq!(task.stop_reason(), None);
}

#[tokio::test]
async fn invalid_name_is_violation() {
    let long = "canary".repeat(22);
    let texts = ["", "Canary", "canary\0", "../canary", "canary.", "canary//a", "cana\u{301}ry", "canary ", &long];
    for text in texts {
        let world = World::new();
        for refresh in [false, true] {
            let task = world.running(&["task-key:sign"]).await;
            let answer = if refresh { task.refresh(text).await } else { task.get(text, None).await };
            let violation = violation(answer);
            assert_eq!(violation.reason, DenyReason::InvalidName, "{text:?}");
            assert!(matches!(violation.secret, SecretLabel::Unlisted(_)), "{text:?}");
        }
        assert_eq!(world.backend.calls(), 0);
    }
}

#[tokio::test]
async fn violation_poisons_session() {
    let world = World::new();
    let task = world.running(&["agent-key:sign,reveal,refresh"]).await;
    let handle = task.get("agent-key", None).await.unwrap();
    let violation = Stop::from(violation(task.get(GUESTS, None).await));
    let records = world.log.records().len();
    assert_eq!(stop(task.get("agent-key", None).await), violation);
    assert_eq!(stop(task.get("agent-key", Some("1")).await), violation);
    assert_eq!(stop(task.get("skill-key", None).await), violation);
    assert_eq!(stop(task.refresh("agent-key").await), violation);
    assert_eq!(stop(task.list().await), violation);
    assert_eq!(stop(task.reveal(&handle).await), violation);
    assert_eq!(stop(task.sign_hmac_sha256(&handle, b"").await), violation);
    assert_eq!(task.stop_reason(), Some(&violation));
    assert_eq!(world.backend.calls(), 1);
    let denied = world.kinds_since(records).iter().all(|kind| *kind == EventKind::SecretDenied);
    assert!(denied, "only denials are recorded");
}

#[tokio::test]
async fn use_before_start_is_violation() {
    let world = World::new();
    for ask in ["get", "refresh", "list", "invalid"] {
        let context = world.context(b"skill", &[grant("task-key:sign,refresh")]);
        let task = world.broker.admit(context).await.unwrap();
        let reason = match ask {
            "get" => violation(task.get("task-key", None).await).reason,
            "refresh" => violation(task.refresh("task-key").await).reason,
            "list" => violation(task.list().await).reason,
            _ => violation(task.get("task-key", Some("")).await).reason,
        };
        assert_eq!(reason, if ask == "invalid" { DenyReason::InvalidVersion } else { DenyReason::OutsideRun });
        task.start().await.unwrap();
        assert!(task.get("task-key", None).await.is_err(), "a later start does not undo the violation");
    }
    assert_eq!(world.backend.calls(), 0);
}

#[tokio::test]
async fn ended_task_gets_and_records_nothing() {
    for ask in ["get", "unlisted", "invalid", "refresh", "list", "reveal", "sign", "seal", "restart"] {
        let world = World::new();
        let task = world.running(&["agent-key:sign,reveal,refresh"]).await;
        let handle = task.get("agent-key", None).await.unwrap();
        task.finish(Outcome::Completed).await.unwrap();
        let records = world.log.records().len();
        let stopped = match ask {
            "get" => stop(task.get("agent-key", None).await),
            "unlisted" => stop(task.get(GUESTS, None).await),
            "invalid" => stop(task.get("", None).await),
            "refresh" => stop(task.refresh("agent-key").await),
            "list" => stop(task.list().await),
            "reveal" => stop(task.reveal(&handle).await),
            "sign" => stop(task.sign_hmac_sha256(&handle, b"").await),
            "seal" => stop(task.seal(&handle).await),
            _ => {
                let _ = task.start().await;
                stop(task.get("agent-key", None).await)
            }
        };
        assert_eq!((stopped, task.stop_reason()), (Stop::Ended, None), "{ask}");
        assert_eq!(world.kinds_since(records), [], "{ask}");
        assert_eq!(world.backend.calls(), 1);
    }
}

#[tokio::test]
async fn value_is_withheld_at_end() {
    for used in ["reveal", "sign", "seal"] {
        let world = World::new();
        let task = world.running(&["agent-key:sign,reveal,seal@https://api.example.com"]).await;
        let handle = task.get("agent-key", None).await.unwrap();
        let kind = match used {
            "reveal" => EventKind::SecretRevealed,
            "sign" => EventKind::SecretSigned,
            _ => EventKind::SecretSealed,
        };
        world.gate.fail_at(Fault::Hangs, kind);
        let user = task.clone();
        let used = tokio::spawn(async move {
            match used {
                "reveal" => stop(user.reveal(&handle).await),
                "sign" => stop(user.sign_hmac_sha256(&handle, b"").await),
                _ => stop(user.seal(&handle).await),
            }
        });
        world.wait_for_events(kind, 1).await;
        task.abandon(Outcome::Cancelled, None);
        world.gate.recover();
        assert_eq!(within(used).await.unwrap(), Stop::Ended);
    }
}

#[tokio::test(start_paused = true)]
async fn cache_hit_is_authorized_like_miss() {
    let world = World::new();
    let owner = world.running(&["agent-key:reveal"]).await;
    owner.get("agent-key", None).await.unwrap();
    let stranger = world.running(&["task-key:reveal"]).await;
    assert_eq!(violation(stranger.get("agent-key", None).await).reason, DenyReason::Ungranted);
    let late = world.running_with(&[grant("agent-key:reveal").with_expiry(TTL / 2)]).await;
    tokio::time::advance(TTL / 2).await;
    assert_eq!(secret_error(late.get("agent-key", None).await), SecretError::Expired);
    let injected = || world.events(EventKind::SecretInjected);
    let ends: Vec<_> = injected().iter().map(|event| event.outcome()).collect();
    assert_eq!(ends, [Some(Outcome::Completed), Some(Outcome::Failed)], "neither task got a handle");
    let friend = world.running(&["agent-key:reveal"]).await;
    friend.get("agent-key", None).await.unwrap();
    assert_eq!(injected()[2].cache(), Some(CacheState::Hit));
    assert_eq!(world.backend.calls(), 1);
}

#[tokio::test]
async fn handle_is_not_permission() {
    for (granted, lacking) in [("sign", Operation::Reveal), ("reveal", Operation::Sign), ("refresh", Operation::Sign)] {
        let world = World::new();
        let task = world.running(&[&format!("task-key:{granted}")]).await;
        let handle = task.get("task-key", None).await.unwrap();
        match granted {
            "sign" => drop(task.sign_hmac_sha256(&handle, b"").await.unwrap()),
            "reveal" => drop(task.reveal(&handle).await.unwrap()),
            _ => drop(task.refresh("task-key").await.unwrap()),
        }
        let violation = match lacking {
            Operation::Reveal => violation(task.reveal(&handle).await),
            _ => violation(task.sign_hmac_sha256(&handle, b"").await),
        };
        assert_eq!((violation.reason, violation.operation), (DenyReason::Operation, Some(lacking)));
        assert_eq!(violation.secret, SecretLabel::Listed(name("task-key")));
        let event = &world.events(EventKind::SecretDenied)[0];
        assert_eq!((event.operation(), event.reason()), (Some(lacking), Some(Reason::Denied(DenyReason::Operation))));
    }
}

#[tokio::test]
async fn ungranted_refresh_is_violation() {
    let world = World::new();
    let task = world.running(&["task-key:sign,reveal"]).await;
    task.get("task-key", None).await.unwrap();
    let violation = violation(task.refresh("task-key").await);
    assert_eq!((violation.reason, violation.operation), (DenyReason::Operation, Some(Operation::Refresh)));
    assert_eq!(world.backend.calls(), 1);
}

#[tokio::test]
async fn foreign_handle_is_violation() {
    const GRANTS: [&str; 2] = ["task-key:reveal,sign,seal@https://api.example.com", "agent-key:reveal"];
    for secret in ["task-key", "agent-key"] {
        let (world, elsewhere) = (World::new(), World::new());
        let owner = world.running(&GRANTS).await;
        let handle = owner.get(secret, None).await.unwrap();
        for used in ["reveal", "sign", "jwt", "seal", "ungranted", "other broker"] {
            let there = if used == "other broker" { &elsewhere } else { &world };
            let thief = there.running(if used == "ungranted" { &[] } else { &GRANTS }).await;
            let denied = match used {
                "sign" => violation(thief.sign_hmac_sha256(&handle, b"").await),
                "jwt" => violation(thief.sign_jwt(&handle, "{}").await),
                "seal" => violation(thief.seal(&handle).await),
                _ => violation(thief.reveal(&handle).await),
            };
            let expected = match (secret, used) {
                // The grants of the thief are checked first.
                (_, "ungranted") => DenyReason::Ungranted,
                ("agent-key", "sign" | "seal" | "jwt") => DenyReason::Operation,
                (_, "jwt") => DenyReason::Signing,
                _ => DenyReason::ForeignToken,
            };
            assert_eq!(denied.reason, expected, "{secret} {used}");
            assert_eq!(thief.stop_reason(), Some(&Stop::from(denied)));
            assert_eq!(there.log.kinds().last(), Some(&EventKind::SecretDenied));
        }
        assert_eq!(world.events(EventKind::SecretDenied).len(), 5);
        assert_eq!(owner.stop_reason(), None, "the owner is not affected");
        assert_eq!(owner.reveal(&handle).await.unwrap().expose(), VALUE);
        let uses = [EventKind::SecretRevealed, EventKind::SecretSigned, EventKind::SecretSealed];
        let uses: usize = uses.into_iter().map(|kind| world.events(kind).len()).sum();
        assert_eq!(uses, 1, "only the owner's use");
    }
}

/// Different brokers, or successive tasks, may have equal task ids.
#[tokio::test]
async fn handle_of_equal_id_is_violation() {
    let world = World::new();
    let context = || world.context(b"skill", &[grant("task-key:reveal")]);
    let first = context();
    let id = first.task_id.clone();
    let first = world.start_task(first).await;
    let handle = first.get("task-key", None).await.unwrap();
    first.finish(Outcome::Completed).await.unwrap();
    let next = world.start_task(far_core::TaskContext { task_id: id, ..context() }).await;
    assert_eq!(violation(next.reveal(&handle).await).reason, DenyReason::ForeignToken);
}
