//! Nothing that can be printed has a value. Every other test of this folder looks at its records and its errors too.

use far_core::pal::{EventKind, LogLevel, Outcome};
use far_core::provider::ProviderError;

use crate::fixture::{VALUE, World, clean, shown};

#[test]
fn the_detector_sees_a_value_in_each_of_its_forms() {
    let list = format!("{VALUE:#?}");
    let (plain, upper) = (String::from_utf8(VALUE.to_vec()).unwrap(), hex::encode_upper(VALUE));
    for text in [plain, hex::encode(VALUE), upper, format!("{VALUE:?}"), list] {
        assert!(std::panic::catch_unwind(|| clean(&text)).is_err(), "{text}");
    }
    clean("nothing here");
}

#[tokio::test]
async fn nothing_that_can_be_printed_has_a_value() {
    let world = World::new();
    let task = world.running(&["task-key:sign,reveal,refresh", "agent-key:sign"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    let revealed = task.reveal(&handle).await.unwrap();
    assert_eq!(revealed.expose(), VALUE, "there is something to see");
    task.sign_hmac_sha256(&handle, b"canary").await.unwrap();
    let listed = task.list().await.unwrap();
    task.logged(LogLevel::Info, 7).await.unwrap();
    clean(&format!("{task:?} {handle:?} {listed:?} {:?} {:?}", task.context(), world.broker));
    clean(&format!("{task:#?} {handle:#?} {:#?} {:#?}", world.broker, world.broker.pal()));
    clean(&format!("{:?} {:?}", world.catalog, task.stopped()));

    world.backend.fail_with(Some(ProviderError::Integrity));
    shown(task.get("agent-key", None).await);
    shown(task.get("canary-name", None).await);
    shown(task.reveal(&handle).await);
    task.finish(Outcome::ScopeViolation).await.unwrap();
    clean(&format!("{task:?} {:?} {}", task.stopped(), task.stopped().unwrap()));
    assert_eq!(world.events(EventKind::SkillLogged)[0].length(), Some(7), "the length, and no line");
}
