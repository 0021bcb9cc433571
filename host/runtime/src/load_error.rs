//! The error type of loading.

use std::time::Duration;

use far_component::ComponentError;
use far_core::capability::tokens;

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

tokens! {
    /// The kind of a [`LoadError`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum LoadErrorKind token {
        /// The component is larger than 64 MiB.
        TooLarge = "component-too-large",
        /// The file is a core module, not a component.
        CoreModule = "core-module",
        /// The file is not a valid component.
        Invalid = "invalid-component",
        /// The component has more instances, memories or tables than the host permits, or larger
        /// ones.
        Limits = "component-limits",
        /// The embedded declaration is invalid, or the component has several.
        Declaration = "invalid-declaration",
        /// The machine lacks a resource for compilation.
        Host = "host",
        /// The component imports an interface that the host does not implement.
        UnknownImport = "unknown-import",
        /// The component imports files or sockets, which strict WASI refuses.
        StrictWasi = "strict-wasi",
        /// The component imports an interface of the host with other types.
        ImportType = "import-type",
        /// The component does not export `run` of the world `skill`.
        WrongWorld = "wrong-world",
        /// Compilation took longer than `load-timeout`.
        Timeout = "load-timeout",
        /// Compilation needed more memory than `load-memory`.
        Memory = "load-memory",
        /// The compiler process crashed on the component.
        Compiler = "compiler-crash",
        /// A signal interrupted the compilation.
        Interrupted = "interrupted",
    }
}

impl LoadErrorKind {
    /// Returns the person or the system whose change removes the error.
    pub fn caused_by(self) -> &'static str {
        match self {
            Self::TooLarge
            | Self::CoreModule
            | Self::Invalid
            | Self::Limits
            | Self::Declaration
            | Self::UnknownImport
            | Self::ImportType
            | Self::WrongWorld => "the author of the skill, or the wrong file",
            Self::StrictWasi => "the author of the skill, or the operator",
            Self::Timeout | Self::Memory => "the author of the skill, or the limits of the task",
            Self::Host => "the machine",
            Self::Compiler => "a hostile skill, or a defect of the compiler",
            Self::Interrupted => "a signal",
        }
    }

    /// Returns the next step, in the words of the command line.
    pub fn next_step(self) -> &'static str {
        match self {
            Self::Declaration => "embed exactly one declaration: a JSON document such as the project's skill.json",
            Self::UnknownImport => {
                "remove the import: a skill may import tinkerbell:skill, WASI 0.2, and the outgoing part of wasi:http"
            }
            Self::TooLarge => "check that this is the intended file, or build it in release mode",
            Self::Interrupted => "try again",
            Self::StrictWasi => {
                "build the skill without file and socket imports, or set [runtime] wasi = \"inert\" in far.toml"
            }
            Self::Limits => "build the component from fewer or smaller modules",
            Self::Host => "check that the machine has enough free memory",
            Self::Timeout => "raise 'load-timeout' under [limits] in a task file, or make the component smaller",
            Self::Memory => "raise 'load-memory' under [limits] in a task file, or make the component smaller",
            Self::Compiler => "do not trust the component; if a regular toolchain built it, report a bug in far",
            Self::CoreModule | Self::Invalid | Self::ImportType | Self::WrongWorld => {
                "build it for wasm32-wasip2 against the world 'skill' or 'skill-revealing'"
            }
        }
    }
}

impl LoadError {
    /// Returns the kind of the error.
    pub fn load_error_kind(&self) -> LoadErrorKind {
        match self {
            Self::TooLarge => LoadErrorKind::TooLarge,
            Self::Component(ComponentError::CoreModule) => LoadErrorKind::CoreModule,
            Self::Component(ComponentError::Malformed(_) | ComponentError::IndexOutOfRange) | Self::Invalid(_) => {
                LoadErrorKind::Invalid
            }
            Self::Component(ComponentError::Shape(_)) | Self::Limits(_) => LoadErrorKind::Limits,
            Self::Component(_) => LoadErrorKind::Declaration,
            Self::Host(_) => LoadErrorKind::Host,
            Self::UnknownImport(_) => LoadErrorKind::UnknownImport,
            Self::StrictWasi(_) => LoadErrorKind::StrictWasi,
            Self::ImportType(_) => LoadErrorKind::ImportType,
            Self::WrongWorld(_) => LoadErrorKind::WrongWorld,
            Self::Timeout(_) => LoadErrorKind::Timeout,
            Self::Memory(_) => LoadErrorKind::Memory,
            Self::Compiler(_) => LoadErrorKind::Compiler,
            Self::Interrupted => LoadErrorKind::Interrupted,
        }
    }

    /// Returns a stable token for events.
    pub fn kind(&self) -> &'static str {
        self.load_error_kind().token()
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
