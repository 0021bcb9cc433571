//! What is a place, and what is none.

use proptest::prelude::*;

use super::*;

fn mounts() -> Mounts {
    let mounts = Mounts::default().with("old", Engine::KvV1).unwrap();
    mounts.with("teams/a/kv", Engine::KvV2).unwrap().with("teams", Engine::KvV1).unwrap()
}

#[test]
fn a_place_is_a_mount_a_path_and_perhaps_a_field() {
    for (text, data, field) in [
        ("kv/ci/github#token", "kv/data/ci/github", Some("token")),
        ("kv/ci", "kv/data/ci", None),
        ("old/ci/github#a#b", "old/ci/github", Some("a#b")),
        ("teams/a/kv/x/y", "teams/a/kv/data/x/y", None),
        ("teams/b/kv", "teams/b/kv", None),
        ("kv/\u{e9}t\u{e9}/a b/%2e%2e?#x", "kv/data/%C3%A9t%C3%A9/a%20b/%252e%252e%3F", Some("x")),
    ] {
        let place = mounts().place(text).unwrap();
        assert_eq!((&*place.data(), place.field.as_deref()), (data, field), "{text}");
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    for (text, expected) in [
        ("", PlaceError::EmptySegment),
        ("/kv/a", PlaceError::EmptySegment),
        ("kv//a", PlaceError::EmptySegment),
        ("kv/a/", PlaceError::EmptySegment),
        ("kv/./a", PlaceError::Dots),
        ("kv/../sys/seal", PlaceError::Dots),
        ("kv/a\nb", PlaceError::Control),
        ("kv/a\0", PlaceError::Control),
        ("kv", PlaceError::NoSecret),
        ("teams/a/kv", PlaceError::NoSecret),
        ("kv/a#", PlaceError::EmptyField),
        ("kv/a#b\u{7f}", PlaceError::Control),
    ] {
        assert_eq!(mounts().place(text), Err(expected), "{text:?}");
    }
    assert_eq!(mounts().place(&format!("kv/{}", "a".repeat(MAX_LEN))), Err(PlaceError::TooLong));
    assert_eq!(mounts().reference("kv/a#b", None), Err(PlaceError::Hash));
}

#[test]
fn what_is_the_servers_own_is_refused() {
    for (text, reserved) in [
        ("auth/token/lookup-self#id", "auth"),
        ("auth/approle/role/far", "auth"),
        ("sys/wrapping/lookup", "sys"),
        ("identity/entity/id", "identity"),
        ("cubbyhole/response", "cubbyhole"),
        ("old/auth/token/lookup-self#id", "auth"),
        ("teams/sys/seal", "sys"),
    ] {
        assert_eq!(mounts().place(text), Err(PlaceError::Reserved(reserved)), "{text}");
    }
    for text in ["kv/auth/x", "old/apps/auth", "authority/x", "kv/sys"] {
        assert!(mounts().place(text).is_ok(), "{text}");
    }
    assert_eq!(Mounts::default().with("auth/token", Engine::KvV1), Err(PlaceError::Reserved("auth")));
}

#[test]
fn of_an_engine_that_makes_secrets_nothing_else_is_read() {
    let mounts = mounts().with("db", Engine::Database).unwrap();
    let place = mounts.place("db/creds/r\u{e9}#password").unwrap();
    assert_eq!((&*place.data(), place.metadata().as_deref()), ("db/creds/r%C3%A9", Some("db/roles/r%C3%A9")));
    assert_eq!(place.folder(), Some(("db/roles".to_owned(), "r\u{e9}")));
    for text in [
        "db/config/x",
        "db/creds",
        "db/roles/r",
        "db/static-creds",
        "db/static-creds/r/x",
        "db/rotate-role/r",
        "db/static-roles/r",
        "db/creds/r/x",
    ] {
        assert_eq!(mounts.place(text), Err(PlaceError::NotMade), "{text}");
    }
    let place = mounts.place("db/static-creds/r\u{e9}#password").unwrap();
    assert_eq!((&*place.data(), &place.source), ("db/static-creds/r%C3%A9", &Source::StaticCreds));
    assert_eq!(place.metadata().as_deref(), Some("db/static-roles/r%C3%A9"));
    assert_eq!(place.rotation().as_deref(), Some("db/rotate-role/r%C3%A9"));
    assert_eq!(place.folder(), Some(("db/static-roles".to_owned(), "r\u{e9}")));
    assert!(mounts.are_dynamic() && !Mounts::default().are_dynamic());
}

#[test]
fn a_certificate_is_a_role_a_name_and_perhaps_a_field() {
    let mounts = mounts().with("pki", Engine::Pki).unwrap();
    for (name, field, text) in [
        ("a.internal", Some("pem"), "pki/issue/web?common_name=a.internal#pem"),
        ("far/a b?#\u{e9}", None, "pki/issue/web?common_name=far%2Fa%20b%3F%23%C3%A9"),
        ("?common_name=x", None, "pki/issue/web?common_name=%3Fcommon%5Fname%3Dx"),
    ] {
        let text = text.replace("%5F", "_");
        let reference = mounts.certificate("pki/issue/web", name, field).unwrap();
        assert_eq!(reference.as_str(), text);
        let place = mounts.place(&text).unwrap();
        assert_eq!((&place.source, place.field.as_deref()), (&Source::Certificate(name.into()), field));
        assert_eq!((&*place.data(), place.metadata().as_deref()), ("pki/issue/web", Some("pki/roles/web")));
        assert_eq!(place.made_once(), format!("pki/issue/web?{name}"));
        assert_eq!(place.folder(), Some(("pki/roles".to_owned(), "web")));
    }
    for name in ["", "a\nb", &"x".repeat(65)] {
        assert_eq!(mounts.certificate("pki/issue/web", name, None), Err(PlaceError::CommonName), "{name:?}");
    }
    for (path, expected) in [
        ("pki/issue", PlaceError::NotIssued),
        ("pki/cert/ca", PlaceError::NotIssued),
        ("pki/sign/web", PlaceError::NotIssued),
        ("pki/issue/web/x", PlaceError::NotIssued),
        ("pki/issue/web?common_name=x", PlaceError::NotIssued),
        ("pki/issue/web#pem", PlaceError::Hash),
        ("kv/a", PlaceError::CommonName),
        ("old/a", PlaceError::CommonName),
    ] {
        assert_eq!(mounts.certificate(path, "a.internal", None), Err(expected), "{path}");
    }
    for (path, expected) in [
        ("pki/issue/web", PlaceError::NoCommonName),
        ("pki/issue/web?common_name=a", PlaceError::NotIssued),
        ("pki/issue/?common_name=a", PlaceError::EmptySegment),
    ] {
        assert_eq!(mounts.reference(path, None), Err(expected), "{path}");
    }
    assert!(Mounts::default().with("pki", Engine::Pki).unwrap().are_dynamic());
}

#[test]
fn a_secret_is_in_a_folder() {
    let folder = |text| mounts().place(text).unwrap().folder().map(|(path, name)| (path, name.to_owned()));
    assert_eq!(folder("kv/a"), Some(("kv/metadata".to_owned(), "a".to_owned())));
    assert_eq!(folder("kv/a/\u{e9}/c"), Some(("kv/metadata/a/%C3%A9".to_owned(), "c".to_owned())));
    assert_eq!(folder("old/a/b"), Some(("old/a".to_owned(), "b".to_owned())));
}

proptest! {
    #[test]
    fn no_path_leaves_its_mount(path in "\\PC{0,40}") {
        if let Ok(place) = Mounts::default().place(&format!("kv/{path}")) {
            let address = crate::vault::Address::parse("https://v").unwrap();
            let url = address.of(&place.data()).unwrap();
            prop_assert!(url.path().starts_with("/v1/kv/data/"));
            prop_assert_eq!((url.query(), url.fragment()), (None, None));
        }
    }
}
