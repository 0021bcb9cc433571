//! Admission of tasks, and the records of refused ones.

use std::sync::Arc;

use far_core::broker::AdmitError;
use far_core::pal::{EventKind, Outcome, Reason, Subject};

use crate::fixture::World;
use crate::shared::grant;

#[tokio::test]
async fn running_task_id_is_not_admitted() {
    let world = World::new();
    let grants = [grant("task-key:sign")];
    let first = world.running_with(&grants).await;
    let again = || {
        let mut context = world.context(b"skill", &grants);
        context.task_id = first.context().task_id.clone();
        context
    };
    assert_eq!(world.broker.admit(again()).await.err(), Some(AdmitError::Running));
    assert_eq!(world.events(EventKind::TaskAdmitted).len(), 1, "the rejected task is not recorded");
    first.finish(Outcome::Completed).await.unwrap();
    assert!(world.broker.admit(again()).await.is_ok());
}

#[tokio::test]
async fn refusal_is_recorded_with_reason() {
    let world = World::new();
    let subject = Arc::new(Subject::from(&world.context(b"skill", &[])));
    world.broker.refuse(&subject, "a-reason").await.unwrap();
    let refused = world.events(EventKind::TaskRefused);
    assert_eq!((refused[0].outcome(), refused[0].reason()), (Some(Outcome::Refused), Some(Reason::Token("a-reason"))));
}

#[test]
fn broker_reports_its_providers() {
    let world = World::new();
    assert!(world.broker.has_provider(&"memory".parse().unwrap()));
    assert!(!world.broker.has_provider(&"elsewhere".parse().unwrap()));
}
