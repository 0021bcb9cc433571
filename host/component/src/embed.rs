//! Putting a declaration into a component that a toolchain made without one.

use far_capability::{Declaration, DeclarationError};
use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{Chunk, Parser, Payload};

use crate::error::ComponentError;
use crate::section::{SECTION, read};

/// Why a component was not given a declaration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The document is no declaration.
    #[error(transparent)]
    Declaration(#[from] DeclarationError),
    /// The component cannot be read.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// It has one, which was not to be replaced.
    #[error("the component has a declaration already: '{name}', version {version}")]
    Declared {
        /// The skill's name by the declaration that is there.
        name: String,
        /// Its version; author's text.
        version: String,
    },
    /// It has one in a nested module or component, where nothing is taken out: what the author built would be another.
    #[error("the component has a declaration in a nested module, which cannot be replaced")]
    Nested,
    /// What was written is not what is read.
    #[error("the component does not have the declaration after it was written")]
    Unread,
}

/// What came of it.
#[derive(Debug)]
pub struct Embedded {
    /// The component, with the declaration as the last of its sections.
    pub component: Vec<u8>,
    /// The declaration.
    pub declaration: Declaration,
}

/// Writes a declaration into a component, in place of the one that it has if `replace` says so.
///
/// Nothing else of the component changes: not a byte of its other sections.
///
/// # Errors
///
/// [`EmbedError`], by fault of whoever made the document or the component, or chose not to replace.
pub fn embed(component: &[u8], document: &[u8], replace: bool) -> Result<Embedded, EmbedError> {
    let declaration = Declaration::parse(document)?;
    let mut whole = match read(component)? {
        None => component.to_vec(),
        Some(_) if replace => without_declaration(component)?,
        Some(there) => return Err(EmbedError::Declared { name: there.name.to_string(), version: there.version }),
    };
    CustomSection { name: SECTION.into(), data: document.into() }.append_to_component(&mut whole);
    // By the one parser, as whoever runs it reads it.
    match read(&whole)? {
        Some(written) if written == declaration => Ok(Embedded { component: whole, declaration }),
        _ => Err(EmbedError::Unread),
    }
}

/// The component without the declaration among its own sections.
fn without_declaration(component: &[u8]) -> Result<Vec<u8>, EmbedError> {
    let mut kept = Vec::with_capacity(component.len());
    let mut parser = Parser::new(0);
    let mut start = 0_usize;
    while let Some(rest) = component.get(start..).filter(|rest| !rest.is_empty()) {
        let (consumed, payload) = match parser.parse(rest, true).map_err(ComponentError::Malformed)? {
            Chunk::Parsed { consumed, payload } => (consumed, payload),
            // All of it is here.
            Chunk::NeedMoreData(_) => return Err(EmbedError::Unread),
        };
        let end = match &payload {
            // Only the header is read here; what is nested is passed over.
            Payload::ModuleSection { unchecked_range, .. } | Payload::ComponentSection { unchecked_range, .. } => {
                start.saturating_add(consumed).saturating_add(unchecked_range.len())
            }
            Payload::End(_) => break,
            _ => start.saturating_add(consumed),
        };
        let is_declaration = matches!(&payload, Payload::CustomSection(section) if section.name() == SECTION);
        if !is_declaration {
            kept.extend_from_slice(component.get(start..end).ok_or(EmbedError::Unread)?);
        }
        start = end;
    }
    match read(&kept)? {
        None => Ok(kept),
        Some(_) => Err(EmbedError::Nested),
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
        assert!(content.len() < 128, "one byte of length");
        [&[id, content.len() as u8], content].concat()
    }

    fn custom(name: &str, data: &[u8]) -> Vec<u8> {
        section(0, &[&[name.len() as u8], name.as_bytes(), data].concat())
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else_changes() {
        let nested = [COMPONENT, &section(1, MODULE), &custom("other", b"x")].concat();
        let embedded = embed(&nested, ONE, false).unwrap();
        assert_eq!(embedded.component, [&nested[..], &custom(SECTION, ONE)].concat());
        assert_eq!(read(&embedded.component).unwrap(), Some(embedded.declaration));
    }

    #[test]
    fn a_declaration_is_replaced_only_where_that_is_wanted() {
        let once = embed(COMPONENT, ONE, true).unwrap().component;
        assert!(matches!(embed(&once, TWO, false), Err(EmbedError::Declared { name, .. }) if name == "one"));
        let before = [COMPONENT, &custom(SECTION, ONE), &section(1, MODULE), &custom("other", b"x")].concat();
        let after = [COMPONENT, &section(1, MODULE), &custom("other", b"x"), &custom(SECTION, TWO)].concat();
        assert_eq!(embed(&before, TWO, true).unwrap().component, after);
        // With a length that a linker wrote in five bytes.
        let length = ONE.len() as u8 + 17;
        let padded = [COMPONENT, &[0, length | 0x80, 0x80, 0x80, 0x80, 0, 16], SECTION.as_bytes(), ONE].concat();
        assert_eq!(embed(&padded, TWO, true).unwrap().component, [COMPONENT, &custom(SECTION, TWO)].concat());
    }

    #[test]
    fn nothing_nested_is_taken_out() {
        let nested = [COMPONENT, &section(1, &[MODULE, &custom(SECTION, ONE)].concat())].concat();
        assert!(matches!(embed(&nested, TWO, true), Err(EmbedError::Nested)));
        assert!(matches!(embed(&nested, TWO, false), Err(EmbedError::Declared { .. })));
    }

    #[test]
    fn what_is_no_component_or_no_declaration_is_refused() {
        assert!(matches!(embed(MODULE, ONE, true), Err(EmbedError::Component(ComponentError::CoreModule))));
        assert!(matches!(embed(b"\0asm\x0d\0\x01\0\0\x10", ONE, true), Err(EmbedError::Component(_))));
        let two = [COMPONENT, &custom(SECTION, ONE), &custom(SECTION, TWO)].concat();
        assert!(matches!(embed(&two, ONE, true), Err(EmbedError::Component(ComponentError::SeveralSections))));
        assert!(matches!(embed(COMPONENT, b"{}", false), Err(EmbedError::Declaration(DeclarationError::Json(_)))));
        let huge = vec![b' '; Declaration::MAX_LEN + 1];
        assert!(matches!(embed(COMPONENT, &huge, false), Err(EmbedError::Declaration(DeclarationError::TooLarge))));
    }
}
