//! Components with misleading content or unsupported imports.

use far_component::MAX_DEPTH;
use far_component::review::{ComponentSummary, FindingId, Import, findings};
use far_core::SkillDigest;
use far_core::pal::Pal;
use far_runtime::{End, Runtime, Task, Wasi};
use serde_json::{Value, json};

use super::Case;
use super::summary::{probe_on, summarize};
use super::trial::Trial;
use crate::host::results;
use crate::{TestHost, guests};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = imports();
    cases.extend(declarations());
    cases.extend(damaged());
    cases
}

fn imports() -> Vec<Case> {
    let loads = || Trial::new("loaded", || load(std::fs::read(guests::PROBE).unwrap()));
    vec![
        Case {
            id: "47-core-module",
            description: "a core module instead of a component",
            attack: Trial::new("refused core-module", || load(b"\0asm\x01\0\0\0".to_vec())),
            twin: loads(),
        },
        Case {
            id: "47-wrong-world",
            description: "a component without a 'run' export",
            attack: Trial::new("refused wrong-world", || text("(component)")),
            twin: loads(),
        },
        Case {
            id: "47-unknown-import",
            description: "an import that the host does not implement",
            attack: Trial::new("refused unknown-import", || {
                text(r#"(component (import "wasi:nn/inference@0.2.0" (instance)))"#)
            }),
            twin: loads(),
        },
        Case {
            id: "47-unlinked-interface",
            description: "an unsupported interface of a supported package, accepted by a review or by the host",
            attack: Trial::new("unknown to both", || both("wasi:cli/run@0.2.0")),
            twin: Trial::new("known to both", || both("wasi:cli/environment@0.2.0")),
        },
        Case {
            id: "47-other-version",
            description: "'reveal' under another version, to bypass the check of its grant",
            attack: Trial::new("refused unknown-import", || {
                text(r#"(component (import "tinkerbell:skill/reveal@0.1.9" (instance)))"#)
            }),
            twin: loads(),
        },
        Case {
            id: "47-reveal",
            description: "an import of 'reveal' by a task without that grant",
            attack: Trial::new("refused reveal, 0 calls", || revealing(&["alpha:sign"])),
            twin: Trial::new("completed [], 0 calls", || revealing(&["alpha:reveal"])),
        },
        Case {
            id: "47-strict-wasi",
            description: "imports of files and sockets under strict WASI",
            attack: Trial::new("refused strict-wasi", || strict(guests::PROBE)),
            twin: Trial::new("loaded", || strict(guests::REQUIRED)),
        },
        Case {
            id: "42-too-many-parts",
            description: "a component with more instances than a slot of the pool",
            attack: Trial::new("refused component-limits", || parts(33)),
            twin: Trial::new("refused wrong-world", || parts(32)),
        },
        Case {
            id: "47-machine",
            description: "the machine's files, sockets, name lookups, environment and arguments",
            attack: Trial::new("nothing", machine),
            twin: Trial::new("completed [ok], 0 calls", || plain(json!([{ "do": "identity" }]))),
        },
    ]
}

fn declarations() -> Vec<Case> {
    let twin = || Trial::new("loaded", || nested(DOCUMENT, None));
    vec![
        Case {
            id: "59-two-declarations",
            description: "a second declaration, in a nested component",
            attack: Trial::new("refused invalid-declaration", || nested(DOCUMENT, Some(DOCUMENT))),
            twin: twin(),
        },
        Case {
            id: "59-joined-declarations",
            description: "a second declaration after the first, as a linker concatenates them",
            attack: Trial::new("refused invalid-declaration", || {
                load(std::fs::read(guests::TWO_DECLARATIONS).unwrap())
            }),
            twin: twin(),
        },
        Case {
            id: "59-doubled-key",
            description: "a declaration with a duplicate key, which readers resolve differently",
            attack: Trial::new("refused invalid-declaration", || {
                nested(r#"{"name":"a","name":"b","version":"1","description":"","secrets":[]}"#, None)
            }),
            twin: twin(),
        },
        Case {
            id: "59-doubled-schema-key",
            description: "an input schema with a duplicate key, which readers resolve differently",
            attack: Trial::new("refused invalid-declaration", || {
                nested(
                    r#"{"name":"a","version":"1","description":"","input-schema":{"type":"string","type":"null"}}"#,
                    None,
                )
            }),
            twin: twin(),
        },
        Case {
            id: "59-unseen-text",
            description: "a description with invisible characters",
            attack: Trial::new("a finding", || async { described("signs\u{ad} a hook\u{e0100}") }),
            twin: Trial::new("no finding", || async { described("signs a hook") }),
        },
        Case {
            id: "59-stacked-marks",
            description: "a description whose combining marks cover the lines around it",
            attack: Trial::new("a finding", || async { described("e\u{301}\u{302}\u{303}\u{304}\u{305}") }),
            twin: Trial::new("no finding", || async { described("e\u{301}\u{302}") }),
        },
        Case {
            id: "59-own-scope",
            description: "a declaration that sets an option of the operator",
            attack: Trial::new("refused invalid-declaration", || {
                nested(r#"{"name":"a","version":"1","description":"","secrets":[],"scope":"agent"}"#, None)
            }),
            twin: twin(),
        },
    ]
}

fn damaged() -> Vec<Case> {
    vec![
        Case {
            id: "48-flipped-byte",
            description: "a component with one changed byte, at forty positions",
            attack: Trial::new("never a host error, never the same skill", flipped),
            twin: Trial::new("completed, 2 calls", whole),
        },
        Case {
            id: "48-nesting",
            description: "deeply nested components, to cost a compiler gigabytes",
            attack: Trial::new("refused invalid-declaration", || deep(MAX_DEPTH + 1)),
            twin: Trial::new("refused wrong-world", || deep(MAX_DEPTH)),
        },
    ]
}

/// Compares a review with the host: whether each supports an imported interface.
async fn both(name: &str) -> String {
    let component = wat::parse_str(format!("(component (import {name:?} (instance)))")).unwrap();
    let reviewed = ComponentSummary::read(&component).unwrap().imports.iter().all(Import::is_served);
    let known = |known| if known { "known" } else { "unknown" };
    match (known(reviewed), known(load(component).await == "refused wrong-world")) {
        (review, host) if review == host => format!("{review} to both"),
        (review, host) => format!("{review} to a review, {host} to the host"),
    }
}

/// Reviews a component with this description in its declaration.
fn described(description: &str) -> String {
    let declaration = json!({ "name": "nested", "version": "1", "description": description, "secrets": [] });
    let section = format!("(@custom \"tinkerbell:skill\" \"{}\")", declaration.to_string().replace('"', "\\22"));
    let component = wat::parse_str(EMPTY.replace("SECTIONS", &section)).unwrap();
    let found = findings(&ComponentSummary::read(&component).unwrap());
    let found = found.iter().any(|finding| finding.id == FindingId::HostileText);
    if found { "a finding" } else { "no finding" }.to_owned()
}

async fn load(component: Vec<u8>) -> String {
    match TestHost::new().runtime.load(component).await {
        Ok(_) => "loaded".to_owned(),
        Err(error) => format!("refused {}", error.kind()),
    }
}

async fn strict(guest: &str) -> String {
    let runtime =
        Runtime::builder("strict".parse().unwrap(), Pal::builder().build()).wasi(Wasi::Strict).build().unwrap();
    match runtime.load(std::fs::read(guest).unwrap()).await {
        Ok(_) => "loaded".to_owned(),
        Err(error) => format!("refused {}", error.kind()),
    }
}

async fn parts(instances: usize) -> String {
    text(&format!("(component (core module $m) {})", "(core instance (instantiate $m))".repeat(instances))).await
}

async fn text(component: &str) -> String {
    load(wat::parse_str(component).unwrap()).await
}

async fn revealing(grants: &[&str]) -> String {
    probe_on(&TestHost::new(), guests::PROBE_REVEALING, grants, json!([])).await
}

async fn plain(steps: Value) -> String {
    probe_on(&TestHost::new(), guests::PROBE, &[], steps).await
}

/// Runs a probe that looks for the machine's resources, including a listening server.
async fn machine() -> String {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    let report = TestHost::new().probe(guests::PROBE, &[], json!([{ "do": "env", "address": address }])).await;
    let results = results(&report);
    let found = results[0]["ok"].as_object().unwrap();
    let nothing = |value: &Value| value == &json!(0) || value == &json!(false);
    let found: Vec<_> =
        found.iter().filter(|(_, value)| !nothing(value)).map(|(description, _)| description.as_str()).collect();
    if found.is_empty() { "nothing".to_owned() } else { found.join(", ") }
}

const DOCUMENT: &str = r#"{"name":"nested","version":"1","description":"","secrets":[]}"#;

/// Loads a component with a declaration and perhaps a nested one.
async fn nested(outer: &str, inner: Option<&str>) -> String {
    let section = |document: &str| format!("(@custom \"tinkerbell:skill\" {:?})", document);
    let inner = inner.map(|document| format!("(component {})", section(document))).unwrap_or_default();
    text(&EMPTY.replace("SECTIONS", &format!("{} {inner}", section(outer)))).await
}

/// A minimal skill.
const EMPTY: &str = r#"(component SECTIONS
    (core module $m
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 8))
        (func (export "run") (param i32 i32) (result i32) (i32.const 0)))
    (core instance $i (instantiate $m))
    (func $run (param "input" (list u8)) (result (result (list u8) (error string)))
        (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
    (export "run" (func $run)))"#;

async fn deep(levels: usize) -> String {
    let component = (1..levels).fold("(component)".to_owned(), |inner, _| format!("(component {inner})"));
    text(&component).await
}

const GRANTS: [&str; 2] = ["alpha:sign", "beta:sign"];

async fn whole() -> String {
    let host = TestHost::new();
    let report = host.run(guests::REQUIRED, &GRANTS, &json!({})).await;
    summarize(&host, &report)
}

async fn flipped() -> String {
    let host = TestHost::new();
    let whole = std::fs::read(guests::REQUIRED).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x41;
        let Ok(skill) = host.runtime.load(damaged).await else { continue };
        if skill.digest() == SkillDigest::of(&whole) {
            return format!("byte {at}: the same skill");
        }
        let task = Task::new(&skill).with_input("{}");
        let task = GRANTS.iter().fold(task, |task, grant| task.with_grant(grant.parse().unwrap()));
        if host.runtime.run(task).await.end == End::HostError {
            return format!("byte {at}: a host error");
        }
    }
    "never a host error, never the same skill".to_owned()
}
