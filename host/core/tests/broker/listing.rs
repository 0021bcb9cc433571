//! The list of secrets that a task may use.

use std::time::Duration;

use far_core::broker::ListedSecret;
use far_core::capability::Operation;
use far_core::pal::EventKind;
use tokio::time::advance;

use crate::fixture::{TTL, World};
use crate::shared::{grant, name};

fn listed(secret: &str, operations: &[Operation], expires_in: Option<Duration>) -> ListedSecret {
    ListedSecret { name: name(secret), operations: operations.iter().copied().collect(), expires_in }
}

#[tokio::test(start_paused = true)]
async fn list_is_sorted_without_backend_call() {
    let world = World::new();
    let grants = ["task-key:sign", "agent-key:reveal,refresh", "uncatalogued:sign", "skill-key:sign", "nobodys:sign"];
    let task = world.running(&grants).await;
    let mut expected = [
        listed("agent-key", &[Operation::Reveal, Operation::Refresh], None),
        listed("skill-key", &[Operation::Sign], None),
        listed("task-key", &[Operation::Sign], None),
    ];
    assert_eq!(task.list().await.unwrap(), expected);
    assert_eq!((world.backend.calls(), task.provider_calls()), (0, 0));
    assert_eq!(world.log.kinds().last(), Some(&EventKind::SecretListed));

    task.get("skill-key", None).await.unwrap();
    advance(TTL / 4).await;
    expected[1].expires_in = Some(TTL - TTL / 4);
    assert_eq!(task.list().await.unwrap(), expected);
    advance(TTL).await;
    expected[1].expires_in = None;
    assert_eq!(task.list().await.unwrap(), expected);
    assert_eq!(world.backend.calls(), 1);
}

#[tokio::test]
async fn list_is_empty_without_grants() {
    let world = World::new();
    world.running(&["agent-key:sign"]).await.get("agent-key", None).await.unwrap();
    for grants in [&[][..], &["uncatalogued:sign"], &["nobodys:sign"]] {
        let task = world.running(grants).await;
        assert_eq!(task.list().await.unwrap(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn expired_grant_is_not_listed() {
    let world = World::new();
    let task = world.running_with(&[grant("task-key:sign").with_expiry(TTL)]).await;
    assert_eq!(task.list().await.unwrap(), [listed("task-key", &[Operation::Sign], None)]);
    advance(TTL).await;
    assert_eq!(task.list().await.unwrap(), []);
}
