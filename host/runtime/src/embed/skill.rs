//! A component for an engine of the embedder's own.

use std::fmt;
use std::sync::Arc;

use far_core::SkillDigest;
use far_core::capability::Declaration;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::load::{Checked, on_thread};
use crate::load_error::LoadError;
use crate::runtime::Runtime;
use crate::skill::Identity;

/// A checked component, compiled for an embedder's engine.
pub struct EmbeddedSkill {
    pub(crate) identity: Identity,
    component: Component,
}

impl EmbeddedSkill {
    /// Returns the compiled component, to be instantiated in the store of a task of this skill.
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
    /// Checks a component and compiles it for an embedder's engine, on a thread of its own. Records
    /// a refusal.
    ///
    /// The checks are those of [`Runtime::load`], except for the imports that are not of the package
    /// `tinkerbell:skill`: those are the embedder's linker's. The compiler is the engine's, in this
    /// process; neither [`Compiler`](crate::Compiler) nor [`LoadLimits`](crate::LoadLimits) apply.
    /// Set the engine's `Config::cache` to keep machine code.
    ///
    /// # Errors
    ///
    /// [`LoadError`].
    pub async fn load_for(&self, engine: &Engine, component: Vec<u8>) -> Result<Arc<EmbeddedSkill>, LoadError> {
        let digest = SkillDigest::of(&component);
        let engine = engine.clone();
        let loaded = on_thread("far-compile", move || {
            let (identity, component) = Checked::new(component, digest)?.compile_for(&engine)?;
            Ok(EmbeddedSkill { identity, component })
        });
        let loaded = loaded.await;
        if let Err(error) = &loaded {
            self.record_load_refusal(digest, error).await;
        }
        loaded.map(Arc::new)
    }
}
