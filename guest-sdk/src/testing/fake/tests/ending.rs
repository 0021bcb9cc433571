//! How a run ends, and that it stays ended.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;

use super::{Ended, Host, get, host, violation};
use crate::testing::{Reason, Use};
use crate::{Error, reveal, secrets, signing, task};

/// What a panic said.
fn panics(act: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(act)).unwrap_err();
    payload.downcast::<String>().map_or_else(|payload| payload.downcast::<&str>().unwrap().to_string(), |text| *text)
}

#[test]
fn a_skill_that_catches_the_unwinding_is_ended_still() {
    let skill = |()| {
        assert!(catch_unwind(|| secrets::get("payroll")).is_err());
        assert!(catch_unwind(|| secrets::get("signs")).is_err(), "no call is answered any more");
        assert!(catch_unwind(task::id).is_err());
        Ok("escaped")
    };
    let host = host();
    assert_eq!(violation(host.run(skill, ()).err()).secret, "payroll", "the first reason stays");
    assert_eq!(host.uses(), []);
}

#[test]
fn a_panic_after_a_violation_hides_nothing() {
    let skill = |()| -> Result<(), Error> {
        let _ = catch_unwind(|| secrets::get("payroll"));
        std::panic::resume_unwind(Box::new("something else"));
    };
    assert_eq!(violation(host().run(skill, ()).err()).reason, Reason::Undeclared);
}

#[test]
fn what_a_skill_drops_as_it_is_unwound_may_call() {
    struct Calls(secrets::Secret);

    impl Drop for Calls {
        fn drop(&mut self) {
            task::log(task::Level::Info, &self.0.name());
            assert!(signing::hmac_sha256(&self.0, b"").is_err());
            assert!(reveal::reveal(&self.0).is_err());
            assert_eq!(secrets::list(), []);
        }
    }

    let skill = |()| {
        let _calls = Calls(get("signs")?);
        get("payroll").map(drop)
    };
    let host = host();
    assert_eq!(violation(host.run(skill, ()).err()).secret, "payroll");
    assert_eq!((host.uses(), host.log()), (vec![Use::asked("signs")], vec![]));
}

#[test]
fn a_skill_s_own_panic_is_the_test_s() {
    let host = host();
    let said = panics(|| {
        let _ = host.run(
            |()| -> Result<(), Error> {
                get("signs")?;
                std::panic::resume_unwind(Box::new("out of luck"))
            },
            (),
        );
    });
    assert_eq!(said, "out of luck");
    assert_eq!(host.uses(), [Use::asked("signs")]);
    assert_eq!(host.run(|()| Ok(1), ()), Ok(1), "the thread is free again");
}

#[test]
fn without_a_host_a_call_says_how_to_have_one() {
    let said = panics(|| drop(secrets::get("signs")));
    assert!(said.contains("run the skill with `far_skill::testing::Host::run`"), "{said}");
}

#[test]
fn a_run_in_a_run_is_refused() {
    let said = panics(|| drop(host().run(|()| Ok(host().run(|()| Ok(1), ()).is_ok()), ())));
    assert!(said.contains("was called by a skill that another one runs"), "{said}");
}

#[test]
fn a_handle_of_another_run_is_refused() {
    let mut kept = None;
    assert_eq!(host().run(|()| get("signs").map(|secret| kept = Some(secret)), ()), Ok(()));
    let said = panics(|| drop(host().run(|()| get("signs").map(|_| kept.unwrap().version()), ())));
    assert!(said.contains("from one run to another"), "{said}");
}

#[test]
fn runs_on_two_threads_see_nothing_of_each_other() {
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
        assert_eq!(host.uses(), [Use::asked("reveals"), Use::revealed("reveals")]);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| run("one"));
        scope.spawn(|| run("two"));
    });
}

#[test]
fn an_end_tells_the_next_step() {
    let shown = |host: Host, name: &str| host.run(|()| get(name).map(drop), ()).err().map(|ended| ended.to_string());
    assert_eq!(
        shown(host(), "payroll").as_deref(),
        Some(
            "the task was ended: scope violation on 'payroll': the skill did not declare the secret; declare it in skill.json, \
             with the operations that it needs: { \"name\": \"payroll\", \"operations\": [\"sign\"], \"reason\": \"…\" }"
        )
    );
    assert_eq!(
        shown(host(), "absent").as_deref(),
        Some(
            "the task was ended: scope violation on 'absent': the task was not granted the secret; give it a value: \
             Host::secret(\"absent\", …), and on the command line --grant absent:sign; or ask `secrets::list` before what is \
             optional"
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
        revealed.map_err(|ended| ended.to_string()),
        Err("the task was ended: scope violation on 'signs': the operation was not declared and granted; declare it in \
             skill.json: { \"name\": \"signs\", \"operations\": [\"sign\", \"reveal\"], \"reason\": \"…\" }"
            .to_owned())
    );
    let versioned = host().run(|()| Ok(secrets::get_version("signs", "1").map(drop)?), ());
    assert_eq!(
        versioned.map_err(|ended| ended.to_string()),
        Err("the task was ended: scope violation on 'signs': the grant does not cover the version; a grant is for the current \
             version alone: Host::granting_versions(\"signs\", &[\"1\"]), and 'versions' in a task file"
            .to_owned())
    );
    assert_eq!(Ended::Failed("no such order".to_owned()).to_string(), "no such order");
}
