//! The end of a run, which is final.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;

use super::{Host, RunError, get, host, violation};
use crate::testing::{Reason, Use};
use crate::{Error, reveal, secrets, signing, task};

/// Returns a panic's message.
fn panic_message(act: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(act)).unwrap_err();
    payload.downcast::<String>().map_or_else(|payload| payload.downcast::<&str>().unwrap().to_string(), |text| *text)
}

#[test]
fn violation_survives_catch_unwind() {
    let skill = |()| {
        assert!(catch_unwind(|| secrets::get("payroll")).is_err());
        assert!(catch_unwind(|| secrets::get("signs")).is_err(), "each further call unwinds");
        assert!(catch_unwind(task::id).is_err());
        Ok("escaped")
    };
    let host = host();
    assert_eq!(violation(host.run(skill, ()).err()).secret, "payroll", "the first denial is kept");
    assert_eq!(host.uses(), []);
}

#[test]
fn panic_does_not_hide_violation() {
    let skill = |()| -> Result<(), Error> {
        let _ = catch_unwind(|| secrets::get("payroll"));
        std::panic::resume_unwind(Box::new("something else"));
    };
    assert_eq!(violation(host().run(skill, ()).err()).reason, Reason::Undeclared);
}

#[test]
fn destructor_may_call_host_while_unwinding() {
    struct CallsOnDrop(secrets::Secret);

    impl Drop for CallsOnDrop {
        fn drop(&mut self) {
            task::log(task::Level::Info, &self.0.name());
            assert!(signing::hmac_sha256(&self.0, b"").is_err());
            assert!(reveal::reveal(&self.0).is_err());
            assert_eq!(secrets::list(), []);
        }
    }

    let skill = |()| {
        let _calls = CallsOnDrop(get("signs")?);
        get("payroll").map(drop)
    };
    let host = host();
    assert_eq!(violation(host.run(skill, ()).err()).secret, "payroll");
    assert_eq!((host.uses(), host.log()), (vec![Use::get("signs")], vec![]));
}

#[test]
fn skill_panic_propagates_to_test() {
    let host = host();
    let message = panic_message(|| {
        let _ = host.run(
            |()| -> Result<(), Error> {
                get("signs")?;
                std::panic::resume_unwind(Box::new("out of luck"))
            },
            (),
        );
    });
    assert_eq!(message, "out of luck");
    assert_eq!(host.uses(), [Use::get("signs")]);
    assert_eq!(host.run(|()| Ok(1), ()), Ok(1), "the thread is free again");
}

#[test]
fn call_without_host_panics_with_help() {
    let message = panic_message(|| drop(secrets::get("signs")));
    assert!(message.contains("run the skill with `far_skill::testing::Host::run`"), "{message}");
}

#[test]
fn nested_run_panics() {
    let message = panic_message(|| drop(host().run(|()| Ok(host().run(|()| Ok(1), ()).is_ok()), ())));
    assert!(message.contains("runs cannot be nested"), "{message}");
}

#[test]
fn handle_of_another_run_panics() {
    let mut leaked = None;
    assert_eq!(host().run(|()| get("signs").map(|secret| leaked = Some(secret)), ()), Ok(()));
    let message = panic_message(|| drop(host().run(|()| get("signs").map(|_| leaked.unwrap().version()), ())));
    assert!(message.contains("belongs to another run"), "{message}");
}

#[test]
fn runs_on_two_threads_are_isolated() {
    let both = Barrier::new(2);
    let run = |value: &'static str| {
        let host = Host::new(super::DECLARATION).secret("signs", "").secret("reveals", value);
        let skill = |()| {
            both.wait();
            let secret = get("reveals")?;
            both.wait();
            Ok(reveal::reveal(&secret)?.expose() == value.as_bytes())
        };
        assert_eq!(host.run(skill, ()), Ok(true));
        assert_eq!(host.uses(), [Use::get("reveals"), Use::reveal("reveals")]);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| run("one"));
        scope.spawn(|| run("two"));
    });
}

#[test]
fn run_error_message_includes_help() {
    let shown = |host: Host, name: &str| host.run(|()| get(name).map(drop), ()).err().map(|error| error.to_string());
    assert_eq!(
        shown(host(), "payroll").as_deref(),
        Some(
            "the task was ended: scope violation on 'payroll': the skill did not declare the secret; declare it in skill.json, \
             with the operations that the skill performs: { \"name\": \"payroll\", \"operations\": [\"sign\"], \"reason\": \"…\" }"
        )
    );
    assert_eq!(
        shown(host(), "absent").as_deref(),
        Some(
            "the task was ended: scope violation on 'absent': the task was not granted the secret; set a value: \
             Host::secret(\"absent\", …), and on the command line --grant absent:sign; or call `secrets::list` to find out \
             if an optional secret is granted"
        )
    );
    assert_eq!(
        shown(host().granting("signs", &[]), "signs").as_deref(),
        Some(
            "the task is refused: the skill needs 'signs': the operation was not declared and granted; grant it: \
             Host::granting(\"signs\", &[Operation::Sign]), and on the command line --grant signs:sign"
        )
    );
    let revealed = host().run(|()| Ok(reveal::reveal(&get("signs")?).map(drop)?), ());
    assert_eq!(
        revealed.map_err(|error| error.to_string()),
        Err("the task was ended: scope violation on 'signs': the operation was not declared and granted; declare it in \
             skill.json: { \"name\": \"signs\", \"operations\": [\"sign\", \"reveal\"], \"reason\": \"…\" }"
            .to_owned())
    );
    let versioned = host().run(|()| Ok(secrets::get_version("signs", "1").map(drop)?), ());
    assert_eq!(
        versioned.map_err(|error| error.to_string()),
        Err("the task was ended: scope violation on 'signs': the grant does not cover the version; a grant covers only \
             the current version by default: Host::granting_versions(\"signs\", &[\"1\"]), and 'versions' in a task file"
            .to_owned())
    );
    assert_eq!(RunError::Failure("no such order".to_owned()).to_string(), "no such order");
}
