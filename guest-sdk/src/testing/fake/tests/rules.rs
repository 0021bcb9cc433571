//! Each case names the rule of the real host that it covers.

use super::{DECLARATION, get, host, violation};
use crate::secrets::Error as SecretError;
use crate::testing::{Declaration, DeclaredSecret, Host, Jwt, Operation, Reason, RunError};
use crate::{Error, reveal, secrets, signing};

type Call = fn() -> Result<(), Error>;

fn get_a(name: &'static str) -> Result<(), Error> {
    get(name).map(drop)
}

#[test]
fn undeclared_or_ungranted_use_is_violation() {
    use Operation::{Refresh, Reveal, Sign};

    let cases: [(&str, Call, &str, Option<Operation>, Reason); 14] = [
        ("Session::parse_name: upper case", || get_a("Signs"), "Signs", None, Reason::InvalidName),
        ("Session::parse_name: sequence", || get_a("a..b"), "a..b", None, Reason::InvalidName),
        ("Session::parse_name: edge", || get_a("signs/"), "signs/", None, Reason::InvalidName),
        ("Session::parse_name: empty", || get_a(""), "", None, Reason::InvalidName),
        (
            "Session::parse_name: a refresh's operation",
            || Ok(secrets::refresh("a b").map(drop)?),
            "a b",
            Some(Refresh),
            Reason::InvalidName,
        ),
        (
            "Session::get: the version is parsed before the name is looked up",
            || Ok(secrets::get_version("payroll", "a b").map(drop)?),
            "payroll",
            None,
            Reason::InvalidVersion,
        ),
        ("Capability::check: no entry", || get_a("payroll"), "payroll", None, Reason::Undeclared),
        ("Capability::check: granted, not declared", || get_a("extra"), "extra", None, Reason::Undeclared),
        ("Capability::check: declared, not granted", || get_a("absent"), "absent", None, Reason::Ungranted),
        ("Capability::check: a handle needs any operation", || get_a("any"), "any", None, Reason::Operation),
        (
            "Capability::check: the operation of a use",
            || Ok(reveal::reveal(&get("signs")?).map(drop)?),
            "signs",
            Some(Reveal),
            Reason::Operation,
        ),
        (
            "Capability::check: operation before the message's length",
            || Ok(signing::hmac_sha256(&get("reveals")?, &[0; (1 << 20) + 1]).map(drop)?),
            "reveals",
            Some(Sign),
            Reason::Operation,
        ),
        (
            "Capability::check: refresh",
            || Ok(secrets::refresh("signs").map(drop)?),
            "signs",
            Some(Refresh),
            Reason::Operation,
        ),
        (
            "VersionRule::covers: the current version only, even by name",
            || Ok(secrets::get_version("signs", "1").map(drop)?),
            "signs",
            None,
            Reason::Version,
        ),
    ];
    // `any` is granted no declared operation; `extra` is granted but not declared.
    let host = host().granting("any", &[Refresh]).secret("extra", "canary");
    for (rule, call, secret, operation, reason) in cases {
        let denial = violation(host.run(|()| call(), ()).err());
        assert_eq!((&*denial.secret, denial.operation, denial.reason), (secret, operation, reason), "{rule}");
    }
}

#[test]
fn missing_required_secret_refuses_task() {
    // `Capability::gaps`.
    let cases = [
        (Host::new(DECLARATION), Reason::Ungranted),
        (host().without("signs"), Reason::Ungranted),
        (host().granting("signs", &[]), Reason::Operation),
        (host().granting("signs", &[Operation::Reveal]), Reason::Operation),
        (host().granting("signs", &[Operation::Seal]), Reason::Operation),
    ];
    for (host, expected) in cases {
        let result = host.run(|()| -> Result<(), Error> { panic!("the skill was called") }, ());
        match result {
            Err(RunError::Refusal(denial)) => assert_eq!((&*denial.secret, denial.reason), ("signs", expected)),
            other => panic!("not refused: {other:?}"),
        }
    }
}

#[test]
fn failed_use_of_granted_secret_is_error() {
    let too_long = vec![0; (1 << 20) + 1];
    let busy = SecretError::Unavailable { retry_after: Some(std::time::Duration::from_millis(1500)) };
    let cases: [(&str, Host, &[u8], SecretError); 7] = [
        ("the backend has no value", host_without_value(), b"", SecretError::NotFound),
        ("the backend's retry advice is preserved", host().fail_get("signs", busy), b"", busy),
        ("ProviderError::TooLarge", host().fail_get("signs", SecretError::TooLarge), b"", SecretError::TooLarge),
        ("Session::sign_hmac_sha256: length", host(), &too_long, SecretError::TooLarge),
        ("Secret::value: ended", host().fail_use("signs", SecretError::Revoked), b"", SecretError::Revoked),
        (
            "Session::use_value: length before the value's end",
            host().fail_use("signs", SecretError::Revoked),
            &too_long,
            SecretError::TooLarge,
        ),
        (
            "Session::use_value: the value's end before the count",
            host().fail_use("signs", SecretError::Expired).max_uses("signs", 0),
            b"",
            SecretError::Expired,
        ),
    ];
    for (rule, host, message, expected) in cases {
        let sign = |()| {
            let signed = secrets::get("signs").and_then(|key| signing::hmac_sha256(&key, message));
            assert_eq!(signed.err(), Some(expected), "{rule}");
            Ok(())
        };
        assert_eq!(host.run(sign, ()), Ok(()), "{rule}");
    }
}

fn host_without_value() -> Host {
    Host::new(DECLARATION).granting("signs", &[Operation::Sign])
}

#[test]
fn message_of_maximum_length_is_signed() {
    let sign = |()| Ok(signing::hmac_sha256(&get("signs")?, &vec![0; 1 << 20]).map(drop)?);
    assert_eq!(host().run(sign, ()), Ok(()));
}

#[test]
fn handles_of_secret_share_use_count() {
    // `Session::count_use`; a failed call does not count.
    let skill = |()| {
        let (first, second) = (get("any")?, get("any")?);
        assert_eq!(signing::hmac_sha256(&first, &vec![0; (1 << 20) + 1]), Err(SecretError::TooLarge));
        assert!(signing::hmac_sha256(&first, b"").is_ok());
        assert!(reveal::reveal(&second).is_ok());
        assert_eq!(signing::hmac_sha256(&first, b""), Err(SecretError::Exhausted));
        Ok(())
    };
    let host = host().secret("any", "k3y").max_uses("any", 2);
    assert_eq!(host.run(skill, ()), Ok(()));
    assert_eq!(host.run(skill, ()), Ok(()), "each run is another task");
}

#[test]
fn list_has_granted_secrets_by_name() {
    // `Session::list`.
    let skill = |()| {
        let before = secrets::list();
        let _handle = get("signs")?;
        Ok::<_, Error>((before, secrets::list()))
    };
    let mut seen = None;
    let run = |()| skill(()).map(|listed| seen = Some(listed));
    assert_eq!(host().granting("any", &[Operation::Refresh]).run(run, ()), Ok(()));
    let (before, after) = seen.unwrap();
    let names: Vec<_> = before.iter().map(|info| (&*info.name, &*info.operations, info.expires_in.is_some())).collect();
    let expected: [(&str, &[Operation], bool); 2] =
        [("reveals", &[Operation::Reveal, Operation::Refresh], false), ("signs", &[Operation::Sign], false)];
    assert_eq!(names, expected);
    assert!(after.iter().all(|info| info.expires_in.is_some() == (info.name == "signs")));
}

#[test]
fn invalid_declaration_panics() {
    const SEAL: &[Operation] = &[Operation::Seal];

    const CASES: [(&[DeclaredSecret], &str); 8] = [
        (&[DeclaredSecret::new("A", &[Operation::Sign])], "'A': a name is made of a-z"),
        (&[DeclaredSecret::new("a", &[])], "'a': names no operation"),
        (&[DeclaredSecret::new("a", SEAL)], "'a': has the operation 'seal' without a destination"),
        (&[DeclaredSecret::new("a", SEAL).destinations(&["a.example"])], "'a': a destination is a URL"),
        (&[DeclaredSecret::new("a", SEAL).destinations(&["https://*.com"])], "'a': a destination's wildcard"),
        (
            &[DeclaredSecret::new("a", SEAL).destinations(&["https://a.example"]).placements(&["header:host"])],
            "'a': a placement's header",
        ),
        (
            &[DeclaredSecret::new("a", &[Operation::Reveal]).jwt(Jwt::new())],
            "'a': has a kind of signature without the operation 'sign'",
        ),
        (&[DeclaredSecret::new("a", &[Operation::Sign]); 2], "'a': the secret 'a' is listed twice"),
    ];
    for (secrets, expected) in CASES {
        let run = || Host::new(Declaration { secrets }).run(|()| Ok(()), ());
        let panic = std::panic::catch_unwind(run).unwrap_err();
        let message = panic.downcast_ref::<String>().unwrap();
        assert!(message.starts_with(&format!("the host would reject the declaration: {expected}")), "{message}");
    }
}
