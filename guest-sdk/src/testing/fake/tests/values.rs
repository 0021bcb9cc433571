//! What a skill is given, and what a test sees of that.

use std::time::Duration;

use super::{Host, get, host};
use crate::secrets::Error as SecretError;
use crate::task::Level;
use crate::testing::{Ended, Use};
use crate::{Error, reveal, secrets, signing, task};

#[test]
fn a_signature_is_an_hmac_sha256() {
    // RFC 4231, test case 2.
    let skill = |()| Ok(signing::hmac_sha256(&get("signs")?, b"what do ya want for nothing?")?);
    let signature = host().secret("signs", "Jefe").run(skill, ()).unwrap();
    let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

#[test]
fn uses_are_told_in_their_order_and_only_if_they_happened() {
    let skill = |()| {
        secrets::list();
        let key = get("signs")?;
        assert!(signing::hmac_sha256(&key, b"").is_ok());
        assert_eq!(signing::hmac_sha256(&key, b"").err(), Some(SecretError::Exhausted));
        let bytes = reveal::reveal(&secrets::refresh("reveals")?)?;
        Ok(bytes.expose() == b"canary")
    };
    let host = host().max_uses("signs", 1);
    assert_eq!(host.run(skill, ()), Ok(true));
    let expected =
        [Use::listed(), Use::asked("signs"), Use::signed("signs"), Use::refreshed("reveals"), Use::revealed("reveals")];
    assert_eq!(host.uses(), expected);
    assert_eq!(host.run(|()| Ok(()), ()), Ok(()));
    assert_eq!(host.uses(), [], "only the last run is told");

    assert_eq!(host.run(skill, ()), Ok(true));
    let host = host.without("signs");
    assert!(matches!(host.run(skill, ()), Err(Ended::Refused(_))));
    assert_eq!(host.uses(), [], "a run that was refused did nothing");
}

#[test]
fn an_old_version_is_had_by_name() {
    let skill = |()| {
        let old = secrets::get_version("signs", "6")?;
        assert_eq!((old.name(), old.version()), ("signs".to_owned(), "6".to_owned()));
        assert_eq!(secrets::get_version("signs", "5").err(), Some(SecretError::VersionGone));
        Ok(signing::hmac_sha256(&old, b"")? == signing::hmac_sha256(&get("signs")?, b"")?)
    };
    let host = Host::new(super::DECLARATION)
        .secret_version("signs", "7", "new")
        .old_version("signs", "6", "old")
        .granting_versions("signs", &["5", "6"]);
    assert_eq!(host.run(skill, ()), Ok(false));
    assert_eq!(host.uses()[..2], [Use::asked_version("signs", "6"), Use::asked_version("signs", "5")]);
}

#[test]
fn a_refresh_makes_the_next_version_current_and_leaves_handles_as_they_are() {
    let skill = |()| {
        let before = get("reveals")?;
        let versions = [secrets::refresh("reveals")?, get("reveals")?, secrets::refresh("reveals")?, before];
        Ok(versions.map(|secret| secret.version()))
    };
    let host = host().later_version("reveals", "2", "new");
    assert_eq!(host.run(skill, ()), Ok(["2", "2", "2", "1"].map(str::to_owned)));
}

#[test]
fn a_value_lives_as_long_as_is_said() {
    let lifetime = |()| Ok(get("signs")?.expires_in().map(|time| time.as_secs()));
    assert_eq!(host().run(lifetime, ()), Ok(Some(300)));
    assert_eq!(host().expires_in("signs", Duration::from_secs(7)).run(lifetime, ()), Ok(Some(7)));
    assert_eq!(host().ending("signs", SecretError::Expired).run(lifetime, ()), Ok(Some(0)));
}

#[test]
fn the_task_is_what_the_test_says() {
    let skill = |()| {
        task::log(Level::Warn, "slow");
        Ok((task::id(), task::agent_id(), task::time_left().as_millis()))
    };
    let host = host().task_id("t-1").agent_id("a-1").time_left(Duration::from_millis(5));
    assert_eq!(host.run(skill, ()), Ok(("t-1".to_owned(), "a-1".to_owned(), 5)));
    assert_eq!(host.log(), [(Level::Warn, "slow".to_owned())]);
}

#[test]
fn json_goes_in_and_comes_out() {
    let skill = |count: u8| if count == 0 { Err(Error::new("nothing")) } else { Ok([count]) };
    assert_eq!(host().run_json(skill, "7").as_deref(), Ok("[7]"));
    assert_eq!(host().run_json(skill, "0"), Err(Ended::Failed("nothing".to_owned())));
    let invalid = "invalid input: invalid type, expected u8 at line 1 column 3";
    assert_eq!(host().run_json(skill, r#""a""#), Err(Ended::Failed(invalid.to_owned())));
}

#[test]
fn an_output_that_is_no_json_is_an_error() {
    let skill = |()| Ok(std::collections::BTreeMap::from([(vec!["canary"], 1)]));
    assert_eq!(host().run(skill, ()), Err(Ended::Failed("the output cannot be written as JSON".to_owned())));
}

#[test]
fn values_are_not_shown() {
    let shown = format!("{:?}", host());
    assert_eq!(shown, r#"Host { secrets: ["reveals", "signs"], .. }"#);
    let skill = |()| Ok(format!("{:?}", get("reveals")?));
    assert!(!host().run(skill, ()).unwrap().contains("canary"));
}
