//! Values that a skill receives, and the record of their use.

use std::time::Duration;

use super::{Host, get, host};
use crate::secrets::Error as SecretError;
use crate::task::Level;
use crate::testing::{RunError, Use};
use crate::{Error, reveal, secrets, signing, task};

#[test]
fn sign_returns_hmac_sha256() {
    // RFC 4231, test case 2.
    let skill = |()| Ok(signing::hmac_sha256(&get("signs")?, b"what do ya want for nothing?")?);
    let signature = host().secret("signs", "Jefe").run(skill, ()).unwrap();
    let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

#[test]
fn only_successful_uses_are_recorded() {
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
        [Use::list(), Use::get("signs"), Use::sign("signs"), Use::refresh("reveals"), Use::reveal("reveals")];
    assert_eq!(host.uses(), expected);
    assert_eq!(host.run(|()| Ok(()), ()), Ok(()));
    assert_eq!(host.uses(), [], "only the last run is recorded");

    assert_eq!(host.run(skill, ()), Ok(true));
    let host = host.without("signs");
    assert!(matches!(host.run(skill, ()), Err(RunError::Refusal(_))));
    assert_eq!(host.uses(), [], "a refused run uses nothing");
}

#[test]
fn previous_version_is_returned_by_name() {
    let skill = |()| {
        let previous = secrets::get_version("signs", "6")?;
        assert_eq!((previous.name(), previous.version()), ("signs".to_owned(), "6".to_owned()));
        assert_eq!(secrets::get_version("signs", "5").err(), Some(SecretError::VersionGone));
        Ok(signing::hmac_sha256(&previous, b"")? == signing::hmac_sha256(&get("signs")?, b"")?)
    };
    let host = Host::new(super::DECLARATION)
        .secret_version("signs", "7", "new")
        .previous_version("signs", "6", "old")
        .granting_versions("signs", &["5", "6"]);
    assert_eq!(host.run(skill, ()), Ok(false));
    assert_eq!(host.uses()[..2], [Use::get_version("signs", "6"), Use::get_version("signs", "5")]);
}

#[test]
fn refresh_keeps_existing_handles() {
    let skill = |()| {
        let before = get("reveals")?;
        let versions = [secrets::refresh("reveals")?, get("reveals")?, secrets::refresh("reveals")?, before];
        Ok(versions.map(|secret| secret.version()))
    };
    let host = host().next_version("reveals", "2", "new");
    assert_eq!(host.run(skill, ()), Ok(["2", "2", "2", "1"].map(str::to_owned)));
}

#[test]
fn lifetime_is_configurable() {
    let lifetime = |()| Ok(get("signs")?.expires_in().map(|time| time.as_secs()));
    assert_eq!(host().run(lifetime, ()), Ok(Some(300)));
    assert_eq!(host().expires_in("signs", Duration::from_secs(7)).run(lifetime, ()), Ok(Some(7)));
    assert_eq!(host().fail_use("signs", SecretError::Expired).run(lifetime, ()), Ok(Some(0)));
}

#[test]
fn task_properties_are_configurable() {
    let skill = |()| {
        task::log(Level::Warn, "slow");
        Ok((task::id(), task::agent_id(), task::time_left().as_millis()))
    };
    let host = host().task_id("t-1").agent_id("a-1").time_left(Duration::from_millis(5));
    assert_eq!(host.run(skill, ()), Ok(("t-1".to_owned(), "a-1".to_owned(), 5)));
    assert_eq!(host.log(), [(Level::Warn, "slow".to_owned())]);
}

#[test]
fn run_json_converts_input_and_output() {
    let skill = |count: u8| if count == 0 { Err(Error::new("nothing")) } else { Ok([count]) };
    assert_eq!(host().run_json(skill, "7").as_deref(), Ok("[7]"));
    assert_eq!(host().run_json(skill, "0"), Err(RunError::Failure("nothing".to_owned())));
    let invalid = "invalid input: invalid type, expected u8 at line 1 column 3";
    assert_eq!(host().run_json(skill, r#""a""#), Err(RunError::Failure(invalid.to_owned())));
}

#[test]
fn unserializable_output_is_error() {
    let skill = |()| Ok(std::collections::BTreeMap::from([(vec!["canary"], 1)]));
    assert_eq!(host().run(skill, ()), Err(RunError::Failure("the output cannot be serialized as JSON".to_owned())));
}

#[test]
fn debug_output_omits_values() {
    let shown = format!("{:?}", host());
    assert_eq!(shown, r#"Host { secrets: ["reveals", "signs"], .. }"#);
    let skill = |()| Ok(format!("{:?}", get("reveals")?));
    assert!(!host().run(skill, ()).unwrap().contains("canary"));
}
