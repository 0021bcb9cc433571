//! Hostile components.

use std::time::{Duration, Instant};

use far_capability::DeclarationError;
use proptest::prelude::*;

use super::{HTTP, REVEAL, SIGNING, Skill, custom};
use crate::ComponentError;
use crate::review::{ComponentSummary, FindingId, changes, findings};

/// Runs all steps of a review.
fn review(bytes: &[u8]) -> Result<ComponentSummary, ComponentError> {
    let summary = ComponentSummary::read(bytes)?;
    findings(&summary);
    changes(&summary, &Skill::new().summary());
    changes(&Skill::new().summary(), &summary);
    Ok(summary)
}

/// Returns a component with all kinds of content.
fn rich() -> Vec<u8> {
    let secrets = r#"{"name":"key","operations":["sign","reveal"],"reason":"r","optional":true},
        {"name":"k2","operations":["seal"],"destinations":["GET https://*.example.com/v1"],"reason":""}"#;
    let skill = Skill::new().imports([REVEAL, HTTP, "wasi:filesystem/types@0.2.6", "wasi:sockets/tcp@0.2.6"]);
    skill.secrets(secrets).rest(&format!("{} (component (core module))", super::RUN)).bytes()
}

#[test]
fn invalid_bytes_are_an_error() {
    let skill = Skill::new().bytes();
    for len in 0..skill.len() {
        // A prefix that ends between two sections can be a valid component.
        assert!(review(&skill[..len]).is_err() || len >= 8, "{len}");
    }
    assert!(matches!(review(&wat::parse_str("(module)").unwrap()), Err(ComponentError::CoreModule)));
    let two = [&*skill, &custom(b"{}")].concat();
    assert!(matches!(review(&two), Err(ComponentError::DuplicateSection)));
    let no_declaration = [&*Skill::new().undeclared().bytes(), &custom(b"{}")].concat();
    assert!(matches!(review(&no_declaration), Err(ComponentError::Declaration(DeclarationError::Json(_)))));
    let huge = [&*Skill::new().undeclared().bytes(), &custom(&vec![b' '; 1 << 20])].concat();
    assert!(matches!(review(&huge), Err(ComponentError::Declaration(DeclarationError::TooLarge))));
}

#[test]
fn invalid_names_are_an_error() {
    for name in ["no name", "a:b", "\u{1b}[2J", "\u{202e}", &"a".repeat(1 << 20)] {
        let text = format!("(component (import \"{}\" (instance)))", name.escape_unicode());
        assert!(matches!(review(&wat::parse_str(text).unwrap()), Err(ComponentError::Malformed(_))), "{name:?}");
    }
    // A duplicate import.
    assert!(matches!(review(&Skill::new().imports(SIGNING).bytes()), Err(ComponentError::Malformed(_))));
}

/// Returns a component that imports functions with these names. The validator accepts at most 1000
/// imports of other kinds.
fn importing(names: &[String]) -> Vec<u8> {
    let number =
        |number: usize| [(number & 0x7f) as u8 | 0x80, (number >> 7 & 0x7f) as u8 | 0x80, (number >> 14) as u8];
    let mut section = number(names.len()).to_vec();
    for name in names {
        section.extend([&[0], &number(name.len())[..], name.as_bytes(), &[1, 0]].concat());
    }
    let length = number(section.len());
    [&b"\0asm\x0d\0\x01\0\x07\x05\x01\x40\x00\x01\x00\x0a"[..], &length, &section].concat()
}

#[test]
fn many_imports_are_read_quickly() {
    let names: Vec<_> = (0..100_000).map(|number| format!("a{number}")).collect();
    let start = Instant::now();
    let summary = review(&importing(&names)).unwrap();
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    let unknown = findings(&summary).iter().filter(|finding| finding.id == FindingId::UnknownImport).count();
    assert_eq!(unknown, 100_000);
    let many =
        Skill::new().imports((0..1001).map(|number| format!("a:b/c{number}")).collect::<Vec<_>>().iter().map(|n| &**n));
    assert!(matches!(review(&many.bytes()), Err(ComponentError::Malformed(_))), "more than 1000 instances");
}

#[test]
fn deep_nesting_is_an_error() {
    let text = format!("{}{}", "(component ".repeat(100), ")".repeat(100));
    assert!(matches!(review(&wat::parse_str(text).unwrap()), Err(ComponentError::TooDeep)));
}

#[test]
fn rich_component_is_read() {
    let summary = review(&rich()).unwrap();
    assert_eq!((summary.imports.len(), summary.modules, summary.components), (6, 2, 1));
    assert!(summary.exports_run);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..512), headed in any::<bool>()) {
        let head: &[u8] = if headed { b"\0asm\x0d\0\x01\0" } else { b"" };
        let _ = review(&[head, &bytes].concat());
    }

    #[test]
    fn corrupt_component_is_read_or_refused(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        moved in any::<bool>(),
    ) {
        let mut bytes = rich();
        for (index, byte) in edits {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        let cut = cut.index(bytes.len());
        if moved { bytes.rotate_left(cut) } else { bytes.truncate(bytes.len() - cut / 8) }
        let _ = review(&bytes);
    }
}
