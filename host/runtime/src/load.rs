//! Loading of components: hashed, checked and compiled once.

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

/// A component that is checked, but not compiled yet.
pub(crate) struct CheckedComponent {
    bytes: Vec<u8>,
    digest: SkillDigest,
    declaration: Option<Declaration>,
}

impl CheckedComponent {
    /// Performs the checks that need neither the engine nor the compiler.
    pub(crate) fn new(bytes: Vec<u8>, digest: SkillDigest) -> Result<Self, LoadError> {
        if bytes.len() > COMPONENT_MAX {
            return Err(LoadError::TooLarge);
        }
        let declaration = far_component::read(&bytes)?;
        Ok(Self { bytes, digest, declaration })
    }

    /// Loads the compiled component from the cache.
    pub(crate) fn cached(&self, runtime: &Runtime) -> Option<Component> {
        runtime.artifacts.as_ref()?.load(&runtime.engine, &self.digest)
    }

    /// Compiles the component, and stores the machine code in the cache. Takes long: call it on a
    /// separate thread.
    pub(crate) fn compile(&self, runtime: &Runtime, job: &Job) -> Result<Component, LoadError> {
        let Runtime { engine, artifacts, compiler, .. } = runtime;
        // Not checked for cached artifacts, which were within the limits when they were compiled.
        Shape::read(&self.bytes)?.within_limits().map_err(ComponentError::Shape)?;
        let code = compiler.compile(engine, &self.bytes, job)?;
        let component = artifact::of_code(engine, &code).map_err(of_engine)?;
        if let Some(artifacts) = artifacts {
            // A failure to store costs only time.
            let _ = artifacts.store(engine, &self.digest, &code);
        }
        Ok(component)
    }

    /// Compiles the component for an embedder's engine. Checks only the imports of this package;
    /// the embedder's linker provides the others.
    pub(crate) fn compile_for(self, engine: &Engine) -> Result<(Identity, Component), LoadError> {
        Shape::read(&self.bytes)?.within_limits().map_err(ComponentError::Shape)?;
        let component = Component::from_binary(engine, &self.bytes).map_err(of_engine)?;
        let mut reveals = false;
        for (name, _) in component.component_type().imports(engine) {
            reveals |= name == REVEAL;
            // A linker also accepts a compatible version.
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
    /// Checks and compiles a component on separate threads. A refusal is recorded.
    ///
    /// A cached component does not wait for others that are being compiled.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if the component is refused, or cannot be compiled.
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
        // The refusal holds even if it cannot be recorded: nothing runs.
        let _ = self.broker.refuse(&Arc::new(subject), error.kind()).await;
    }

    async fn load_digest(self: &Arc<Self>, component: Vec<u8>, digest: SkillDigest) -> Result<Skill, LoadError> {
        let runtime = self.clone();
        let checked = on_thread("far-load", move || {
            let checked = CheckedComponent::new(component, digest)?;
            match checked.cached(&runtime) {
                Some(component) => checked.link(&runtime, &component).map(CacheLookup::Hit),
                None => Ok(CacheLookup::Miss(checked)),
            }
        });
        let checked = {
            // The semaphore is never closed.
            let _check = self.checking.acquire().await.map_err(|_| LoadError::Interrupted)?;
            match checked.await? {
                CacheLookup::Miss(checked) => checked,
                CacheLookup::Hit(skill) => return Ok(skill),
            }
        };
        let compiled = self.compile(checked);
        match self.compiler.deadline(&self.load_limits) {
            None => compiled.await,
            Some(deadline) => timeout(deadline, compiled).await.unwrap_or(Err(LoadError::Timeout(deadline))),
        }
    }

    async fn compile(self: &Arc<Self>, checked: CheckedComponent) -> Result<Skill, LoadError> {
        let (job, _waiting) = self.compile_queue.job(self.load_limits).await.ok_or(LoadError::Interrupted)?;
        let runtime = self.clone();
        on_thread("far-compile", move || {
            // Frees the slot when compilation ends, not when the caller stops waiting.
            let component = checked.compile(&runtime, &job)?;
            checked.link(&runtime, &component)
        })
        .await
    }
}

/// The result of a cache lookup.
enum CacheLookup {
    /// The compiled component is cached.
    Hit(Skill),
    /// The component must be compiled.
    Miss(CheckedComponent),
}

/// Runs a long computation on a new thread, and awaits its result.
///
/// A blocking thread of tokio would not do: if tokio cannot start one, the task waits forever. The
/// kernel also kills a compiler process together with the thread that started it.
pub(crate) async fn on_thread<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    let (done, result) = oneshot::channel();
    // The receiver may be dropped.
    match thread::spawn(name, move || _ = done.send(run())) {
        // A thread that panics drops the sender.
        Ok(_) => result.await.unwrap_or(Err(LoadError::Interrupted)),
        Err(error) => Err(LoadError::Host(error.into())),
    }
}
