//! Embedding of a declaration into a component.

use far_capability::{Declaration, DeclarationError};
use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{Chunk, Parser, Payload};

use crate::error::ComponentError;
use crate::section::{SECTION, read};

/// Reasons not to embed a declaration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The document is not a valid declaration.
    #[error(transparent)]
    Declaration(#[from] DeclarationError),
    /// The component is invalid.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The component has a declaration, and `replace` is false.
    #[error("the component already has a declaration: '{name}', version {version}")]
    AlreadyDeclared {
        /// The name of the skill in the existing declaration.
        name: String,
        /// The version in the existing declaration; untrusted text.
        version: String,
    },
    /// A nested module or component has a declaration. Nested code is never modified.
    #[error("the component has a declaration in a nested module, which cannot be replaced")]
    NestedDeclaration,
    /// The written component does not read as having the declaration.
    #[error("the written component does not have the declaration")]
    ReadBack,
}

/// A component with an embedded declaration.
#[derive(Debug)]
pub struct EmbeddedDeclaration {
    /// The component, with the declaration as its last section.
    pub component: Vec<u8>,
    /// The declaration.
    pub declaration: Declaration,
}

/// Embeds a declaration into a component. Replaces an existing one if `replace` is true.
///
/// The other sections stay the same, byte for byte.
///
/// # Errors
///
/// [`EmbedError`], by fault of the skill author.
pub fn embed(component: &[u8], document: &[u8], replace: bool) -> Result<EmbeddedDeclaration, EmbedError> {
    let declaration = Declaration::parse(document)?;
    let mut whole = match read(component)? {
        None => component.to_vec(),
        Some(_) if replace => without_declaration(component)?,
        Some(old) => return Err(EmbedError::AlreadyDeclared { name: old.name.to_string(), version: old.version }),
    };
    CustomSection { name: SECTION.into(), data: document.into() }.append_to_component(&mut whole);
    // Reads the result with the parser that the host uses.
    match read(&whole)? {
        Some(written) if written == declaration => Ok(EmbeddedDeclaration { component: whole, declaration }),
        _ => Err(EmbedError::ReadBack),
    }
}

/// Removes the declaration from the outermost sections of a component.
fn without_declaration(component: &[u8]) -> Result<Vec<u8>, EmbedError> {
    let mut output = Vec::with_capacity(component.len());
    let mut parser = Parser::new(0);
    let mut start = 0_usize;
    while let Some(rest) = component.get(start..).filter(|rest| !rest.is_empty()) {
        let (consumed, payload) = match parser.parse(rest, true).map_err(ComponentError::Malformed)? {
            Chunk::Parsed { consumed, payload } => (consumed, payload),
            // The whole component is in memory.
            Chunk::NeedMoreData(_) => return Err(EmbedError::ReadBack),
        };
        let end = match &payload {
            // The parser consumes only the header: skip the nested bytes.
            Payload::ModuleSection { unchecked_range, .. } | Payload::ComponentSection { unchecked_range, .. } => {
                start.saturating_add(consumed).saturating_add(unchecked_range.len())
            }
            Payload::End(_) => break,
            _ => start.saturating_add(consumed),
        };
        let is_declaration = matches!(&payload, Payload::CustomSection(section) if section.name() == SECTION);
        if !is_declaration {
            output.extend_from_slice(component.get(start..end).ok_or(EmbedError::ReadBack)?);
        }
        start = end;
    }
    match read(&output)? {
        None => Ok(output),
        Some(_) => Err(EmbedError::NestedDeclaration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
    const MODULE: &[u8] = b"\0asm\x01\0\0\0";
    const ONE: &[u8] = br#"{ "name": "one", "version": "1", "description": "" }"#;
    const TWO: &[u8] = br#"{ "name": "two", "version": "2", "description": "" }"#;

    fn section(id: u8, content: &[u8]) -> Vec<u8> {
        assert!(content.len() < 128, "the length fits in one byte");
        [&[id, content.len() as u8], content].concat()
    }

    fn custom(name: &str, data: &[u8]) -> Vec<u8> {
        section(0, &[&[name.len() as u8], name.as_bytes(), data].concat())
    }

    #[test]
    fn embedding_changes_no_other_section() {
        let nested = [COMPONENT, &section(1, MODULE), &custom("other", b"x")].concat();
        let embedded = embed(&nested, ONE, false).unwrap();
        assert_eq!(embedded.component, [&nested[..], &custom(SECTION, ONE)].concat());
        assert_eq!(read(&embedded.component).unwrap(), Some(embedded.declaration));
    }

    #[test]
    fn declaration_is_replaced_only_on_request() {
        let once = embed(COMPONENT, ONE, true).unwrap().component;
        assert!(matches!(embed(&once, TWO, false), Err(EmbedError::AlreadyDeclared { name, .. }) if name == "one"));
        let before = [COMPONENT, &custom(SECTION, ONE), &section(1, MODULE), &custom("other", b"x")].concat();
        let after = [COMPONENT, &section(1, MODULE), &custom("other", b"x"), &custom(SECTION, TWO)].concat();
        assert_eq!(embed(&before, TWO, true).unwrap().component, after);
        // The length of the section is padded to five bytes, as linkers write it.
        let length = ONE.len() as u8 + 17;
        let padded = [COMPONENT, &[0, length | 0x80, 0x80, 0x80, 0x80, 0, 16], SECTION.as_bytes(), ONE].concat();
        assert_eq!(embed(&padded, TWO, true).unwrap().component, [COMPONENT, &custom(SECTION, TWO)].concat());
    }

    #[test]
    fn nested_declaration_is_not_replaced() {
        let nested = [COMPONENT, &section(1, &[MODULE, &custom(SECTION, ONE)].concat())].concat();
        assert!(matches!(embed(&nested, TWO, true), Err(EmbedError::NestedDeclaration)));
        assert!(matches!(embed(&nested, TWO, false), Err(EmbedError::AlreadyDeclared { .. })));
    }

    #[test]
    fn invalid_component_or_declaration_is_refused() {
        assert!(matches!(embed(MODULE, ONE, true), Err(EmbedError::Component(ComponentError::CoreModule))));
        assert!(matches!(embed(b"\0asm\x0d\0\x01\0\0\x10", ONE, true), Err(EmbedError::Component(_))));
        let two = [COMPONENT, &custom(SECTION, ONE), &custom(SECTION, TWO)].concat();
        assert!(matches!(embed(&two, ONE, true), Err(EmbedError::Component(ComponentError::DuplicateSection))));
        assert!(matches!(embed(COMPONENT, b"{}", false), Err(EmbedError::Declaration(DeclarationError::Json(_)))));
        let huge = vec![b' '; Declaration::MAX_LEN + 1];
        assert!(matches!(embed(COMPONENT, &huge, false), Err(EmbedError::Declaration(DeclarationError::TooLarge))));
    }
}
