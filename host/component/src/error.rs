//! The error type of reading a component.

use far_capability::DeclarationError;

use crate::review::ShapeViolation;

/// The maximum nesting depth of components. Each level costs a compiler far more memory than its
/// bytes.
pub const MAX_DEPTH: usize = 16;

/// Reasons to refuse a component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentError {
    /// The bytes are not a valid component.
    #[error("the file is not a WebAssembly component, or it is damaged")]
    Malformed(#[source] wasmparser::BinaryReaderError),
    /// The file is a core module.
    #[error("the file is a core WebAssembly module, not a component")]
    CoreModule,
    /// Components are nested deeper than [`MAX_DEPTH`].
    #[error("the component has more than {MAX_DEPTH} levels of nested components")]
    TooDeep,
    /// An index refers to a missing definition.
    #[error("the component refers to a missing definition")]
    IndexOutOfRange,
    /// A size exceeds the limit of every host.
    #[error(transparent)]
    Shape(#[from] ShapeViolation),
    /// The component has more than one declaration.
    #[error("the component has more than one declaration")]
    DuplicateSection,
    /// The declaration is invalid.
    #[error(transparent)]
    Declaration(#[from] DeclarationError),
}
