//! Who shares a fetched value.

use far_core::capability::Scope;
use far_core::pal::Outcome;

use crate::fixture::{VALUE, World, changed};
use crate::shared::{declared, grant, terms};

/// How often the backend is asked when these skills have a task each, and each asks twice.
async fn calls(secret: &str, skills: &[&[u8]]) -> u64 {
    let world = World::new();
    for skill in skills {
        let task = world.started(world.context(skill, &[grant(&format!("{secret}:reveal"))])).await;
        for _ in 0..2 {
            let handle = task.get(secret, None).await.unwrap();
            assert_eq!(task.reveal(&handle).await.unwrap().expose(), VALUE);
        }
        task.finish(Outcome::Completed).await.unwrap();
    }
    world.backend.calls()
}

#[tokio::test]
async fn a_value_of_task_scope_is_one_tasks() {
    assert_eq!(calls("task-key", &[b"a", b"a"]).await, 2);
}

#[tokio::test]
async fn a_value_of_skill_scope_is_shared_by_the_tasks_of_one_digest() {
    assert_eq!(calls("skill-key", &[b"a", b"a", b"a"]).await, 1);
    assert_eq!(calls("skill-key", &[b"a", b"b", b"a"]).await, 2);
}

#[tokio::test]
async fn a_value_of_agent_or_node_scope_is_shared_by_all() {
    assert_eq!(calls("agent-key", &[b"a", b"b", b"a"]).await, 1);
    assert_eq!(calls("node-key", &[b"a", b"b", b"a"]).await, 1);
}

#[tokio::test]
async fn a_value_of_tool_scope_is_shared_by_the_skills_of_one_tool() {
    let scope = |tool: &str| Scope::Tool(tool.parse().unwrap());
    for (tools, calls) in [(["git", "git"], 1), (["git", "ci"], 2)] {
        let world = World::new();
        for (skill, tool) in [&b"a"[..], b"b"].into_iter().zip(tools) {
            let catalog = changed(&world.catalog, "task-key", |entry| entry.scope = scope(tool));
            let declared = [declared("task-key", terms("reveal"))];
            let context = world.joined(skill, &declared, &[grant("task-key:reveal")], &catalog);
            let task = world.started(context).await;
            task.get("task-key", None).await.unwrap();
            task.finish(Outcome::Completed).await.unwrap();
        }
        assert_eq!(world.backend.calls(), calls, "{tools:?}");
    }
}

#[tokio::test]
async fn the_end_of_a_task_takes_nothing_from_its_neighbours() {
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
