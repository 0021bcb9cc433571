//! Valid and invalid paths.

use proptest::prelude::*;

use super::*;

fn mounts() -> Mounts {
    let mounts = Mounts::default().with("old", Engine::KvV1).unwrap();
    mounts.with("teams/a/kv", Engine::KvV2).unwrap().with("teams", Engine::KvV1).unwrap()
}

#[test]
fn path_has_mount_path_and_field() {
    for (text, data, field) in [
        ("kv/ci/github#token", "kv/data/ci/github", Some("token")),
        ("kv/ci", "kv/data/ci", None),
        ("old/ci/github#a#b", "old/ci/github", Some("a#b")),
        ("teams/a/kv/x/y", "teams/a/kv/data/x/y", None),
        ("teams/b/kv", "teams/b/kv", None),
        ("kv/\u{e9}t\u{e9}/a b/%2e%2e?#x", "kv/data/%C3%A9t%C3%A9/a%20b/%252e%252e%3F", Some("x")),
    ] {
        let vault_path = mounts().parse_path(text).unwrap();
        assert_eq!((&*vault_path.read_path(), vault_path.field.as_deref()), (data, field), "{text}");
    }
}

#[test]
fn ambiguous_path_is_rejected() {
    for (text, expected) in [
        ("", VaultPathError::EmptySegment),
        ("/kv/a", VaultPathError::EmptySegment),
        ("kv//a", VaultPathError::EmptySegment),
        ("kv/a/", VaultPathError::EmptySegment),
        ("kv/./a", VaultPathError::DotSegment),
        ("kv/../sys/seal", VaultPathError::DotSegment),
        ("kv/a\nb", VaultPathError::ControlCharacter),
        ("kv/a\0", VaultPathError::ControlCharacter),
        ("kv", VaultPathError::MountOnly),
        ("teams/a/kv", VaultPathError::MountOnly),
        ("kv/a#", VaultPathError::EmptyField),
        ("kv/a#b\u{7f}", VaultPathError::ControlCharacter),
    ] {
        assert_eq!(mounts().parse_path(text), Err(expected), "{text:?}");
    }
    assert_eq!(mounts().parse_path(&format!("kv/{}", "a".repeat(MAX_LEN))), Err(VaultPathError::TooLong));
    assert_eq!(mounts().reference("kv/a#b", None), Err(VaultPathError::Hash));
}

#[test]
fn reserved_mount_is_rejected() {
    for (text, reserved) in [
        ("auth/token/lookup-self#id", "auth"),
        ("auth/approle/role/far", "auth"),
        ("sys/wrapping/lookup", "sys"),
        ("identity/entity/id", "identity"),
        ("cubbyhole/response", "cubbyhole"),
        ("old/auth/token/lookup-self#id", "auth"),
        ("teams/sys/seal", "sys"),
    ] {
        assert_eq!(mounts().parse_path(text), Err(VaultPathError::Reserved(reserved)), "{text}");
    }
    for text in ["kv/auth/x", "old/apps/auth", "authority/x", "kv/sys"] {
        assert!(mounts().parse_path(text).is_ok(), "{text}");
    }
    assert_eq!(Mounts::default().with("auth/token", Engine::KvV1), Err(VaultPathError::Reserved("auth")));
}

#[test]
fn database_engine_paths_are_restricted() {
    let mounts = mounts().with("db", Engine::Database).unwrap();
    let vault_path = mounts.parse_path("db/creds/r\u{e9}#password").unwrap();
    assert_eq!(
        (&*vault_path.read_path(), vault_path.metadata_path().as_deref()),
        ("db/creds/r%C3%A9", Some("db/roles/r%C3%A9"))
    );
    assert_eq!(vault_path.folder(), Some(("db/roles".to_owned(), "r\u{e9}")));
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
        assert_eq!(mounts.parse_path(text), Err(VaultPathError::DatabasePath), "{text}");
    }
    let vault_path = mounts.parse_path("db/static-creds/r\u{e9}#password").unwrap();
    assert_eq!((&*vault_path.read_path(), &vault_path.kind), ("db/static-creds/r%C3%A9", &SecretKind::StaticCreds));
    assert_eq!(vault_path.metadata_path().as_deref(), Some("db/static-roles/r%C3%A9"));
    assert_eq!(vault_path.rotate_path().as_deref(), Some("db/rotate-role/r%C3%A9"));
    assert_eq!(vault_path.folder(), Some(("db/static-roles".to_owned(), "r\u{e9}")));
    assert!(mounts.has_dynamic_engine() && !Mounts::default().has_dynamic_engine());
}

#[test]
fn certificate_has_role_name_and_field() {
    let mounts = mounts().with("pki", Engine::Pki).unwrap();
    for (name, field, text) in [
        ("a.internal", Some("pem"), "pki/issue/web?common_name=a.internal#pem"),
        ("far/a b?#\u{e9}", None, "pki/issue/web?common_name=far%2Fa%20b%3F%23%C3%A9"),
        ("?common_name=x", None, "pki/issue/web?common_name=%3Fcommon%5Fname%3Dx"),
    ] {
        let text = text.replace("%5F", "_");
        let reference = mounts.certificate("pki/issue/web", name, field).unwrap();
        assert_eq!(reference.as_str(), text);
        let vault_path = mounts.parse_path(&text).unwrap();
        assert_eq!((&vault_path.kind, vault_path.field.as_deref()), (&SecretKind::Certificate(name.into()), field));
        assert_eq!(
            (&*vault_path.read_path(), vault_path.metadata_path().as_deref()),
            ("pki/issue/web", Some("pki/roles/web"))
        );
        assert_eq!(vault_path.issue_key(), format!("pki/issue/web?{name}"));
        assert_eq!(vault_path.folder(), Some(("pki/roles".to_owned(), "web")));
    }
    for name in ["", "a\nb", &"x".repeat(65)] {
        assert_eq!(mounts.certificate("pki/issue/web", name, None), Err(VaultPathError::CommonName), "{name:?}");
    }
    for (path, expected) in [
        ("pki/issue", VaultPathError::PkiPath),
        ("pki/cert/ca", VaultPathError::PkiPath),
        ("pki/sign/web", VaultPathError::PkiPath),
        ("pki/issue/web/x", VaultPathError::PkiPath),
        ("pki/issue/web?common_name=x", VaultPathError::PkiPath),
        ("pki/issue/web#pem", VaultPathError::Hash),
        ("kv/a", VaultPathError::CommonName),
        ("old/a", VaultPathError::CommonName),
    ] {
        assert_eq!(mounts.certificate(path, "a.internal", None), Err(expected), "{path}");
    }
    for (path, expected) in [
        ("pki/issue/web", VaultPathError::NoCommonName),
        ("pki/issue/web?common_name=a", VaultPathError::PkiPath),
        ("pki/issue/?common_name=a", VaultPathError::EmptySegment),
    ] {
        assert_eq!(mounts.reference(path, None), Err(expected), "{path}");
    }
    assert!(Mounts::default().with("pki", Engine::Pki).unwrap().has_dynamic_engine());
}

#[test]
fn folder_and_name_are_split() {
    let folder = |text| mounts().parse_path(text).unwrap().folder().map(|(path, name)| (path, name.to_owned()));
    assert_eq!(folder("kv/a"), Some(("kv/metadata".to_owned(), "a".to_owned())));
    assert_eq!(folder("kv/a/\u{e9}/c"), Some(("kv/metadata/a/%C3%A9".to_owned(), "c".to_owned())));
    assert_eq!(folder("old/a/b"), Some(("old/a".to_owned(), "b".to_owned())));
}

proptest! {
    #[test]
    fn no_path_leaves_its_mount(path in "\\PC{0,40}") {
        if let Ok(vault_path) = Mounts::default().parse_path(&format!("kv/{path}")) {
            let address = crate::vault::Address::parse("https://v").unwrap();
            let url = address.url(&vault_path.read_path()).unwrap();
            prop_assert!(url.path().starts_with("/v1/kv/data/"));
            prop_assert_eq!((url.query(), url.fragment()), (None, None));
        }
    }
}
