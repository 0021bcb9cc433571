//! Errors of reading a component.

use far_capability::DeclarationError;

use crate::review::ShapeExcess;

/// How deep components may be nested in each other. Each level costs a compiler far more memory than it has bytes.
pub const MAX_DEPTH: usize = 16;

/// Why a component's declaration cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentError {
    /// Not WebAssembly, or damaged.
    #[error("the file is not a WebAssembly component, or it is damaged")]
    Malformed(#[source] wasmparser::BinaryReaderError),
    /// A core module.
    #[error("the file is a core WebAssembly module, not a component")]
    CoreModule,
    /// Components nested in each other beyond [`MAX_DEPTH`].
    #[error("the component has more than {MAX_DEPTH} components nested in each other")]
    TooDeep,
    /// An index that refers to no definition.
    #[error("the component refers to a definition that it does not have")]
    Index,
    /// A size beyond the limits of every host.
    #[error(transparent)]
    Shape(#[from] ShapeExcess),
    /// More than one section.
    #[error("the component has more than one declaration")]
    SeveralSections,
    /// The section's document is not a declaration.
    #[error(transparent)]
    Declaration(#[from] DeclarationError),
}
