//! The error type of loading.

use std::time::Duration;

use far_component::ComponentError;

use crate::limits::is_os_error;

/// The maximum size of a component, in bytes.
pub const COMPONENT_MAX: usize = 64 << 20;

/// Reasons why a component cannot be loaded. Names in the messages are untrusted: escape them for
/// display.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The component is larger than [`COMPONENT_MAX`].
    #[error("the component has more than {COMPONENT_MAX} bytes")]
    TooLarge,
    /// The file is not a component, or its declaration is not valid.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The component needs more instances, memories or tables, or larger ones, than the host
    /// permits.
    #[error("the component exceeds this host's limits on instances, memories and tables")]
    Limits(#[source] wasmtime::Error),
    /// The machine lacks a resource for compilation.
    #[error("the host could not compile the component")]
    Host(#[source] wasmtime::Error),
    /// The engine rejects the component.
    #[error("the component is not valid")]
    Invalid(#[source] wasmtime::Error),
    /// The component imports an interface that the host does not implement.
    #[error("the component imports '{0}', which the host does not implement")]
    UnknownImport(String),
    /// The component imports files or sockets, which [`Wasi::Strict`](crate::Wasi::Strict) refuses.
    #[error("the component imports '{0}', which this host's strict WASI refuses")]
    StrictWasi(String),
    /// The component imports an interface of the host with other types.
    #[error("the component imports an interface of the host with other types")]
    ImportType(#[source] wasmtime::Error),
    /// The component does not export `run` of the world `skill`.
    #[error("the component is not of the world 'skill': it has no 'run' from bytes to bytes or an error")]
    WrongWorld(#[source] wasmtime::Error),
    /// Compilation took longer than [`LoadLimits::timeout`](crate::LoadLimits::timeout).
    #[error("compiling the component takes more than {seconds} s, the limit 'load-timeout'", seconds = .0.as_secs_f64())]
    Timeout(Duration),
    /// Compilation needed more memory than [`LoadLimits::memory`](crate::LoadLimits::memory), in
    /// bytes.
    #[error("compiling the component takes more than {mebibytes} MiB of memory, the limit 'load-memory'", mebibytes = .0 >> 20)]
    Memory(u64),
    /// The compiler process crashed, with this exit status.
    #[error("the compiler crashed on the component: {0}")]
    Compiler(String),
    /// Compilation was interrupted.
    #[error("compiling the component was interrupted")]
    Interrupted,
}

impl LoadError {
    /// Returns a stable token for events.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TooLarge => "component-too-large",
            Self::Component(ComponentError::CoreModule) => "core-module",
            Self::Component(ComponentError::Malformed(_) | ComponentError::IndexOutOfRange) | Self::Invalid(_) => {
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

/// A part of the engine's error messages for components that exceed its pool.
const POOL_ERROR: &str = "pooling allocator";

pub(crate) fn of_engine(error: wasmtime::Error) -> LoadError {
    // The engine has no error type for these; a test checks the message.
    if error.chain().any(|cause| cause.to_string().contains(POOL_ERROR)) {
        LoadError::Limits(error)
    } else if is_os_error(&error) {
        LoadError::Host(error)
    } else {
        LoadError::Invalid(error)
    }
}
