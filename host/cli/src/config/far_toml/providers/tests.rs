//! Valid and invalid tables of Vault servers.

use far_core::SecretName;

use super::super::tests::{parse, refused};
use super::*;

const HEAD: &str = "[providers.vault]\ntype = 'vault'\naddress = 'https://vault.internal:8200'\n";

/// Returns a file with a server with this authentication.
fn with_auth(auth: &str) -> String {
    format!("{HEAD}auth = {{ {auth} }}\n")
}

/// Returns a file with a server with these additional keys.
fn with(more: &str) -> String {
    format!("{HEAD}auth = {{ method = 'token', token-file = 'token' }}\n{more}")
}

/// Returns a file with a server and a secret.
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
fn whole_table_is_read() {
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
fn each_method_has_its_keys() {
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
fn invalid_server_is_refused() {
    let cases = [
        (
            "[providers.vault]\ntype = 'vualt'\n".to_owned(),
            "2:8: 'providers.vault.type': unknown provider type\nhelp: did you mean \"vault\"?",
        ),
        (format!("{HEAD}adress = 1\n"), "4:1: unknown key 'providers.vault.adress'\nhelp: did you mean 'address'?"),
        (HEAD.to_owned(), "1:1: 'providers.vault.auth' is missing\nhelp: add 'auth'"),
        (with_auth("methd = 'token'"), "4:10: unknown key 'providers.vault.auth.methd'\nhelp: did you mean 'method'?"),
        (with_auth("mount = 'x'"), "4:8: 'providers.vault.auth.method' is missing\nhelp: add 'method'"),
        (
            with_auth("method = 'aprole'"),
            "4:19: 'providers.vault.auth.method': unknown authentication method\nhelp: did you mean \"approle\"?",
        ),
        (
            with_auth("method = 'ldap'"),
            "4:19: 'providers.vault.auth.method': unknown authentication method\n\
             help: use one of \"token\", \"approle\", \"kubernetes\", \"jwt\", \"cert\"",
        ),
        (
            with_auth("method = 'approle', role_id = 'r'"),
            "4:30: unknown key 'providers.vault.auth.role_id'\nhelp: did you mean 'role-id'?",
        ),
        (
            with_auth("method = 'token', role = 'r'"),
            "4:28: unknown key 'providers.vault.auth.role'\nhelp: use one of 'method', 'token-file'",
        ),
        (
            with_auth("method = 'approle', role-id = 'r'"),
            "4:8: 'providers.vault.auth.secret-id-file' is missing\nhelp: add 'secret-id-file'",
        ),
        (
            with_auth("method = 'approle', role-id = 'r', secret-id-file = 'a', wrapped-secret-id-file = 'b'"),
            "4:92: 'providers.vault.auth.wrapped-secret-id-file': conflicts with 'secret-id-file'\n\
             help: remove one of the two",
        ),
        (
            with("engine = 'kv'\n"),
            "5:10: 'providers.vault.engine': unknown engine\nhelp: use \"kv-v2\", \"kv-v1\", \"database\" or \"pki\"",
        ),
        (
            with("engine = 'database'\n"),
            "5:10: 'providers.vault.engine': an engine for dynamic secrets cannot be the default\nhelp: set the engine of a mount under 'mounts'",
        ),
        (
            with("mounts = { 'a//b' = 'kv-v1' }\n"),
            "5:12: 'providers.vault.mounts.\"a//b\"': the path has an empty segment",
        ),
        (
            with("mounts = { auth = 'kv-v1' }\n"),
            "5:12: 'providers.vault.mounts.auth': 'auth/' belongs to Vault itself and contains the \
             provider's credentials",
        ),
        (
            with("namespace = 'a b'\n"),
            "5:13: 'providers.vault.namespace': a namespace consists of visible ASCII characters, such as team/a",
        ),
        (
            "[providers.vault]\ntype = 'vault'\naddress = 'http://vault.internal'\n".to_owned(),
            "3:11: 'providers.vault.address': 'http' is permitted only for 127.0.0.1 and [::1]: it \
             would expose secrets on the network",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(&text), expected, "{text}");
    }
}

#[test]
fn path_and_field_form_the_reference() {
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
fn invalid_reference_is_refused_at_load() {
    let own = |segment: &str| {
        format!(
            "9:8: 'secrets.token.path': '{segment}/' belongs to Vault itself and contains the provider's \
             credentials"
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
        ("path = 'db/config/main'", path("a path in a database engine is 'creds/ROLE' or 'static-creds/ROLE'")),
        ("path = 'kv'", path("the path names only a mount")),
        ("path = '/kv/a'", path("the path has an empty segment")),
        ("path = 'kv/../sys/x'", path("the path has a '.' or '..' segment")),
        ("path = \"kv/a\\nb\"", path("the path or field has a control character")),
        ("path = 'kv/a#b'", path("the path contains '#'")),
        (
            "path = 'kv/a'\nfield = \"a\\u0000\"",
            "10:9: 'secrets.token.field': the path or field has a control character".to_owned(),
        ),
        (
            "path = 'pki/issue/web'",
            path("a certificate needs a common name\nhelp: add a 'common-name' that the role allows"),
        ),
        ("path = 'pki/cert/ca'\ncommon-name = 'a.internal'", path("a path in a PKI engine is 'issue/ROLE'")),
        (
            "path = 'kv/a'\ncommon-name = 'a.internal'",
            "10:15: 'secrets.token.common-name': a common name is only for certificates, and has 1 to 64 \
             printable characters"
                .to_owned(),
        ),
        ("path = 'kv/a'\nfield = ''", "10:9: 'secrets.token.field': must not be empty".to_owned()),
    ] {
        assert_eq!(refused(&with_secret(entry)), expected, "{entry}");
    }
    let dotenv = "[providers.dev]\ntype = 'dotenv'\npath = '.env'\n[secrets.token]\nprovider = 'dev'\nfield = 'x'\n";
    let expected = "6:9: 'secrets.token.field': secrets of this provider type have no fields\n\
                    help: remove the key";
    assert_eq!(refused(dotenv), expected);
    let expected = "6:15: 'secrets.token.common-name': secrets of this provider type are not certificates\n\
                    help: remove the key";
    assert_eq!(refused(&dotenv.replace("field", "common-name")), expected);
}
