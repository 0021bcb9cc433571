//! Valid and invalid task files, in both formats.

use std::fs;

use far_core::capability::Operation;

use super::*;
use crate::config::content::render;

const TOML: &str = r#"
skill = "hook.wasm"
[input]
b = [1, 2.5]
a = "x"
[[grants]]
secret = "github-token"
operations = ["seal"]
destinations = ["https://api.github.com"]
versions = ["3", "4"]
max-uses = 5
expires = "10m"
[[grants]]
secret = "hook-secret"
operations = ["sign", "reveal"]
versions = "any"
[limits]
timeout = "1500ms"
memory = "128MiB"
input = 4096
output = "64KiB"
log = "1B"
host-calls = 1000
records = 500
"#;

const JSON: &str = r#"{
  "skill": "hook.wasm",
  "input": { "b": [1, 2.50], "a": "x" },
  "grants": [
    {
      "secret": "github-token", "operations": ["seal"], "destinations": ["https://api.github.com"],
      "versions": ["3", "4"], "max-uses": 5, "expires": "10m"
    },
    { "secret": "hook-secret", "operations": ["sign", "reveal"], "versions": "any" }
  ],
  "limits": {
    "timeout": "1500ms", "memory": "128MiB", "input": 4096, "output": "64KiB", "log": "1B", "host-calls": 1000,
    "records": 500
  }
}"#;

fn parse(text: &str, format: Format) -> Result<TaskFile, ConfigError> {
    TaskFile::of(&Source::new(Path::new("/tasks/task"), text.to_owned(), format))
}

fn input(text: &str, format: Format) -> String {
    String::from_utf8(parse(text, format).unwrap().input.unwrap()).unwrap()
}

fn refused(text: &str, format: Format) -> String {
    render(&parse(text, format).unwrap_err()).replace("/tasks/task:", "")
}

#[test]
fn both_formats_are_equivalent() {
    for (text, format) in [(TOML, Format::Toml), (JSON, Format::Json)] {
        let task = parse(text, format).unwrap();
        assert_eq!(task.skill.unwrap(), Path::new("/tasks/hook.wasm"));
        let [github, hook] = &task.grants[..] else { panic!("two grants are granted") };
        assert_eq!(github.secret().as_str(), "github-token");
        assert_eq!(github.terms().destinations()[0].as_str(), "https://api.github.com");
        let versions = ["3", "4"].map(|version| Version::parse(version).unwrap()).to_vec();
        assert_eq!(github.versions(), &VersionRule::Listed(versions));
        assert_eq!(github.max_uses(), NonZeroU32::new(5));
        assert_eq!(github.expires_in(), Some(Duration::from_secs(600)));
        let operations: Vec<_> = hook.terms().operations().iter().collect();
        assert_eq!(operations, [Operation::Sign, Operation::Reveal]);
        assert_eq!((hook.versions(), hook.max_uses(), hook.expires_in()), (&VersionRule::Any, None, None));
        let limits = LimitsConfig {
            timeout: Some(Duration::from_millis(1500)),
            memory: Some(128 * 1024 * 1024),
            input: Some(4096),
            output: Some(64 * 1024),
            log: Some(1),
            host_calls: Some(1000),
            records: Some(500),
            ..LimitsConfig::default()
        };
        assert_eq!(task.limits, limits);
    }
}

#[test]
fn every_key_is_optional() {
    for (text, format) in [("", Format::Toml), ("{}", Format::Json)] {
        let task = parse(text, format).unwrap();
        assert!(task.skill.is_none() && task.input.is_none() && task.grants.is_empty());
        assert_eq!(task.limits, LimitsConfig::default());
    }
    let grant = "[[grants]]\nsecret = \"a\"\noperations = [\"sign\"]";
    for text in [grant.to_owned(), format!("{grant}\nversions = \"current\"")] {
        assert_eq!(parse(&text, Format::Toml).unwrap().grants[0].versions(), &VersionRule::Current);
    }
}

#[test]
fn input_is_json_in_both_formats() {
    assert_eq!(input(TOML, Format::Toml), r#"{"a":"x","b":[1,2.5]}"#);
    assert_eq!(input(JSON, Format::Json), r#"{ "b": [1, 2.50], "a": "x" }"#);
    assert_eq!(input("input = 'say \"x\"'", Format::Toml), r#""say \"x\"""#);
    assert_eq!(input("input = 7", Format::Toml), "7");
    assert_eq!(input("{\"input\": null}", Format::Json), "null");
    assert_eq!(input("{\"input\": 18446744073709551615}", Format::Json), "18446744073709551615");
    assert_eq!(refused("input = { a = [inf] }", Format::Toml), "1:16: 'input': the number has no JSON representation");
}

#[test]
fn requests_have_destinations_and_limits() {
    let text = "egress = ['https://a.example', 'GET https://b.example/c']\n\
                [limits]\nrequests = 5\nrequest-body = '1KiB'\nresponse-body = 7\n";
    let task = parse(text, Format::Toml).unwrap();
    let egress: Vec<_> = task.egress.iter().map(|destination| destination.as_str()).collect();
    assert_eq!(egress, ["https://a.example", "GET https://b.example/c"]);
    let limits =
        LimitsConfig { requests: Some(5), request_body: Some(1024), response_body: Some(7), ..LimitsConfig::default() };
    assert_eq!(task.limits, limits);
    let error = refused("egress = ['a.example']", Format::Toml);
    assert!(error.starts_with("1:11: 'egress[0]': a destination is a URL"), "{error}");
}

#[test]
fn errors_are_located_in_both_formats() {
    let expected = "unknown key 'grants[1].operation'\nhelp: did you mean 'operations'?";
    let text = TOML.replace("operations = [\"sign\"", "operation = [\"sign\"");
    assert_eq!(refused(&text, Format::Toml), format!("15:1: {expected}"));
    let text = JSON.replace("\"operations\": [\"sign\"", "\"operation\": [\"sign\"");
    assert_eq!(refused(&text, Format::Json), format!("9:32: {expected}"));
}

#[test]
fn keys_of_later_versions_are_refused() {
    let later = |place: &str, key: &str| {
        format!(
            "{place}: '{key}' is not supported by this version of far\n\
             help: remove the key: it would have no effect"
        )
    };
    for key in GRANT.later {
        let text = format!("[[grants]]\n{key} = 1");
        assert_eq!(refused(&text, Format::Toml), later("2:1", &format!("grants[0].{key}")));
    }
    assert_eq!(
        refused("skill = \"sha256:00\"", Format::Toml),
        "1:9: 'skill' has a value that is not supported by this version of far\n\
         help: use the path of the component instead of its digest"
    );
}

#[test]
fn every_known_key_is_read() {
    let mut cases = vec![("skill = 1.5".to_owned(), "skill".to_owned())];
    for key in GRANT.known.iter().map(|key| key.name) {
        let given = ["secret = \"a\"", "operations = [\"sign\"]"];
        let others: Vec<_> = given.into_iter().filter(|line| !line.starts_with(key)).collect();
        cases.push((format!("[[grants]]\n{}\n{key} = 1.5", others.join("\n")), format!("grants[0].{key}")));
    }
    for key in LIMITS.known.iter().map(|key| key.name) {
        cases.push((format!("[limits]\n{key} = 1.5"), format!("limits.{key}")));
    }
    for (text, key) in cases {
        let error = refused(&text, Format::Toml);
        assert!(error.contains(&format!("'{key}' is a floating-point number")), "{text}: {error}");
    }
}

#[test]
fn documented_defaults_are_those_of_runtime() {
    let line = |key: &Key| match key.form {
        Form::Integer(_) => format!("{} = {}\n", key.name, key.default),
        _ => format!("{} = \"{}\"\n", key.name, key.default),
    };
    let lines: String = LIMITS.known.iter().map(line).collect();
    let limits = parse(&format!("[limits]\n{lines}"), Format::Toml).unwrap().limits;
    let (defaults, load) = (Limits::default(), LoadLimits::default());
    let expected = LimitsConfig {
        timeout: Some(defaults.timeout),
        memory: Some(defaults.memory as u64),
        input: Some(defaults.input as u64),
        output: Some(defaults.output as u64),
        log: Some(defaults.log as u64),
        host_calls: Some(defaults.host_calls),
        records: Some(defaults.records),
        requests: Some(defaults.requests as u64),
        request_body: Some(defaults.request_body as u64),
        response_body: Some(defaults.response_body as u64),
        load_timeout: Some(load.timeout),
        load_memory: Some(load.memory),
    };
    assert_eq!(limits, expected);
}

#[test]
fn invalid_grants_are_refused() {
    let sign = "secret = \"a\"\noperations = [\"sign\"]\n";
    let cases = [
        ("".to_owned(), "1:1: 'grants[0].secret' is missing\nhelp: add 'secret'"),
        ("secret = \"a\"".to_owned(), "1:1: 'grants[0].operations' is missing\nhelp: add 'operations'"),
        ("secret = \"a/\"".to_owned(), "2:10: 'grants[0].secret': a name starts and ends with a letter or a digit"),
        (
            "secret = \"a\"\noperations = []".to_owned(),
            "1:1: 'grants[0]': the grant names no operation: \
             name at least one of 'seal', 'sign', 'reveal', 'refresh'",
        ),
        (
            format!("{sign}versions = \"3\""),
            "4:12: 'grants[0].versions': must be \"current\", \"any\" or a list of versions",
        ),
        (
            format!("{sign}versions = [\"a b\"]"),
            "4:13: 'grants[0].versions[0]': a version has 1 to 128 visible ASCII characters",
        ),
        (
            format!("{sign}versions = 3"),
            "4:12: 'grants[0].versions' is an integer, expected a string or a list\n\
             help: write \"current\", \"any\", or a list of versions",
        ),
        (
            format!("{sign}max-uses = \"5\""),
            "4:12: 'grants[0].max-uses' is a string, expected an integer\nhelp: write digits, without quotes",
        ),
        (format!("{sign}max-uses = 0"), "4:12: 'grants[0].max-uses': must be greater than zero"),
        (format!("{sign}max-uses = -1"), "4:12: 'grants[0].max-uses': must be greater than zero"),
        (format!("{sign}max-uses = 4294967296"), "4:12: 'grants[0].max-uses': must be at most 4294967295"),
        (format!("{sign}expires = \"0m\""), "4:11: 'grants[0].expires': must be greater than zero"),
        (
            format!("{sign}[[grants]]\n{sign}"),
            "5:10: 'grants[1].secret': duplicate grant for this secret\nhelp: merge the two grants",
        ),
    ];
    for (entry, expected) in cases {
        assert_eq!(refused(&format!("[[grants]]\n{entry}"), Format::Toml), expected, "{entry}");
    }
}

#[test]
fn no_limit_is_zero_or_unlimited() {
    let time = "a duration is an integer and a unit (ms, s, m, h, d), such as 15m";
    let size = "a size is an integer and a unit (B, KiB, MiB), such as 64MiB";
    let cases = [
        ("timeout", "\"0s\"", "must be greater than zero"),
        ("timeout", "\"25h\"", "must be at most 24h"),
        ("timeout", "\"unlimited\"", time),
        ("memory", "0", "must be greater than zero"),
        ("memory", "-1", "must be greater than zero"),
        ("memory", "\"1025MiB\"", "must be at most 1024MiB"),
        ("input", "\"0KiB\"", "must be greater than zero"),
        ("output", "\"1GB\"", size),
        ("log", "9223372036854775807", "must be at most 1024MiB"),
        ("host-calls", "0", "must be greater than zero"),
        ("host-calls", "1000000000001", "must be at most 1000000000000"),
        ("records", "0", "must be greater than zero"),
        ("records", "1000000000001", "must be at most 1000000000000"),
    ];
    for (key, value, message) in cases {
        let column = key.len() + 4;
        let expected = format!("2:{column}: 'limits.{key}': {message}");
        assert_eq!(refused(&format!("[limits]\n{key} = {value}"), Format::Toml), expected);
    }
    assert_eq!(
        refused("{\"limits\": {\"memory\": null}}", Format::Json),
        "1:23: 'limits.memory' is null, expected a size\n\
         help: write a size such as \"64MiB\", or a number of bytes"
    );
}

#[test]
fn syntax_errors_are_refused() {
    let help = "help: fix this error; the rest of the file was not checked";
    assert_eq!(refused("{\"skill\": \"a\",}", Format::Json), format!("1:15: not valid JSON: trailing comma\n{help}"));
    assert_eq!(
        refused("{\"skill\": \"a\",\n \"skill\": \"b\"}", Format::Json),
        "2:2: duplicate key \"skill\"\nhelp: remove one of the two"
    );
    assert_eq!(
        refused("{\"input\": {\"a\": 1, \"a\": 2}}", Format::Json),
        "1:20: duplicate key \"a\"\nhelp: remove one of the two"
    );
    assert_eq!(
        refused("[]", Format::Json),
        "1:1: the document is a list, expected a table\nhelp: write a table of keys and values"
    );
    assert_eq!(
        refused("skill = a", Format::Toml).lines().next().unwrap(),
        "1:9: not valid TOML: string values must be quoted, expected literal string"
    );
}

#[test]
fn extension_selects_format() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("task.toml", TOML), ("task.json", JSON)] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        assert_eq!(TaskFile::read(&path).unwrap().skill.unwrap(), folder.path().join("hook.wasm"));
    }
    let error = TaskFile::read(Path::new("task.yaml")).unwrap_err();
    let expected = "'task.yaml' is neither a .toml nor a .json file\nhelp: rename the file to end in .toml or .json";
    assert_eq!(render(&error), expected);
}

#[test]
fn grant_placements_are_read() {
    let grant = |more: &str| {
        format!("[[grants]]\nsecret = 'a'\noperations = ['seal']\ndestinations = ['https://a.example']\n{more}")
    };
    let placements = |text: &str| {
        let task = parse(text, Format::Toml).unwrap();
        task.grants[0].terms().placements().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(placements(&grant("")), ["authorization"]);
    assert_eq!(placements(&grant("placements = ['header:x-key', 'query:k']")), ["header:x-key", "query:k"]);
    let error = refused(&grant("placements = ['header:Host']"), Format::Toml);
    assert!(error.starts_with("5:15: 'grants[0].placements[0]': a placement's header has a name"), "{error}");
    let error = refused(&grant("placements = []"), Format::Toml);
    assert!(error.contains("the grant names no placement"), "{error}");
    let error = refused("[[grants]]\nsecret = 'a'\noperations = ['sign']\nplacements = ['query:k']", Format::Toml);
    assert!(error.contains("has a placement without the operation 'seal'"), "{error}");
}

#[test]
fn bounds_are_written_as_their_values() {
    assert_eq!(units::duration(MAX_TIMEOUT.text, &MAX_TIMEOUT), Ok(Limits::MAX.timeout));
    assert_eq!(units::size(MAX_SIZE.text, &MAX_SIZE), Ok(MAX_SIZE.value));
    for (max, value) in [(MAX_HOST_CALLS, Limits::MAX.host_calls), (MAX_REQUESTS, Limits::MAX.requests as u64)] {
        assert_eq!(max.text.parse(), Ok(value));
    }
    let Limits { memory, input, output, log, request_body, response_body, .. } = Limits::MAX;
    assert!([input, output, log, request_body, response_body].iter().all(|size| *size == memory));
}

#[test]
fn oversized_input_is_refused() {
    let text = "input = { text = '0123456789' }\nlimits.input = 20\n";
    let expected = "1:9: 'input': has 21 bytes, limit is 20\nhelp: raise 'input' under [limits], or reduce the input";
    assert_eq!(refused(text, Format::Toml), expected);
    assert!(parse(&text.replace("20", "21"), Format::Toml).is_ok());
}

/// Returns the shortest of three times to read `grants` grants.
fn time_of(grants: usize) -> Duration {
    let text: String = (0..grants).map(|n| format!("[[grants]]\nsecret='a{n}'\noperations=['sign']\n")).collect();
    let read = || {
        let start = std::time::Instant::now();
        assert_eq!(parse(&text, Format::Toml).unwrap().grants.len(), grants);
        start.elapsed()
    };
    [read(), read(), read()].into_iter().min().unwrap()
}

#[test]
fn reading_grants_takes_linear_time() {
    let (half, whole) = (time_of(10_000), time_of(20_000));
    assert!(whole < half * 3, "{half:?} for 10,000, {whole:?} for 20,000");
}
