//! Reasons why a component cannot be loaded.

use std::time::Duration;

use far_component::ComponentError;

use crate::limits::is_the_machines;

/// The largest component, in bytes.
pub const COMPONENT_MAX: usize = 64 << 20;

/// Reasons why a component cannot be loaded. The names in them are the author's text: escape them
/// wherever they are shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file is larger than [`COMPONENT_MAX`].
    #[error("the component has more than {COMPONENT_MAX} bytes")]
    TooLarge,
    /// Not a component, or its declaration cannot be read.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// It has more instances, memories or tables, or larger ones, than any task gets.
    #[error("the component is made of more than this host gives to any task")]
    Limits(#[source] wasmtime::Error),
    /// The machine has not what compiling needs.
    #[error("the host could not compile the component")]
    Host(#[source] wasmtime::Error),
    /// The engine does not take it.
    #[error("the component is not valid")]
    Invalid(#[source] wasmtime::Error),
    /// It imports something that the host does not have.
    #[error("the component imports '{0}', which the host does not have")]
    UnknownImport(String),
    /// It imports files or sockets, which [`Wasi::Strict`](crate::Wasi::Strict) refuses.
    #[error("the component imports '{0}', which this host's strict WASI refuses")]
    StrictWasi(String),
    /// It imports something under a name that the host has, with another type.
    #[error("the component imports what the host has, but with other types")]
    ImportType(#[source] wasmtime::Error),
    /// It does not export `run` as the world says.
    #[error("the component is not of the world 'skill': it has no 'run' from bytes to bytes or an error")]
    WrongWorld(#[source] wasmtime::Error),
    /// Compiling took longer than [`LoadLimits::timeout`](crate::LoadLimits::timeout).
    #[error("compiling the component takes more than {seconds} s, the limit 'load-timeout'", seconds = .0.as_secs_f64())]
    Timeout(Duration),
    /// Compiling needed more than [`LoadLimits::memory`](crate::LoadLimits::memory), in bytes.
    #[error("compiling the component takes more than {mebibytes} MiB of memory, the limit 'load-memory'", mebibytes = .0 >> 20)]
    Memory(u64),
    /// The compiling process crashed; how it ended.
    #[error("the compiler crashed on the component: {0}")]
    Compiler(String),
    /// Compiling was stopped.
    #[error("compiling the component was interrupted")]
    Interrupted,
}

impl LoadError {
    /// A stable token for events.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TooLarge => "component-too-large",
            Self::Component(ComponentError::CoreModule) => "core-module",
            Self::Component(ComponentError::Malformed(_) | ComponentError::Index) | Self::Invalid(_) => {
                "invalid-component"
            }
            Self::Component(ComponentError::Shape(_)) | Self::Limits(_) => "component-limits",
            Self::Component(_) => "invalid-declaration",
            Self::Host(_) => "host",
            Self::UnknownImport(_) => "unknown-import",
            Self::StrictWasi(_) => "strict-wasi",
            Self::ImportType(_) => "import-type",
            Self::WrongWorld(_) => "wrong-world",
            Self::Timeout(_) => "load-timeout",
            Self::Memory(_) => "load-memory",
            Self::Compiler(_) => "compiler-crash",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What the engine's errors about a component that its pool cannot hold have in their chain.
const BEYOND_POOL: &str = "pooling allocator";

pub(crate) fn of_engine(error: wasmtime::Error) -> LoadError {
    // The engine has no type for these; a test sees that the words stay as they are.
    if error.chain().any(|cause| cause.to_string().contains(BEYOND_POOL)) {
        LoadError::Limits(error)
    } else if is_the_machines(&error) {
        LoadError::Host(error)
    } else {
        LoadError::Invalid(error)
    }
}
