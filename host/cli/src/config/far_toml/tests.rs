//! Valid and invalid `far.toml` files.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use far_core::capability::Operation;

use std::time::Duration;

use far_core::SkillDigest;
use far_core::capability::{CatalogEntry, LeakPolicy, Scope};

use super::secrets::SECRET;
use super::*;
use crate::config::content::render;

const WHOLE: &str = r#"
[agent]
id = "far-agent-7"
swap = "allowed"
state = "/var/lib/far"
[runtime]
wasi = "strict"
[pal]
repeats = "counted"
[secrets.github-token]
provider = "dev"
path = "GITHUB"
scope = "node"
operations = ["seal", "refresh"]
destinations = ["GET https://api.github.com/repos", "https://*.example.com"]
ttl = "15m"
skills = ["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]
[secrets."ci/hook.secret"]
provider = "other"
operations = ["sign"]
[providers.dev]
type = "dotenv"
path = ".env"
[providers.other]
type = "dotenv"
path = "/run/other.env"
"#;

/// Returns a file with `entry` as the table of a secret.
fn with_secret(entry: &str) -> String {
    format!("[providers.dev]\ntype = \"dotenv\"\npath = \".env\"\n[secrets.token]\n{entry}\n")
}

pub(super) fn parse(text: &str) -> Result<FarToml, ConfigError> {
    FarToml::of(&Source::new(Path::new("/etc/far/far.toml"), text.to_owned(), Format::Toml))
}

pub(super) fn refused(text: &str) -> String {
    render(&parse(text).unwrap_err()).replace("/etc/far/far.toml:", "")
}

#[test]
fn whole_file_is_read() {
    let far = parse(WHOLE).unwrap();
    assert_eq!(far.agent_id.unwrap().as_str(), "far-agent-7");
    assert!(far.swap_allowed && far.wasi == Wasi::Strict && far.repeats == RepeatRecording::Counted);
    assert_eq!(far.state.as_deref(), Some(Path::new("/var/lib/far")));
    let dotenv = |id, path: &str| ProviderConfig {
        id: ProviderId::parse(id).unwrap(),
        kind: ProviderKind::Dotenv { path: path.into() },
    };
    assert_eq!(far.providers, [dotenv("dev", "/etc/far/.env"), dotenv("other", "/run/other.env")]);

    let entry = far.catalog.get(&SecretName::parse("github-token").unwrap()).unwrap();
    assert_eq!((entry.provider.as_str(), entry.reference.as_str(), &entry.scope), ("dev", "GITHUB", &Scope::Node));
    assert_eq!(entry.ttl, Duration::from_secs(900));
    assert!(entry.is_for(&SkillDigest::of(b"test")) && !entry.is_for(&SkillDigest::of(b"other")));
    let operations: Vec<_> = entry.terms.operations().iter().collect();
    assert_eq!(operations, [Operation::Seal, Operation::Refresh]);
    let destinations: Vec<_> = entry.terms.destinations().iter().map(|destination| destination.as_str()).collect();
    assert_eq!(destinations, ["GET https://api.github.com/repos", "https://*.example.com"]);
}

#[test]
fn defaults_are_restrictive() {
    let far = parse(WHOLE).unwrap();
    let entry = far.catalog.get(&SecretName::parse("ci/hook.secret").unwrap()).unwrap();
    assert_eq!((entry.reference.as_str(), &entry.scope), ("ci/hook.secret", &Scope::Task));
    assert_eq!((entry.ttl, &entry.skills), (CatalogEntry::DEFAULT_TTL, &None));
    assert_eq!(entry.when_leaked, LeakPolicy::Replace);
    assert!(entry.terms.destinations().is_empty());

    let far = parse("").unwrap();
    assert!(!far.swap_allowed && far.wasi == Wasi::Inert && far.repeats == RepeatRecording::Each);
    assert!(
        far.agent_id.is_none()
            && far.state.is_none()
            && far.providers.is_empty()
            && far.catalog.iter().next().is_none()
    );
}

#[test]
fn egress_is_read() {
    assert_eq!(parse("").unwrap().egress, EgressConfig::default());
    let far = parse(
        "[egress]\ndestinations = ['GET https://a.example']\nnetworks = ['10.0.0.0/8', 'fd00::/8']\nca-file = 'ca.pem'\n\
         [egress.hosts]\n'a.example' = '10.0.0.5'\n'b.example' = '[fd00::5]:8443'\n",
    );
    let expected = EgressConfig {
        destinations: vec!["GET https://a.example".parse().unwrap()],
        networks: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
        hosts: vec![
            ("a.example".to_owned(), "10.0.0.5:0".parse().unwrap()),
            ("b.example".to_owned(), "[fd00::5]:8443".parse().unwrap()),
        ],
        ca_file: Some("/etc/far/ca.pem".into()),
    };
    assert_eq!(far.unwrap().egress, expected);
    for host in ["A.example", "a.example:1", "*.example.com", "a/b", ""] {
        let error = refused(&format!("[egress.hosts]\n'{host}' = '10.0.0.5'\n"));
        assert!(error.contains("a host is written as in a URL"), "{error}");
    }
    assert!(refused("[egress.hosts]\na = 'b'\n").contains("an address has the form"));
}

#[test]
fn unknown_keys_are_refused_with_suggestion() {
    let cases = [
        ("[agnet]\n", "1:2: unknown key 'agnet'\nhelp: did you mean 'agent'?"),
        (
            "[metrics]\n",
            "1:2: unknown key 'metrics'\nhelp: use one of 'agent', 'runtime', 'pal', 'egress', 'providers', 'tools', 'secrets'",
        ),
        ("agent = { ID = \"a\" }", "1:11: unknown key 'agent.ID'\nhelp: did you mean 'id'?"),
        ("runtime.pool = \"inert\"", "1:9: unknown key 'runtime.pool'\nhelp: use one of 'wasi'"),
        ("[providers.dev]\ntpye = 1", "2:1: unknown key 'providers.dev.tpye'\nhelp: did you mean 'type'?"),
        (
            "[providers.dev]\ntype = \"dotenv\"\naddress = \"x\"",
            "3:1: unknown key 'providers.dev.address'\nhelp: use one of 'type', 'path'",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected, "{text}");
    }
    let misspelt = with_secret("provider = \"dev\"\noperation = [\"sign\"]\nttll = \"15m\"");
    assert_eq!(refused(&misspelt), "6:1: unknown key 'secrets.token.operation'\nhelp: did you mean 'operations'?");
}

#[test]
fn keys_of_later_versions_are_refused() {
    for key in SECRET.later {
        let expected = format!(
            "5:1: 'secrets.token.{key}' is not supported by this version of far\n\
             help: remove the key: it would have no effect"
        );
        assert_eq!(refused(&with_secret(&format!("{key} = 1\nprovider = \"dev\""))), expected);
    }
    for kind in providers::LATER_TYPES {
        let expected = format!(
            "2:8: 'providers.p.type': provider type '{kind}' is not supported by this version of far\n\
             help: supported types are \"dotenv\" and \"vault\""
        );
        assert_eq!(refused(&format!("[providers.p]\ntype = \"{kind}\"\naddress = \"x\"")), expected);
    }
}

#[test]
fn every_known_key_is_read() {
    let mut cases = vec![("agent.id = 1.5".to_owned(), "agent.id".to_owned())];
    cases.push(("runtime.wasi = 1.5".to_owned(), "runtime.wasi".to_owned()));
    // Two keys belong to specific kinds.
    for key in SECRET.known.iter().map(|key| key.name).filter(|key| !["github-app", "oauth2"].contains(key)) {
        let given = ["provider = \"dev\"", "operations = [\"sign\"]"];
        let others: Vec<_> = given.into_iter().filter(|line| !line.starts_with(key)).collect();
        let entry = format!("{}\n{key} = 1.5", others.join("\n"));
        cases.push((with_secret(&entry), format!("secrets.token.{key}")));
    }
    for (text, key) in cases {
        let error = refused(&text);
        assert!(error.contains(&format!("'{key}' is a floating-point number")), "{text}: {error}");
    }
}

#[test]
fn missing_keys_are_named() {
    let cases = [
        ("[providers.p]\n", "1:1: 'providers.p.type' is missing\nhelp: add 'type'"),
        ("[providers.p]\ntype = \"dotenv\"", "1:1: 'providers.p.path' is missing\nhelp: add 'path'"),
        (&with_secret(""), "4:1: 'secrets.token.provider' is missing\nhelp: add 'provider'"),
        (&with_secret("provider = \"dev\""), "4:1: 'secrets.token.operations' is missing\nhelp: add 'operations'"),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn values_of_wrong_type_are_refused() {
    let cases = [
        ("agent = 1", "1:9: 'agent' is an integer, expected a table\nhelp: write a table of keys and values"),
        ("[agent]\nid = true", "2:6: 'agent.id' is a boolean, expected a string\nhelp: put the value in quotes"),
        ("secrets = []", "1:11: 'secrets' is a list, expected a table\nhelp: write a table of keys and values"),
        ("[[secrets]]", "1:1: 'secrets' is a list, expected a table\nhelp: write a table of keys and values"),
        (
            "providers = { dev = \"dotenv\" }",
            "1:21: 'providers.dev' is a string, expected a table\nhelp: write a table of keys and values",
        ),
        (
            &with_secret("provider = \"dev\"\noperations = \"sign\""),
            "6:14: 'secrets.token.operations' is a string, expected a list\n\
             help: put the values in brackets, even a single one",
        ),
        (
            &with_secret("provider = \"dev\"\noperations = [\"sign\", 1]"),
            "6:23: 'secrets.token.operations[1]' is an integer, expected a string\nhelp: put the value in quotes",
        ),
        (
            &with_secret("provider = \"dev\"\noperations = [\"sign\"]\nttl = 900"),
            "7:7: 'secrets.token.ttl' is an integer, expected a string\nhelp: put the value in quotes",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn invalid_values_are_refused() {
    let name = "a name is made of a-z, 0-9, '.', '_', '-' and '/': byte 0 is invalid";
    let cases = [
        ("[agent]\nid = \"A\"", format!("2:6: 'agent.id': {name}")),
        ("[providers.Dev]", format!("1:12: 'providers.Dev': {name}")),
        ("[secrets.\"\"]", "1:10: 'secrets.\"\"': a name has at least 1 character".to_owned()),
        (
            "[providers.dev]\ntype = \"env\"",
            "2:8: 'providers.dev.type': unknown provider type\nhelp: supported types are \"dotenv\" and \"vault\""
                .to_owned(),
        ),
        ("[providers.dev]\ntype = \"dotenv\"\npath = \"\"", "3:8: 'providers.dev.path': must not be empty".to_owned()),
        (
            "[pal]\nrepeats = \"some\"",
            "2:11: 'pal.repeats': invalid value\nhelp: use \"each\" or \"counted\"".to_owned(),
        ),
        (
            "[runtime]\nwasi = \"all\"",
            "2:8: 'runtime.wasi': invalid value\nhelp: use \"inert\" or \"strict\"".to_owned(),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn invalid_secrets_are_refused() {
    let sign = "provider = \"dev\"\noperations = [\"sign\"]\n";
    let cases = [
        (
            "provider = \"dve\"".to_owned(),
            "5:12: 'secrets.token.provider': unknown provider\nhelp: did you mean 'dev'?",
        ),
        (
            "provider = \"ci/x\"".to_owned(),
            "5:12: 'secrets.token.provider': unknown provider\n\
             help: add the table [providers.\"ci/x\"]",
        ),
        (
            "provider = \"dev\"\noperations = [\"sign\", \"get\"]".to_owned(),
            "6:23: 'secrets.token.operations[1]': an operation is one of 'seal', 'sign', 'reveal', 'refresh'",
        ),
        (
            "provider = \"dev\"\noperations = [\"seal\"]\ndestinations = [\n  \"api.github.com\" ]".to_owned(),
            "8:3: 'secrets.token.destinations[0]': a destination is a URL such as https://api.example.com/v1",
        ),
        (
            "provider = \"dev\"\noperations = [\"seal\"]".to_owned(),
            "4:1: 'secrets.token': the secret has the operation 'seal' without a destination: \
             name where the secret may be sent",
        ),
        (
            format!("{sign}ttl = \"15\""),
            "7:7: 'secrets.token.ttl': a duration is an integer and a unit (ms, s, m, h, d), such as 15m",
        ),
        (format!("{sign}ttl = \"0s\""), "7:7: 'secrets.token.ttl': must be greater than zero"),
        (format!("{sign}ttl = \"31d\""), "7:7: 'secrets.token.ttl': must be at most 30d"),
        (
            format!("{sign}scope = \"world\""),
            "7:9: 'secrets.token.scope': a scope is one of 'task', 'skill', 'tool', 'agent', 'node'",
        ),
        (
            format!("{sign}when-leaked = \"fial\""),
            "7:15: 'secrets.token.when-leaked': invalid value\n\
             help: did you mean \"fail\"?",
        ),
        (
            format!("{sign}when-leaked = \"mask\""),
            "7:15: 'secrets.token.when-leaked': invalid value\n\
             help: use \"replace\", \"fail\" or \"ignore\"",
        ),
        (
            format!("{sign}skills = [\"sha256:0\"]"),
            "7:11: 'secrets.token.skills[0]': a skill's digest is 'sha256:' and 64 digits of 0-9 and a-f",
        ),
        (
            format!("{sign}skills = []"),
            "7:10: 'secrets.token.skills': an empty list permits no skill\n\
             help: omit 'skills' to permit every skill",
        ),
    ];
    for (entry, expected) in cases {
        assert_eq!(refused(&with_secret(&entry)), expected, "{entry}");
    }
}

#[test]
fn toml_syntax_error_is_refused() {
    let text = "[secrets.a]\nprovider = \"dev\"\n[secrets.a]\n";
    let expected = "3:10: not valid TOML: duplicate key\nhelp: fix this error; the rest of the file was not checked";
    assert_eq!(refused(text), expected);
}

#[test]
fn file_others_can_write_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("any-name");
    fs::write(&path, WHOLE).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let env = ProviderKind::Dotenv { path: folder.path().join(".env") };
    assert_eq!(FarToml::read(&path).unwrap().providers[0].kind, env);

    fs::set_permissions(&path, Permissions::from_mode(0o664)).unwrap();
    assert!(matches!(FarToml::read(&path), Err(ConfigError::Writable { mode: 0o664, .. })));
}
