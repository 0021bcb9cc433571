//! What the operator may write of a Vault server, and what is said to what is not that.

use far_core::SecretName;

use super::super::tests::{parse, refused};
use super::*;

const HEAD: &str = "[providers.vault]\ntype = 'vault'\naddress = 'https://vault.internal:8200'\n";

/// A file with a server that is logged in to in this way.
fn with_auth(auth: &str) -> String {
    format!("{HEAD}auth = {{ {auth} }}\n")
}

/// A file with a server, with more in its table.
fn with(more: &str) -> String {
    format!("{HEAD}auth = {{ method = 'token', token-file = 'token' }}\n{more}")
}

/// A file with a server, and a secret in it.
fn with_secret(entry: &str) -> String {
    with(&format!(
        "mounts = {{ old = 'kv-v1', db = 'database', pki = 'pki' }}\n[secrets.token]\nprovider = 'vault'\noperations = ['sign']\n{entry}\n"
    ))
}

fn vault(text: &str) -> VaultConfig {
    let far = parse(text).unwrap();
    let [provider] = &far.providers[..] else { panic!("one provider") };
    let ProviderKind::Vault(vault) = &provider.kind else { panic!("a server") };
    (**vault).clone()
}

#[test]
fn a_whole_table_is_read() {
    let text = with(
        "namespace = 'team/a'\nca-file = 'ca.pem'\nengine = 'kv-v1'\nchild-policies = ['db']\n\
         [providers.vault.mounts]\n'teams/kv' = 'kv-v2'\ndb = 'database'\n",
    );
    let expected = VaultConfig {
        authorities: None,
        address: Address::parse("https://vault.internal:8200").unwrap(),
        namespace: Some("team/a".to_owned()),
        ca_file: Some("/etc/far/ca.pem".into()),
        auth: Auth::Token { file: "/etc/far/token".into() },
        mounts: Mounts::all(Engine::KvV1)
            .with("teams/kv", Engine::KvV2)
            .and_then(|mounts| mounts.with("db", Engine::Database))
            .unwrap(),
        child_policies: vec!["db".to_owned()],
    };
    assert_eq!(vault(&text), expected);
    assert_eq!(vault(&with("")).mounts, Mounts::all(Engine::KvV2));
}

#[test]
fn each_method_has_keys_of_its_own() {
    let text = |text: &str| text.to_owned();
    let approle = |mount: &str, secret_id| Auth::AppRole { mount: text(mount), role_id: text("r"), secret_id };
    for (auth, expected) in [
        ("method = 'token', token-file = '/run/t'", Auth::Token { file: "/run/t".into() }),
        (
            "method = 'approle', role-id = 'r', secret-id-file = '/run/s'",
            approle("approle", SecretId::File("/run/s".into())),
        ),
        (
            "method = 'approle', mount = 'a/b', role-id = 'r', wrapped-secret-id-file = 's'",
            approle("a/b", SecretId::Wrapped("/etc/far/s".into())),
        ),
        (
            "method = 'kubernetes', role = 'far'",
            Auth::Kubernetes { mount: text("kubernetes"), role: text("far"), token_file: SERVICE_ACCOUNT_TOKEN.into() },
        ),
        (
            "method = 'jwt', role = 'far', jwt-file = 'j'",
            Auth::Jwt { mount: text("jwt"), role: text("far"), file: "/etc/far/j".into() },
        ),
        (
            "method = 'cert', cert-file = 'c', key-file = 'k'",
            Auth::Certificate {
                mount: text("cert"),
                role: None,
                cert_file: "/etc/far/c".into(),
                key_file: "/etc/far/k".into(),
            },
        ),
    ] {
        assert_eq!(vault(&with_auth(auth)).auth, expected, "{auth}");
    }
}

#[test]
fn what_is_not_that_is_refused_with_the_nearest() {
    let cases = [
        (
            "[providers.vault]\ntype = 'vualt'\n".to_owned(),
            "2:8: 'providers.vault.type': not a type of provider\nhelp: did you mean \"vault\"?",
        ),
        (format!("{HEAD}adress = 1\n"), "4:1: unknown key 'providers.vault.adress'\nhelp: did you mean 'address'?"),
        (HEAD.to_owned(), "1:1: 'providers.vault.auth' is missing\nhelp: add 'auth'"),
        (with_auth("methd = 'token'"), "4:10: unknown key 'providers.vault.auth.methd'\nhelp: did you mean 'method'?"),
        (with_auth("mount = 'x'"), "4:8: 'providers.vault.auth.method' is missing\nhelp: add 'method'"),
        (
            with_auth("method = 'aprole'"),
            "4:19: 'providers.vault.auth.method': not a method of authentication\nhelp: did you mean \"approle\"?",
        ),
        (
            with_auth("method = 'ldap'"),
            "4:19: 'providers.vault.auth.method': not a method of authentication\n\
             help: known here: \"token\", \"approle\", \"kubernetes\", \"jwt\", \"cert\"",
        ),
        (
            with_auth("method = 'approle', role_id = 'r'"),
            "4:30: unknown key 'providers.vault.auth.role_id'\nhelp: did you mean 'role-id'?",
        ),
        (
            with_auth("method = 'token', role = 'r'"),
            "4:28: unknown key 'providers.vault.auth.role'\nhelp: known here: 'method', 'token-file'",
        ),
        (
            with_auth("method = 'approle', role-id = 'r'"),
            "4:8: 'providers.vault.auth.secret-id-file' is missing\nhelp: add 'secret-id-file'",
        ),
        (
            with_auth("method = 'approle', role-id = 'r', secret-id-file = 'a', wrapped-secret-id-file = 'b'"),
            "4:92: 'providers.vault.auth.wrapped-secret-id-file': there is a 'secret-id-file' as well\n\
             help: keep one of the two",
        ),
        (
            with("engine = 'kv'\n"),
            "5:10: 'providers.vault.engine': not an engine\nhelp: it is \"kv-v2\", \"kv-v1\", \"database\" or \"pki\"",
        ),
        (
            with("engine = 'database'\n"),
            "5:10: 'providers.vault.engine': not every mount can be an engine that makes secrets\nhelp: name its mount under \
             'mounts'",
        ),
        (
            with("mounts = { 'a//b' = 'kv-v1' }\n"),
            "5:12: 'providers.vault.mounts.\"a//b\"': the path has an empty segment",
        ),
        (
            with("mounts = { auth = 'kv-v1' }\n"),
            "5:12: 'providers.vault.mounts.auth': what is below 'auth/' is the server's own, and the provider's \
             credentials are there: no task may have it",
        ),
        (
            with("namespace = 'a b'\n"),
            "5:13: 'providers.vault.namespace': a namespace is made of visible ASCII characters, such as team/a",
        ),
        (
            "[providers.vault]\ntype = 'vault'\naddress = 'http://vault.internal'\n".to_owned(),
            "3:11: 'providers.vault.address': http is for 127.0.0.1 and [::1] alone: anywhere else, whoever is on \
             the way reads the secrets",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(&text), expected, "{text}");
    }
}

#[test]
fn a_secret_is_a_path_and_perhaps_a_field() {
    for (entry, expected) in [
        ("path = 'kv/ci/github'\nfield = 'token'", "kv/ci/github#token"),
        ("path = 'kv/ci/github'", "kv/ci/github"),
        ("path = 'old/x'\nfield = 'a#b'", "old/x#a#b"),
        ("path = 'db/creds/app'\nfield = 'password'", "db/creds/app#password"),
        ("path = 'db/static-creds/app'\nfield = 'password'", "db/static-creds/app#password"),
        (
            "path = 'pki/issue/web'\ncommon-name = 'a.internal'\nfield = 'pem'",
            "pki/issue/web?common_name=a.internal#pem",
        ),
        ("path = 'pki/issue/web'\ncommon-name = 'far/7'", "pki/issue/web?common_name=far%2F7"),
    ] {
        let far = parse(&with_secret(entry)).unwrap();
        let entry = far.catalog.get(&SecretName::parse("token").unwrap()).unwrap();
        assert_eq!(entry.reference.as_str(), expected);
    }
}

#[test]
fn a_secret_that_is_nowhere_or_the_servers_own_is_refused_at_load() {
    let own = |segment: &str| {
        format!(
            "9:8: 'secrets.token.path': what is below '{segment}/' is the server's own, and the provider's credentials \
             are there: no task may have it"
        )
    };
    let path = |said: &str| format!("9:8: 'secrets.token.path': {said}");
    for (entry, expected) in [
        ("", "6:1: 'secrets.token.path' is missing\nhelp: add 'path'".to_owned()),
        ("path = 'auth/approle/role/far/secret-id'", own("auth")),
        ("path = 'sys/wrapping/unwrap'", own("sys")),
        ("path = 'identity/entity'", own("identity")),
        ("path = 'cubbyhole/x'", own("cubbyhole")),
        ("path = 'old/auth/token/lookup-self'\nfield = 'id'", own("auth")),
        (
            "path = 'db/config/main'",
            path("what is read of an engine of databases is 'creds/ROLE' or 'static-creds/ROLE', and nothing else"),
        ),
        ("path = 'kv'", path("the path names a mount and nothing in it")),
        ("path = '/kv/a'", path("the path has an empty segment")),
        ("path = 'kv/../sys/x'", path("the path has a segment '.' or '..'")),
        ("path = \"kv/a\\nb\"", path("there is a control character in it")),
        ("path = 'kv/a#b'", path("the path has a '#'")),
        (
            "path = 'kv/a'\nfield = \"a\\u0000\"",
            "10:9: 'secrets.token.field': there is a control character in it".to_owned(),
        ),
        (
            "path = 'pki/issue/web'",
            path("a certificate needs a common name\nhelp: add 'common-name', which the role has to allow"),
        ),
        (
            "path = 'pki/cert/ca'\ncommon-name = 'a.internal'",
            path("what is read of an engine of certificates is 'issue/ROLE', and nothing else"),
        ),
        (
            "path = 'kv/a'\ncommon-name = 'a.internal'",
            "10:15: 'secrets.token.common-name': a common name is for certificates alone, and is one to 64 characters that \
             are seen"
                .to_owned(),
        ),
        ("path = 'kv/a'\nfield = ''", "10:9: 'secrets.token.field': the text is empty".to_owned()),
    ] {
        assert_eq!(refused(&with_secret(entry)), expected, "{entry}");
    }
    let dotenv = "[providers.dev]\ntype = 'dotenv'\npath = '.env'\n[secrets.token]\nprovider = 'dev'\nfield = 'x'\n";
    let expected = "6:9: 'secrets.token.field': a secret of a provider of this type has no fields\n\
                    help: take it out: a key of the file has one value";
    assert_eq!(refused(dotenv), expected);
    let expected = "6:15: 'secrets.token.common-name': a secret of a provider of this type is no certificate\n\
                    help: take it out";
    assert_eq!(refused(&dotenv.replace("field", "common-name")), expected);
}
