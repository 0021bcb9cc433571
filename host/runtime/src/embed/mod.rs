//! Stores of the embedder's own: for a program that has a wasmtime host already.
//!
//! [`Runtime::run`] makes a store for each task, and keeps every bound on it. A program with its
//! own engine, linker and stores uses this module instead, as it uses `wasmtime-wasi`:
//!
//! 1. Implement [`FarView`] for the data of the store, beside `WasiView`.
//! 2. Link the interfaces with [`add_to_linker`], `wasi:http` with [`add_http_to_linker`], and, after
//!    the rest of WASI, [`add_untraced_to_linker`].
//! 3. Check and compile the component with [`Runtime::load_for`].
//! 4. Admit a task with [`Runtime::open_task`], which gives an [`OpenTask`] and a [`FarCtx`].
//! 5. Put the context into a new store and call [`OpenTask::bound`] on the store.
//! 6. Instantiate the component, call [`OpenTask::start`], and call the guest; all of it inside
//!    [`OpenTask::drive`].
//! 7. Drop the store and call [`OpenTask::finish`].
//!
//! `host/runtime/examples/own_store.rs` is such a program.
//!
//! # Guarantees
//!
//! These hold in every store, since the broker gives them:
//!
//! - Admission checks declaration, grants and catalog, and is recorded. There is no other way to a
//!   [`FarCtx`].
//! - Each use of a secret is checked against the capability, and recorded before it takes place.
//! - A violation traps and is recorded. From then on every host function of this package traps, in
//!   any instance of the store, and the report says `scope-violation`.
//! - A handle of a secret is of use in the task that got it only; its use by another task, in whatever
//!   store or runtime, is a violation.
//! - From the deadline on, and after the end, every host function of this package traps, and
//!   [`FarCtx::http_hooks`] let no request out. A late call is no violation, and is not recorded. A
//!   request on its way is given up at the deadline; an
//!   answer that is there already can be read.
//! - Dropping the [`OpenTask`] ends the task: values are wiped, and the end is recorded.
//!
//! # The embedder's responsibility
//!
//! These hold in the runtime's own stores, and in an embedder's only if the embedder sees to it:
//!
//! - **One store for each task, with one component.** Everything in the store acts under the task's
//!   capability. Do not enter a component that was loaded from other bytes.
//! - **The deadline of guest code.** [`OpenTask::drive`] ends a guest at each point where the guest
//!   yields. A guest that computes yields only if the engine has
//!   [`epoch_interruption`](wasmtime::Config::epoch_interruption) or fuel, the store has
//!   [`epoch_deadline_async_yield_and_update`](wasmtime::Store::epoch_deadline_async_yield_and_update)
//!   or the like, and something increments the epoch.
//! - **Memory.** [`OpenTask::bound`] bounds memories, tables, handles and arguments. The bounds on
//!   stacks and on the number of instances are the engine's configuration.
//! - **Clearing.** What the guest had in its memory stays in the engine's pool or in freed pages,
//!   as the engine's configuration says.
//! - **Fairness and queueing.** [`RuntimeBuilder::max_tasks`](crate::RuntimeBuilder::max_tasks)
//!   does not count these tasks.
//! - **Traces.** The engine has an event of `tracing` for each call of a function of WASI, with the
//!   guest's texts in it. [`add_http_to_linker`] and [`add_untraced_to_linker`] link the functions
//!   without it that a guest without folders can pass texts to; others are the embedder's.
//! - **Other ways out.** Only the task log, the result in the report, and responses to requests by
//!   [`FarCtx::http_hooks`] are redacted. Whatever else the store's linker lets the guest write to
//!   must go through [`OpenTask::redact`].
//! - **Panics.** A panic of a host function must not end more than its task.

mod skill;
mod task;

use wasmtime::component::Linker;
use wasmtime_wasi::WasiView;
use wasmtime_wasi_http::WasiHttpView;

pub use self::skill::EmbeddedSkill;
pub use self::task::OpenTask;
#[cfg(doc)]
use crate::Runtime;
pub use crate::context::{FarCtx, FarCtxView, FarView};
pub use crate::task::OpenError;
use crate::{egress, interfaces, untraced};

/// Links every interface of the package `tinkerbell:skill`.
///
/// The functions are asynchronous: instantiate components and call them with wasmtime's `_async`
/// functions, on a tokio runtime. The interfaces of WASI that the package's world imports are the
/// embedder's to link; for `wasi:http`, see [`add_http_to_linker`].
///
/// # Errors
///
/// The linker's, if one of the interfaces is linked already.
pub fn add_to_linker<T: FarView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    interfaces::add_to_linker(linker)
}

/// Links `wasi:http/types` and `wasi:http/outgoing-handler`, with the runtime's bounds on requests,
/// and without the engine's `tracing` events, which contain guest-supplied strings.
///
/// Secrets replace placeholders only if [`WasiHttpView::http`] returns [`FarCtx::http_hooks`].
///
/// # Errors
///
/// The linker's, if one of the interfaces is linked already.
///
/// # Shadowing
///
/// Switches [`Linker::allow_shadowing`] off, whatever it was: the linker does not tell.
pub fn add_http_to_linker<T: WasiHttpView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    egress::add_to_linker(linker)?;
    untraced::add_http_to_linker(linker)
}

/// Links name lookup in `wasi:sockets` once more, without the engine's `tracing` event, which
/// contains the name that the guest passed. To be called after `wasi:sockets` is linked, as by
/// `wasmtime_wasi::p2::add_to_linker_async`; takes the place of its function.
///
/// # Errors
///
/// The linker's.
///
/// # Shadowing
///
/// Switches [`Linker::allow_shadowing`] off, whatever it was: the linker does not tell.
pub fn add_untraced_to_linker<T: WasiView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    untraced::add_lookup_to_linker(linker)
}
