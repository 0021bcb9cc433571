//! Scopes: the tasks that share a fetched value.

use far_core::capability::Scope;
use far_core::pal::Outcome;

use crate::fixture::{VALUE, World, changed};
use crate::shared::{declared, grant, terms};

/// Returns the backend calls of one task per skill, each of which gets the secret twice.
async fn calls(secret: &str, skills: &[&[u8]]) -> u64 {
    let world = World::new();
    for skill in skills {
        let task = world.start_task(world.context(skill, &[grant(&format!("{secret}:reveal"))])).await;
        for _ in 0..2 {
            let handle = task.get(secret, None).await.unwrap();
            assert_eq!(task.reveal(&handle).await.unwrap().expose(), VALUE);
        }
        task.finish(Outcome::Completed).await.unwrap();
    }
    world.backend.calls()
}

#[tokio::test]
async fn task_scope_is_not_shared() {
    assert_eq!(calls("task-key", &[b"a", b"a"]).await, 2);
}

#[tokio::test]
async fn skill_scope_is_shared_by_digest() {
    assert_eq!(calls("skill-key", &[b"a", b"a", b"a"]).await, 1);
    assert_eq!(calls("skill-key", &[b"a", b"b", b"a"]).await, 2);
}

#[tokio::test]
async fn agent_scope_is_shared_by_all() {
    assert_eq!(calls("agent-key", &[b"a", b"b", b"a"]).await, 1);
    assert_eq!(calls("node-key", &[b"a", b"b", b"a"]).await, 1);
}

#[tokio::test]
async fn tool_scope_is_shared_by_tool() {
    let scope = |tool: &str| Scope::Tool(tool.parse().unwrap());
    for (tools, calls) in [(["git", "git"], 1), (["git", "ci"], 2)] {
        let world = World::new();
        for (skill, tool) in [&b"a"[..], b"b"].into_iter().zip(tools) {
            let catalog = changed(&world.catalog, "task-key", |entry| entry.scope = scope(tool));
            let declared = [declared("task-key", terms("reveal"))];
            let context = world.context_with(skill, &declared, &[grant("task-key:reveal")], &catalog);
            let task = world.start_task(context).await;
            task.get("task-key", None).await.unwrap();
            task.finish(Outcome::Completed).await.unwrap();
        }
        assert_eq!(world.backend.calls(), calls, "{tools:?}");
    }
}

#[tokio::test]
async fn task_end_leaves_other_tasks() {
    for secret in ["task-key", "skill-key", "agent-key"] {
        let world = World::new();
        let text = format!("{secret}:reveal");
        let (one, other) = (world.running(&[&text]).await, world.running(&[&text]).await);
        one.get(secret, None).await.unwrap();
        let handle = other.get(secret, None).await.unwrap();
        let calls = world.backend.calls();
        one.finish(Outcome::Completed).await.unwrap();
        drop(one);
        assert_eq!(other.reveal(&handle).await.unwrap().expose(), VALUE, "{secret}");
        other.get(secret, None).await.unwrap();
        assert_eq!(world.backend.calls(), calls);
    }
}
