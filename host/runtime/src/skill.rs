//! A loaded component: read once, identified, checked, compiled.

use std::fmt;
use std::time::Duration;

use far_component::ComponentError;
use far_component::review::{Shape, is_served};
use far_core::declaration::Declaration;
use far_core::{SkillDigest, SkillName};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::artifact;
use crate::compiler::Job;
use crate::interfaces::{BindingsPre, PACKAGE, REVEAL};
use crate::limits::is_the_machines;
use crate::runtime::Runtime;
use crate::state::TaskState;

/// The largest component, in bytes.
pub const COMPONENT_MAX: usize = 64 << 20;

/// A checked and compiled component, which any number of tasks may run at once.
pub struct Skill {
    pub(crate) identity: Identity,
    pub(crate) component: BindingsPre<TaskState>,
}

/// The facts about a component that decide on the admission of its tasks.
pub(crate) struct Identity {
    pub(crate) digest: SkillDigest,
    /// None for a component without one, which gets no secret.
    pub(crate) declaration: Option<Declaration>,
    /// Whether it imports `reveal`.
    pub(crate) reveals: bool,
}

impl Identity {
    /// Returns the declared name.
    pub(crate) fn name(&self) -> Option<&SkillName> {
        self.declaration.as_ref().map(|declaration| &declaration.name)
    }
}

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

/// A component that is to be loaded, and what is known of it before it is compiled.
pub(crate) struct Checked {
    bytes: Vec<u8>,
    digest: SkillDigest,
    declaration: Option<Declaration>,
}

impl Checked {
    /// Checks a component as far as that takes neither engine nor compiler.
    pub(crate) fn new(bytes: Vec<u8>, digest: SkillDigest) -> Result<Self, LoadError> {
        if bytes.len() > COMPONENT_MAX {
            return Err(LoadError::TooLarge);
        }
        let declaration = far_component::read(&bytes)?;
        Ok(Self { bytes, digest, declaration })
    }

    /// Takes the compiled component from the cache.
    pub(crate) fn cached(&self, runtime: &Runtime) -> Option<Component> {
        runtime.artifacts.as_ref()?.load(&runtime.engine, &self.digest)
    }

    /// Compiles the component, and keeps the machine code in the cache. Takes long: not for a thread
    /// that others wait for.
    pub(crate) fn compile(&self, runtime: &Runtime, job: &Job) -> Result<Component, LoadError> {
        let Runtime { engine, artifacts, compiler, .. } = runtime;
        // An artifact was within the limits when it was made.
        Shape::read(&self.bytes)?.within_limits().map_err(ComponentError::Shape)?;
        let code = compiler.compile(engine, &self.bytes, job)?;
        let component = artifact::of_code(engine, &code).map_err(of_engine)?;
        if let Some(artifacts) = artifacts {
            // A cache that takes nothing costs time, and no task.
            let _ = artifacts.store(engine, &self.digest, &code);
        }
        Ok(component)
    }

    /// Compiles the component for an engine of an embedder's. Of its imports, those of this package
    /// are checked; the others are the embedder's.
    pub(crate) fn compile_for(self, engine: &Engine) -> Result<(Identity, Component), LoadError> {
        Shape::read(&self.bytes)?.within_limits().map_err(ComponentError::Shape)?;
        let component = Component::from_binary(engine, &self.bytes).map_err(of_engine)?;
        let mut reveals = false;
        for (name, _) in component.component_type().imports(engine) {
            reveals |= name == REVEAL;
            // A linker takes a compatible version for the one that is asked for.
            if name.starts_with(PACKAGE) && !is_served(name) {
                return Err(LoadError::UnknownImport(name.to_owned()));
            }
        }
        Ok((Identity { digest: self.digest, declaration: self.declaration, reveals }, component))
    }

    /// Links the compiled component.
    pub(crate) fn link(self, runtime: &Runtime, component: &Component) -> Result<Skill, LoadError> {
        let mut reveals = false;
        for (name, _) in component.component_type().imports(&runtime.engine) {
            reveals |= name == REVEAL;
            if !is_served(name) {
                return Err(LoadError::UnknownImport(name.to_owned()));
            }
            if runtime.wasi.refuses(name) {
                return Err(LoadError::StrictWasi(name.to_owned()));
            }
        }
        let instance = runtime.linker.instantiate_pre(component).map_err(LoadError::ImportType)?;
        let component = BindingsPre::new(instance).map_err(LoadError::WrongWorld)?;
        let identity = Identity { digest: self.digest, declaration: self.declaration, reveals };
        Ok(Skill { identity, component })
    }
}

impl Skill {
    /// Returns the skill's identity: the digest of its bytes.
    pub fn digest(&self) -> SkillDigest {
        self.identity.digest
    }

    /// Returns the author's declaration. A component without one gets no secret.
    pub fn declaration(&self) -> Option<&Declaration> {
        self.identity.declaration.as_ref()
    }

    /// Returns whether it imports `reveal`, and so could take a secret's bytes.
    pub fn reveals(&self) -> bool {
        self.identity.reveals
    }
}

impl fmt::Debug for Skill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Skill").field("digest", &self.identity.digest).finish_non_exhaustive()
    }
}
