//! A test case for each kind of change.

use super::{REVEAL, SEALED, SIGNING, Skill};
use crate::review::{ChangeId, changes};

fn of(old: &Skill, new: &Skill) -> Vec<(ChangeId, String)> {
    changes(&old.summary(), &new.summary()).into_iter().map(|change| (change.id, change.subject)).collect()
}

fn secret(more: &str) -> Skill {
    Skill::new().secrets(&format!(r#"{{"name":"key",{more}}}"#))
}

fn sealing(destinations: &str) -> Skill {
    secret(&format!(r#""operations":["seal"],"destinations":[{destinations}],"reason":"r""#))
}

fn placing(placements: &str) -> Skill {
    sealing(&format!(r#""https://a.example"],"placements":[{placements}"#))
}

/// Returns an old and a new component with this change, and changes that it implies.
fn with(id: ChangeId) -> (Skill, Skill) {
    let skill = Skill::new();
    let document = |name: &str, version: &str, description: &str, more: &str| {
        let secrets = r#""secrets":[{"name":"key","operations":["sign"],"reason":"r"}]"#;
        let text =
            format!(r#"{{"name":"{name}","version":"{version}","description":"{description}"{more},{secrets}}}"#);
        Skill::new().declares(&text)
    };
    let two = r#"{"name":"key","operations":["sign"],"reason":"r"},{"name":"two","operations":["sign"],"reason":"r"}"#;
    let optional = r#""operations":["sign"],"reason":"r","optional":true"#;
    match id {
        ChangeId::RevealGained => (skill.clone(), skill.imports([REVEAL])),
        ChangeId::NewImport => (skill.clone(), skill.imports(["wasi:random/random@0.2.6"])),
        ChangeId::NewSecret => (skill.clone(), skill.secrets(two)),
        ChangeId::NewOperation => (skill, secret(r#""operations":["sign","refresh"],"reason":"r""#)),
        ChangeId::WiderDestination => (sealing(r#""https://a.example/v1""#), sealing(r#""https://a.example""#)),
        ChangeId::NewPlacement => (sealing(r#""https://a.example""#), placing(r#""authorization","header:x-key""#)),
        ChangeId::PlacementGone => (placing(r#""authorization","header:x-key""#), sealing(r#""https://a.example""#)),
        ChangeId::SigningChanged => (skill, secret(r#""operations":["sign"],"signing":{"jwt":{}},"reason":"r""#)),
        ChangeId::RevealLost => (skill.clone().imports([REVEAL]), skill),
        ChangeId::ImportGone => (skill.clone(), skill.without(SIGNING[1])),
        ChangeId::SecretGone => (skill.clone().secrets(two), skill),
        ChangeId::OperationGone => (secret(r#""operations":["sign","refresh"],"reason":"r""#), skill),
        ChangeId::NarrowerDestination => (sealing(r#""https://a.example""#), sealing(r#""https://a.example/v1""#)),
        ChangeId::DeclarationAdded => (skill.clone().undeclared(), skill.secrets("")),
        ChangeId::DeclarationGone => (skill.clone().secrets(""), skill.undeclared()),
        ChangeId::NoSkill => (skill.clone(), skill.rest("")),
        ChangeId::NameChanged => (skill, document("other", "1", "d", "")),
        ChangeId::VersionChanged => (skill, document("hook", "2", "d", "")),
        ChangeId::DescriptionChanged => (skill, document("hook", "1", "e", "")),
        ChangeId::InputSchemaChanged => (skill, document("hook", "1", "d", r#","input-schema":{}"#)),
        ChangeId::ReasonChanged => (skill, secret(r#""operations":["sign"],"reason":"s""#)),
        ChangeId::NowOptional => (skill, secret(optional)),
        ChangeId::NowRequired => (secret(optional), skill),
        ChangeId::InertImport => (skill.clone(), skill.imports(["wasi:filesystem/types@0.2.6"])),
        ChangeId::ExportsChanged => (skill.clone(), skill.rest("")),
    }
}

#[test]
fn every_change_is_found() {
    for &(id, text, direction) in ChangeId::TABLE {
        let (old, new) = with(id);
        let found = changes(&old.summary(), &new.summary());
        assert!(found.iter().any(|change| change.id == id), "{text} is not among {found:?}");
        assert!(found.is_sorted_by_key(|change| change.id.direction()), "{text}");
        assert_eq!((id.as_str(), id.direction()), (text, direction));
        // Implied changes have the same direction or a lesser one.
        assert!(found.iter().all(|change| change.id.direction() >= direction), "{found:?}");
        let is_symmetric = matches!(text.rsplit('-').next(), Some("changed"));
        assert_eq!(of(&new, &old).iter().any(|(other, _)| *other == id), is_symmetric, "{text}");
    }
}

#[test]
fn equal_components_have_no_changes() {
    for &(id, ..) in ChangeId::TABLE {
        let (old, new) = with(id);
        assert_eq!(of(&old, &old), []);
        assert_eq!(of(&new, &new), []);
    }
}

#[test]
fn destinations_are_compared_by_coverage() {
    let same = [
        (r#""https://a.example""#, r#""https://a.example/""#),
        (r#""https://a.example/v1""#, r#""https://a.example/v1/""#),
        (r#""GET,POST https://a.example""#, r#""POST https://a.example","GET https://a.example""#),
        (r#""https://a.example","https://a.example/v1""#, r#""https://a.example""#),
    ];
    for (old, new) in same {
        assert_eq!(of(&sealing(old), &sealing(new)), [], "{old} {new}");
    }
    let wider = [
        (r#""https://eu.example.com""#, r#""https://*.example.com""#),
        (r#""GET https://a.example""#, r#""https://a.example""#),
        (r#""https://a.example""#, r#""https://a.example:8443","https://a.example""#),
    ];
    for (old, new) in wider {
        assert_eq!(of(&sealing(old), &sealing(new))[0].0, ChangeId::WiderDestination, "{old} {new}");
    }
}

#[test]
fn only_wasi_versions_are_ignored() {
    let skill = |version: &str| {
        let name = format!("wasi:clocks/wall-clock@{version}");
        Skill::new().imports([name.as_str(), &format!("wasi:io/streams@{version}")])
    };
    assert_eq!(of(&skill("0.2.3"), &skill("0.2.6")), []);
    let (old, new) = (Skill::new(), Skill::new().without(SIGNING[1]).imports(["tinkerbell:skill/signing@0.2.0"]));
    let name = "tinkerbell:skill/signing@0.2.0".to_owned();
    assert!(of(&old, &new).contains(&(ChangeId::NewImport, name)));
}

#[test]
fn added_declaration_has_new_secrets() {
    let old = Skill::new().undeclared();
    let new = sealing(r#""https://a.example","GET https://b.example""#).imports([SEALED]);
    let changes = changes(&old.summary(), &new.summary());
    let messages: Vec<_> = changes.iter().map(|change| (change.id, &*change.message)).collect();
    let declared = "declared for seal, sent to https://a.example, GET https://b.example";
    assert!(messages.contains(&(ChangeId::NewSecret, declared)), "{messages:?}");
    assert!(messages.contains(&(ChangeId::DeclarationAdded, "had no declaration")), "{messages:?}");
}
