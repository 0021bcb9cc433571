//! Versions that a guest requests by name.

use far_core::broker::SecretError;
use far_core::capability::DenyReason;
use far_core::capability::VersionRule;
use far_core::memory::SecretBytes;
use far_core::pal::{EventKind, Reason, SecretLabel};
use far_core::provider::FetchedSecret;

use crate::fixture::{SECOND, Scripted, VALUE, World, secret_error, version, violation};
use crate::shared::{grant, name};

#[tokio::test]
async fn excluded_version_is_violation() {
    let seven = || VersionRule::Listed(vec![version("7")]);
    for (rule, requested) in [(VersionRule::Current, "1"), (seven(), "1"), (seven(), "canary")] {
        let world = World::new();
        let task = world.running_with(&[grant("agent-key:reveal").with_versions(rule)]).await;
        task.get("agent-key", None).await.unwrap();
        let violation = violation(task.get("agent-key", Some(requested)).await);
        assert_eq!(violation.reason, DenyReason::Version, "{requested}");
        assert_eq!(world.backend.calls(), 1);
        let event = world.events(EventKind::SecretDenied).pop().unwrap();
        assert_eq!(
            (event.secret_name(), event.secret_version()),
            (Some(&SecretLabel::Listed(name("agent-key"))), None)
        );
    }
}

#[tokio::test]
async fn granted_version_is_returned() {
    for rule in [VersionRule::Listed(vec![version("1")]), VersionRule::Any] {
        let world = World::new();
        world.rotate();
        let task = world.running_with(&[grant("agent-key:reveal").with_versions(rule)]).await;
        for _ in 0..2 {
            let first = task.get("agent-key", Some("1")).await.unwrap();
            let current = task.get("agent-key", None).await.unwrap();
            assert_eq!((first.version().as_str(), current.version().as_str()), ("1", "2"));
            assert_eq!(task.reveal(&first).await.unwrap().expose(), VALUE);
            assert_eq!(task.reveal(&current).await.unwrap().expose(), SECOND);
        }
        assert_eq!(world.backend.calls(), 2, "each version has its own entry");
    }
}

#[tokio::test]
async fn foreign_version_handle_is_violation() {
    let world = World::new();
    let any = grant("agent-key:reveal").with_versions(VersionRule::Any);
    let owner = world.running_with(&[any]).await;
    let handle = owner.get("agent-key", Some("1")).await.unwrap();
    let other = world.running(&["agent-key:reveal"]).await;
    assert_eq!(violation(other.reveal(&handle).await).reason, DenyReason::Version);
}

#[tokio::test]
async fn missing_version_is_error_without_echo() {
    let world = World::new();
    let any = grant("agent-key:reveal").with_versions(VersionRule::Any);
    let task = world.running_with(&[any]).await;
    let error = secret_error(task.get("agent-key", Some("canary")).await);
    assert!(matches!(error, SecretError::NotFound | SecretError::VersionGone), "{error:?}");
    assert_eq!(task.stop_reason(), None);
}

#[tokio::test]
async fn invalid_version_is_violation_without_echo() {
    let long = "canary".repeat(22);
    for text in ["", "canary version", "canary\n", "canary\u{e9}", &long] {
        let world = World::new();
        let any = grant("agent-key:reveal").with_versions(VersionRule::Any);
        let task = world.running_with(&[any]).await;
        let violation = violation(task.get("agent-key", Some(text)).await);
        assert_eq!(violation.reason, DenyReason::InvalidVersion, "{text:?}");
        assert_eq!(violation.secret, SecretLabel::Listed(name("agent-key")));
        assert_eq!(world.backend.calls(), 0);
        assert!(task.get("agent-key", None).await.is_err(), "the violation ended the task");
    }
}

#[tokio::test]
async fn mismatched_version_is_rejected() {
    let value = || SecretBytes::copy_of(SECOND).unwrap();
    let second = move || Ok(FetchedSecret::new(value(), version("2")));
    let listed = || [grant("agent-key:reveal").with_versions(VersionRule::Listed(vec![version("1")]))];
    let world = World::with(Scripted::new(second));
    let task = world.running_with(&listed()).await;
    assert_eq!(secret_error(task.get("agent-key", Some("1")).await), SecretError::Unavailable { retry_after: None });
    let fetched = world.events(EventKind::SecretFetched).pop().unwrap();
    assert_eq!(fetched.reason(), Some(Reason::Token("invalid")));
    assert!(world.events(EventKind::SecretInjected).is_empty());
}
