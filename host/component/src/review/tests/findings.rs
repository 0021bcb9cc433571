//! A test case for each kind of finding.

use super::{HTTP, REVEAL, SEALED, SIGNING, Skill};
use crate::review::{FindingId, ImportKind, World, findings};

fn found(skill: &Skill) -> Vec<(FindingId, String)> {
    findings(&skill.summary()).into_iter().map(|finding| (finding.id, finding.subject)).collect()
}

fn sealing(destination: &str) -> Skill {
    let secret = format!(r#"{{"name":"key","operations":["seal"],"destinations":["{destination}"],"reason":"r"}}"#);
    Skill::new().without(SIGNING[1]).imports([SEALED]).secrets(&secret)
}

/// Returns a component with this finding, and the subject of the finding.
fn with(id: FindingId) -> (Skill, &'static str) {
    let skill = Skill::new();
    let revealing = skill.clone().imports([REVEAL]).secrets(r#"{"name":"key","operations":["reveal"],"reason":"r"}"#);
    let reason =
        |reason: &str| Skill::new().secrets(&format!(r#"{{"name":"key","operations":["sign"],"reason":"{reason}"}}"#));
    match id {
        FindingId::RevealWithEgress => (revealing.imports([HTTP]), "the component"),
        FindingId::RevealUndeclared => (skill.imports([REVEAL]), REVEAL),
        FindingId::UnknownImport => (skill.imports(["evil:door/open@1.0.0"]), "evil:door/open@1.0.0"),
        FindingId::NoRunExport => (skill.rest(""), "run"),
        FindingId::NoDeclaration => (skill.undeclared(), "the component"),
        FindingId::Reveal => (revealing, "key"),
        FindingId::WildcardHost => (sealing("GET https://*.example.com/v1"), "key"),
        FindingId::MissingImport => (skill.without(SIGNING[1]), "key"),
        FindingId::HostileText => (reason("a\\u202eb"), "the reason of 'key'"),
        FindingId::UnusedImport => (skill.imports([SEALED]), SEALED),
        FindingId::WasiFiles => (skill.imports(["wasi:filesystem/types@0.2.6"]), "wasi:filesystem/types@0.2.6"),
        FindingId::WasiSockets => (skill.imports(["wasi:sockets/tcp@0.2.6"]), "wasi:sockets/tcp@0.2.6"),
        FindingId::NoReason => (reason(" "), "key"),
        FindingId::LongText => (reason(&"a".repeat(501)), "the reason of 'key'"),
        FindingId::ExtraExport => {
            (skill.rest(&format!("{} (instance $e) (export \"more\" (instance $e))", super::RUN)), "more")
        }
        FindingId::OutgoingHttp => (skill.imports([HTTP]), HTTP),
        FindingId::AnyPath => (sealing("GET https://a.example"), "key"),
        FindingId::AnyMethod => (sealing("https://a.example/v1"), "key"),
        FindingId::OptionalSecret => {
            (skill.secrets(r#"{"name":"key","operations":["sign"],"reason":"r","optional":true}"#), "key")
        }
    }
}

#[test]
fn plain_skill_has_no_findings() {
    assert_eq!(found(&Skill::new()), []);
}

#[test]
fn every_finding_is_found() {
    for &(id, text, severity) in FindingId::TABLE {
        let (skill, subject) = with(id);
        let findings = findings(&skill.summary());
        let finding = findings.iter().find(|finding| finding.id == id);
        let finding = finding.unwrap_or_else(|| panic!("{text} is not among {findings:?}"));
        assert_eq!((&*finding.subject, finding.severity()), (subject, severity), "{text}");
        assert!(findings.is_sorted_by(|one, other| one.severity() >= other.severity()), "{text}");
    }
}

#[test]
fn near_miss_is_not_a_finding() {
    // Each component differs from one with the finding in a single detail.
    let cases = [
        (Skill::new().imports([HTTP]), FindingId::RevealWithEgress),
        (with(FindingId::Reveal).0, FindingId::RevealUndeclared),
        (with(FindingId::Reveal).0, FindingId::RevealWithEgress),
        (Skill::new().imports(["wasi:io/streams@0.2.6"]), FindingId::UnknownImport),
        (Skill::new().undeclared().without(SIGNING[0]).without(SIGNING[1]), FindingId::NoDeclaration),
        (sealing("GET https://a.example/v1"), FindingId::WildcardHost),
        (sealing("GET https://a.example/v1"), FindingId::AnyPath),
        (sealing("GET https://a.example/v1"), FindingId::AnyMethod),
        (sealing("GET https://a.example/v1"), FindingId::UnusedImport),
        (Skill::new().secrets(r#"{"name":"key","operations":["sign"],"reason":"a\n\tb"}"#), FindingId::HostileText),
    ];
    for (skill, id) in cases {
        assert!(!found(&skill).iter().any(|(found, _)| *found == id), "{id}");
    }
}

#[test]
fn hostile_text_is_found_in_every_field() {
    let document = |version: &str, description: &str, schema: &str| {
        let schema = format!(r#"{{"a":["{schema}"],"{schema}":1}}"#);
        format!(r#"{{"name":"hook","version":"{version}","description":"{description}","input-schema":{schema}}}"#)
    };
    let none = |declaration: String| Skill::new().declares(&declaration);
    for (declaration, subject) in [
        (document("\\u001b[2J", "", ""), "the version"),
        (document("1", "\\u200b", ""), "the description"),
        (document("1", "", "\\ufeff"), "the input schema"),
    ] {
        assert!(found(&none(declaration)).contains(&(FindingId::HostileText, subject.to_owned())), "{subject}");
    }
}

#[test]
fn imports_and_exports_determine_world() {
    let revealing = Skill::new().imports([REVEAL]);
    let cases = [
        (Skill::new(), World::Skill),
        (Skill::new().imports([SEALED, HTTP, "wasi:sockets/tcp@0.2.6"]), World::Skill),
        (revealing.clone(), World::SkillRevealing),
        (revealing.imports(["a:b/c@1.0.0"]), World::Other),
        (Skill::new().rest(""), World::Other),
    ];
    for (skill, world) in cases {
        assert_eq!(skill.summary().world(), world);
        assert_eq!(world.as_str().parse(), Ok(world));
    }
}

#[test]
fn run_of_other_type_is_rejected() {
    for (from, to) in [
        (r#"(param "input" (list u8))"#, r#"(param "input" string)"#),
        (r#"(result (result (list u8) (error string)))"#, r#"(result (list u8))"#),
        (r#"(result (list u8) (error string))"#, r#"(result (list u8) (error u32))"#),
        (r#"(export "run") (param "input""#, r#"(export "walk") (param "input""#),
        (r#"(func (export "run") (param "input" "#, r#"(func (export "run") async (param "input" "#),
    ] {
        let rest = super::RUN.replace(from, to);
        assert_ne!(rest, super::RUN, "{from}");
        let skill = Skill::new().rest(&rest);
        // Some of the changes make the component invalid.
        let Ok(summary) = crate::review::ComponentSummary::read(&skill.bytes()) else { continue };
        assert!(!summary.exports_run, "{to}");
    }
}

#[test]
fn nested_imports_are_ignored() {
    let nested = r#"(component (import "evil:door/open@1.0.0" (instance)) (core module))"#;
    let summary = Skill::new().rest(&format!("{} {nested}", super::RUN)).summary();
    assert!(!summary.has(ImportKind::Unknown));
    assert_eq!((summary.modules, summary.components), (2, 1));
}
