//! The custom section with the declaration of a component.

use far_capability::Declaration;
use wasmparser::{Encoding, Parser, Payload};

use crate::error::{ComponentError, MAX_DEPTH};

/// The name of the custom section.
pub const SECTION: &str = "tinkerbell:skill";

/// Reads the declaration of a component. Returns none for a component without one.
///
/// Searches all nested modules and components. Toolchains leave the section in a nested module, and
/// an attacker could hide a second one there.
///
/// # Errors
///
/// [`ComponentError`], by fault of the skill author.
pub fn read(component: &[u8]) -> Result<Option<Declaration>, ComponentError> {
    let mut depth = 0_usize;
    let mut declaration = None;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(ComponentError::Malformed)? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(ComponentError::CoreModule);
            }
            Payload::Version { .. } if depth == MAX_DEPTH => {
                return Err(ComponentError::TooDeep);
            }
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if section.name() == SECTION && declaration.is_some() => {
                return Err(ComponentError::DuplicateSection);
            }
            Payload::CustomSection(section) if section.name() == SECTION => declaration = Some(section.data()),
            _ => {}
        }
    }
    Ok(declaration.map(Declaration::parse).transpose()?)
}

#[cfg(test)]
mod tests {
    use far_capability::DeclarationError;

    use super::*;

    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
    const MODULE: &[u8] = b"\0asm\x01\0\0\0";
    const DOCUMENT: &[u8] = br#"{"name":"hook","version":"1","description":"","secrets":[]}"#;

    fn custom(document: &[u8]) -> Vec<u8> {
        let name = [&[SECTION.len() as u8], SECTION.as_bytes()].concat();
        section(0, &[&name, document].concat())
    }

    fn section(id: u8, content: &[u8]) -> Vec<u8> {
        assert!(content.len() < 128, "the length fits in one byte");
        [&[id, content.len() as u8], content].concat()
    }

    #[test]
    fn section_is_found_at_any_depth() {
        let document = custom(DOCUMENT);
        assert!(read(COMPONENT).unwrap().is_none());
        assert!(read(&[COMPONENT, &document].concat()).unwrap().is_some());
        let nested = section(1, &[MODULE, &document].concat());
        assert!(read(&[COMPONENT, &nested].concat()).unwrap().is_some());
        let deeper = section(4, &[COMPONENT, &nested].concat());
        assert!(read(&[COMPONENT, &deeper].concat()).unwrap().is_some());
    }

    #[test]
    fn deep_nesting_is_refused() {
        let length = |bytes: &[u8]| {
            let (low, high) = ((bytes.len() & 0x7f) as u8 | 0x80, (bytes.len() >> 7) as u8);
            [low, high]
        };
        let nest = |inner: Vec<u8>| [COMPONENT, &[4], &length(&inner), &inner].concat();
        let deep = |levels: usize| (1..levels).fold(COMPONENT.to_vec(), |inner, _| nest(inner));
        assert!(read(&deep(MAX_DEPTH)).unwrap().is_none());
        assert!(matches!(read(&deep(MAX_DEPTH + 1)), Err(ComponentError::TooDeep)));
    }

    #[test]
    fn second_section_is_refused_at_any_depth() {
        let document = custom(DOCUMENT);
        let nested = section(1, &[MODULE, &document].concat());
        for component in [
            [COMPONENT, &document, &document].concat(),
            [COMPONENT, &document, &nested].concat(),
            [COMPONENT, &nested, &nested].concat(),
        ] {
            assert!(matches!(read(&component), Err(ComponentError::DuplicateSection)));
        }
    }

    #[test]
    fn concatenated_declarations_are_refused() {
        let joined = custom(br#"{"name":"a","version":"1","description":""}{"name":"b"}"#);
        assert!(matches!(
            read(&[COMPONENT, &joined].concat()),
            Err(ComponentError::Declaration(DeclarationError::Json(_)))
        ));
    }

    #[test]
    fn core_module_and_garbage_are_refused() {
        assert!(matches!(read(&[MODULE, &custom(DOCUMENT)].concat()), Err(ComponentError::CoreModule)));
        for bytes in [&b""[..], b"\0asm", b"#!/bin/sh", &[COMPONENT, b"\x01\xff"].concat()] {
            assert!(matches!(read(bytes), Err(ComponentError::Malformed(_))), "{bytes:?}");
        }
    }
}
