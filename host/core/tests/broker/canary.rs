//! No `Debug` or `Display` output has a value. The other tests also check their records and errors.

use far_core::pal::{EventKind, LogLevel, Outcome};
use far_core::provider::ProviderError;

use crate::fixture::{VALUE, World, assert_clean, checked_error};

#[test]
fn detector_finds_every_form() {
    let list = format!("{VALUE:#?}");
    let (plain, upper) = (String::from_utf8(VALUE.to_vec()).unwrap(), hex::encode_upper(VALUE));
    for text in [plain, hex::encode(VALUE), upper, format!("{VALUE:?}"), list] {
        assert!(std::panic::catch_unwind(|| assert_clean(&text)).is_err(), "{text}");
    }
    assert_clean("nothing here");
}

#[tokio::test]
async fn printed_output_has_no_value() {
    let world = World::new();
    let task = world.running(&["task-key:sign,reveal,refresh", "agent-key:sign"]).await;
    let handle = task.get("task-key", None).await.unwrap();
    let revealed = task.reveal(&handle).await.unwrap();
    assert_eq!(revealed.expose(), VALUE, "the task has a value");
    task.sign_hmac_sha256(&handle, b"canary").await.unwrap();
    let listed = task.list().await.unwrap();
    task.record_log_line(LogLevel::Info, 7).await.unwrap();
    assert_clean(&format!("{task:?} {handle:?} {listed:?} {:?} {:?}", task.context(), world.broker));
    assert_clean(&format!("{task:#?} {handle:#?} {:#?} {:#?}", world.broker, world.broker.pal()));
    assert_clean(&format!("{:?} {:?}", world.catalog, task.stop_reason()));

    world.backend.fail_with(Some(ProviderError::Integrity));
    checked_error(task.get("agent-key", None).await);
    checked_error(task.get("canary-name", None).await);
    checked_error(task.reveal(&handle).await);
    task.finish(Outcome::ScopeViolation).await.unwrap();
    assert_clean(&format!("{task:?} {:?} {}", task.stop_reason(), task.stop_reason().unwrap()));
    assert_eq!(world.events(EventKind::SkillLogged)[0].length(), Some(7), "only the length is recorded");
}
