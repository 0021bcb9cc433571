//! A loaded component: read once, identified, checked, compiled.

use std::fmt;

use far_core::SkillDigest;
use far_core::declaration::{self, ComponentError, Declaration};
use far_core::guard::Guard;
use far_core::review::is_served;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::artifact::ArtifactCache;
use crate::interfaces::{BindingsPre, REVEAL};
use crate::limits::is_the_machines;
use crate::state::TaskState;
use crate::wasi::Wasi;

/// The largest component, in bytes.
pub const COMPONENT_MAX: usize = 64 << 20;

/// A skill that can be run, as often as wanted and at the same time.
pub struct Skill {
    digest: SkillDigest,
    declaration: Option<Declaration>,
    reveals: bool,
    pub(crate) component: BindingsPre<TaskState>,
}

/// Why a component is no skill. The names in it are its author's text: escape them wherever they are shown.
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
    /// It imports files or sockets, which [`Wasi::Strict`] refuses.
    #[error("the component imports '{0}', which this host's strict WASI refuses")]
    StrictWasi(String),
    /// It imports something under a name that the host has, with another type.
    #[error("the component imports what the host has, but with other types")]
    ImportType(#[source] wasmtime::Error),
    /// It does not export `run` as the world says.
    #[error("the component is not of the world 'skill': it has no 'run' from bytes to bytes or an error")]
    WrongWorld(#[source] wasmtime::Error),
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
            Self::Component(ComponentError::Malformed(_)) | Self::Invalid(_) => "invalid-component",
            Self::Component(_) => "invalid-declaration",
            Self::Limits(_) => "component-limits",
            Self::Host(_) => "host",
            Self::UnknownImport(_) => "unknown-import",
            Self::StrictWasi(_) => "strict-wasi",
            Self::ImportType(_) => "import-type",
            Self::WrongWorld(_) => "wrong-world",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What the engine's errors about a component that its pool cannot hold have in their chain.
const BEYOND_POOL: &str = "pooling allocator";

fn of_engine(error: wasmtime::Error) -> LoadError {
    // The engine has no type for these; a test sees that the words stay as they are.
    if error.chain().any(|cause| cause.to_string().contains(BEYOND_POOL)) {
        LoadError::Limits(error)
    } else if is_the_machines(&error) {
        LoadError::Host(error)
    } else {
        LoadError::Invalid(error)
    }
}

impl Skill {
    /// Checks and compiles the component of this digest. Takes long: not for a thread that others wait for.
    pub(crate) fn load(
        engine: &Engine,
        linker: &Linker<TaskState>,
        artifacts: Option<&ArtifactCache>,
        wasi: Wasi,
        digest: SkillDigest,
        bytes: &[u8],
    ) -> Result<Self, LoadError> {
        if bytes.len() > COMPONENT_MAX {
            return Err(LoadError::TooLarge);
        }
        let declaration = declaration::read(bytes)?;
        let component = match artifacts {
            Some(artifacts) => artifacts.component(engine, &digest, bytes),
            None => Component::new(engine, bytes),
        };
        let component = component.map_err(of_engine)?;
        let mut reveals = false;
        for (name, _) in component.component_type().imports(engine) {
            reveals |= name == REVEAL;
            if Guard::KnownImport.stands() && !is_served(name) {
                return Err(LoadError::UnknownImport(name.to_owned()));
            }
            if Guard::StrictWasi.stands() && wasi.refuses(name) {
                return Err(LoadError::StrictWasi(name.to_owned()));
            }
        }
        let instance = linker.instantiate_pre(&component).map_err(LoadError::ImportType)?;
        let component = BindingsPre::new(instance).map_err(LoadError::WrongWorld)?;
        Ok(Self { digest, declaration, reveals, component })
    }

    /// The skill's identity: the digest of its bytes.
    pub fn digest(&self) -> SkillDigest {
        self.digest
    }

    /// What its author declares; none if the component has no declaration, and then it gets no secret.
    pub fn declaration(&self) -> Option<&Declaration> {
        self.declaration.as_ref()
    }

    /// Whether it imports `reveal`, and so could take a secret's bytes.
    pub fn reveals(&self) -> bool {
        self.reveals
    }
}

impl fmt::Debug for Skill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Skill").field("digest", &self.digest).finish_non_exhaustive()
    }
}
