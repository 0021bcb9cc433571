//! The limit of `max-uses` is exact.

use std::num::NonZeroU32;
use std::sync::Arc;

use far_core::broker::{Handle, SecretError, Session};
use far_core::capability::{Capability, DenyReason, Grant};
use far_core::pal::{EventKind, Outcome, Reason};
use far_core::{SkillDigest, TaskContext};
use futures_util::future::join_all;

use crate::fixture::{Fault, World, secret_error, violation, within};
use crate::shared::{declared, grant, terms};

fn limited(text: &str, uses: u32) -> Grant {
    grant(text).with_max_uses(NonZeroU32::new(uses).unwrap())
}

#[tokio::test]
async fn reveal_and_sign_share_limit() {
    let world = World::new();
    let task = world.running_with(&[limited("task-key:reveal,sign,refresh", 3)]).await;
    let first = task.get("task-key", None).await.unwrap();
    task.reveal(&first).await.unwrap();
    task.sign_hmac_sha256(&first, b"").await.unwrap();
    let second = task.get("task-key", None).await.unwrap();
    let refreshed = task.refresh("task-key").await.unwrap();
    task.reveal(&second).await.unwrap();
    for handle in [&first, &second, &refreshed] {
        assert_eq!(secret_error(task.reveal(handle).await), SecretError::Exhausted);
        assert_eq!(secret_error(task.sign_hmac_sha256(handle, b"").await), SecretError::Exhausted);
    }
    task.get("task-key", None).await.unwrap();
    let event = world.events(EventKind::SecretRevealed).pop().unwrap();
    assert_eq!((event.outcome(), event.reason()), (Some(Outcome::Failed), Some(Reason::Token("exhausted"))));
}

#[tokio::test]
async fn tasks_and_secrets_count_separately() {
    let world = World::new();
    let grants = [limited("agent-key:reveal", 1), limited("skill-key:reveal", 2), grant("task-key:reveal")];
    for _ in 0..2 {
        let task = world.running_with(&grants).await;
        for (secret, uses) in [("agent-key", Some(1)), ("skill-key", Some(2)), ("task-key", None)] {
            let handle = task.get(secret, None).await.unwrap();
            for _ in 0..uses.unwrap_or(100) {
                task.reveal(&handle).await.unwrap();
            }
            assert_eq!(task.reveal(&handle).await.is_ok(), uses.is_none(), "{secret}");
        }
    }
}

#[tokio::test]
async fn foreign_handle_spends_no_use() {
    let world = World::new();
    let owner = world.running_with(&[limited("agent-key:reveal", 1)]).await;
    let user = world.running_with(&[limited("agent-key:reveal", 1)]).await;
    let handle = owner.get("agent-key", None).await.unwrap();
    assert_eq!(violation(user.reveal(&handle).await).reason, DenyReason::ForeignToken);
    owner.reveal(&handle).await.unwrap();
    assert_eq!(secret_error(owner.reveal(&handle).await), SecretError::Exhausted);
}

async fn completed(uses: impl IntoIterator<Item = impl Future<Output = bool>>) -> usize {
    within(join_all(uses)).await.into_iter().filter(|completed| *completed).count()
}

#[tokio::test]
async fn use_is_counted_before_its_record() {
    let world = World::new();
    let task = world.running_with(&[limited("task-key:reveal", 10)]).await;
    let handle = task.get("task-key", None).await.unwrap();
    world.gate.fail_at(Fault::Hangs, EventKind::SecretRevealed);
    let uses = completed((0..64).map(|_| async { task.reveal(&handle).await.is_ok() }));
    let all_wait = async {
        world.wait_for_events(EventKind::SecretRevealed, 64).await;
        let events = world.events(EventKind::SecretRevealed);
        let granted = events.iter().filter(|event| event.outcome() == Some(Outcome::Completed)).count();
        assert_eq!(granted, 10, "by the records");
        world.gate.recover();
    };
    assert_eq!(tokio::join!(uses, all_wait).0, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn concurrent_uses_are_counted_exactly() {
    let world = World::new();
    for _ in 0..50 {
        let task = world.running_with(&[limited("agent-key:reveal,sign", 40)]).await;
        let handle = Arc::new(task.get("agent-key", None).await.unwrap());
        let use_it = |number: u32| {
            let (task, handle): (Arc<Session>, Arc<Handle>) = (task.clone(), handle.clone());
            let used = tokio::spawn(async move {
                match number % 2 {
                    0 => task.reveal(&handle).await.is_ok(),
                    _ => task.sign_hmac_sha256(&handle, b"").await.is_ok(),
                }
            });
            async { used.await.unwrap() }
        };
        assert_eq!(completed((0..64).map(use_it)).await, 40);
    }
}

#[tokio::test]
async fn duplicate_declaration_keeps_limit() {
    let world = World::new();
    let twice = [declared("task-key", terms("reveal")), declared("task-key", terms("reveal"))];
    let grants = [limited("task-key:reveal", 1)];
    let context = world.context(b"skill", &[]);
    let now = tokio::time::Instant::now().into_std();
    let joined = Capability::new(&twice, &grants, &world.catalog, &SkillDigest::of(b"skill"), now).unwrap();
    let task = world.start_task(TaskContext { capability: joined, ..context }).await;
    let handle = task.get("task-key", None).await.unwrap();
    let uses = completed((0..64).map(|_| async { task.reveal(&handle).await.is_ok() })).await;
    assert!(uses <= 1, "{uses} uses of one");
}
