//! Loading of a component: read once, identified, checked, compiled.

use std::sync::Arc;

use far_component::ComponentError;
use far_component::review::{Shape, is_served};
use far_core::capability::Declaration;
use far_core::pal::Subject;
use far_core::{SkillDigest, thread};
use tokio::sync::oneshot;
use tokio::time::timeout;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::artifact;
use crate::compiler::Job;
use crate::interfaces::{BindingsPre, PACKAGE, REVEAL};
use crate::load_error::{COMPONENT_MAX, LoadError, of_engine};
use crate::runtime::Runtime;
use crate::skill::{Identity, Skill};

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

impl Runtime {
    /// Checks and compiles a component, on threads of its own. Records a refusal.
    ///
    /// A component whose machine code is in the cache waits for no other that is being compiled.
    ///
    /// # Errors
    ///
    /// [`LoadError`], by fault of whoever made the component.
    pub async fn load(self: &Arc<Self>, component: Vec<u8>) -> Result<Arc<Skill>, LoadError> {
        let digest = SkillDigest::of(&component);
        let loaded = self.load_digest(component, digest).await;
        if let Err(error) = &loaded {
            self.record_load_refusal(digest, error).await;
        }
        loaded.map(Arc::new)
    }

    pub(crate) async fn record_load_refusal(&self, digest: SkillDigest, error: &LoadError) {
        let agent_id = self.agent_id.clone();
        let subject = Subject { task_id: None, agent_id, skill: None, skill_digest: Some(digest) };
        // The refusal stands, recorded or not: nothing runs.
        let _ = self.broker.refuse(&Arc::new(subject), error.kind()).await;
    }

    async fn load_digest(self: &Arc<Self>, component: Vec<u8>, digest: SkillDigest) -> Result<Skill, LoadError> {
        let runtime = self.clone();
        let checked = on_thread("far-load", move || {
            let checked = Checked::new(component, digest)?;
            match checked.cached(&runtime) {
                Some(component) => checked.link(&runtime, &component).map(Load::Done),
                None => Ok(Load::Compile(checked)),
            }
        });
        let checked = {
            // The semaphore is never closed.
            let _check = self.checking.acquire().await.map_err(|_| LoadError::Interrupted)?;
            match checked.await? {
                Load::Compile(checked) => checked,
                Load::Done(skill) => return Ok(skill),
            }
        };
        let compiled = self.compile(checked);
        match self.compiler.deadline(&self.load_limits) {
            None => compiled.await,
            Some(deadline) => timeout(deadline, compiled).await.unwrap_or(Err(LoadError::Timeout(deadline))),
        }
    }

    async fn compile(self: &Arc<Self>, checked: Checked) -> Result<Skill, LoadError> {
        let (job, _waiting) = self.places.job(self.load_limits).await.ok_or(LoadError::Interrupted)?;
        let runtime = self.clone();
        on_thread("far-compile", move || {
            // The place is freed when compiling has ended, not when the caller stops waiting.
            let component = checked.compile(&runtime, &job)?;
            checked.link(&runtime, &component)
        })
        .await
    }
}

/// A load whose component has been checked.
enum Load {
    /// The cache had its machine code.
    Done(Skill),
    /// It must be compiled.
    Compile(Checked),
}

/// Runs something long, and waits for it.
///
/// Does not use a thread of tokio's: if tokio can start no thread, it waits forever for a free one.
/// A compiling process is ended with the thread that started it.
pub(crate) async fn on_thread<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    let (done, result) = oneshot::channel();
    // Whoever asked may have gone away.
    match thread::spawn(name, move || _ = done.send(run())) {
        // A thread that panicked leaves no word.
        Ok(_) => result.await.unwrap_or(Err(LoadError::Interrupted)),
        Err(error) => Err(LoadError::Host(error.into())),
    }
}
