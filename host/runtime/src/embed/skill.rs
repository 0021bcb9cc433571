//! Components that are compiled for an embedder's engine.

use std::fmt;
use std::sync::Arc;

use far_core::SkillDigest;
use far_core::capability::Declaration;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::load::{CheckedComponent, on_thread};
use crate::load_error::LoadError;
use crate::runtime::Runtime;
use crate::skill::Identity;

/// A checked component, compiled for an embedder's engine.
pub struct EmbeddedSkill {
    pub(crate) identity: Identity,
    component: Component,
}

impl EmbeddedSkill {
    /// Returns the compiled component, to instantiate in the store of a task of this skill.
    pub fn component(&self) -> &Component {
        &self.component
    }

    /// Returns the skill's identity: the digest of its bytes.
    pub fn digest(&self) -> SkillDigest {
        self.identity.digest
    }

    /// Returns the author's declaration. A component without one gets no secret.
    pub fn declaration(&self) -> Option<&Declaration> {
        self.identity.declaration.as_ref()
    }
}

impl fmt::Debug for EmbeddedSkill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedSkill").field("digest", &self.identity.digest).finish_non_exhaustive()
    }
}

impl Runtime {
    /// Checks a component and compiles it for an embedder's engine, on a separate thread. A refusal
    /// is recorded.
    ///
    /// The checks are those of [`Runtime::load`], but imports outside the package
    /// `tinkerbell:skill` are left to the embedder's linker. The engine compiles in this process:
    /// [`Compiler`](crate::Compiler) and [`LoadLimits`](crate::LoadLimits) do not apply. Set
    /// `Config::cache` of the engine to cache machine code.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if the component is refused.
    pub async fn load_for(&self, engine: &Engine, component: Vec<u8>) -> Result<Arc<EmbeddedSkill>, LoadError> {
        let digest = SkillDigest::of(&component);
        let engine = engine.clone();
        let loaded = on_thread("far-compile", move || {
            let (identity, component) = CheckedComponent::new(component, digest)?.compile_for(&engine)?;
            Ok(EmbeddedSkill { identity, component })
        });
        let loaded = loaded.await;
        if let Err(error) = &loaded {
            self.record_load_refusal(digest, error).await;
        }
        loaded.map(Arc::new)
    }
}
