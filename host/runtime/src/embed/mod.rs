//! Skills in the stores of an embedder that already has a wasmtime host.
//!
//! [`Runtime::run`] creates a store for each task, and enforces every limit on it. A program with
//! its own engine, linker and stores uses this module instead, in the same way as `wasmtime-wasi`:
//!
//! 1. Implement [`FarView`] for the data of the store, in addition to `WasiView`.
//! 2. Link the interfaces with [`add_to_linker`], `wasi:http` with [`add_http_to_linker`], and,
//!    after the rest of WASI, [`add_untraced_to_linker`].
//! 3. Check and compile the component with [`Runtime::load_for`].
//! 4. Admit a task with [`Runtime::open_task`], which returns an [`OpenTask`] and a [`FarCtx`].
//! 5. Move the context into a new store, and call [`OpenTask::apply_limits`] on the store.
//! 6. Within [`OpenTask::drive`]: instantiate the component, call [`OpenTask::start`], and call the
//!    guest.
//! 7. Drop the store and call [`OpenTask::finish`].
//!
//! See `host/runtime/examples/own_store.rs` for a complete program.
//!
//! # Guarantees
//!
//! The broker enforces these in every store:
//!
//! - Admission checks the declaration, the grants and the catalog, and is recorded. Only admission
//!   creates a [`FarCtx`].
//! - Each use of a secret is checked against the capability, and recorded before it takes place.
//! - A violation traps and is recorded. From then on, every host function of this package traps in
//!   every instance of the store, and the report says `scope-violation`.
//! - A handle of a secret is valid only in its own task. Its use by another task, in any store or
//!   runtime, is a violation.
//! - After the deadline or the end of the task, every host function of this package traps, and
//!   [`FarCtx::http_hooks`] send no request. A late call is not a violation, and is not recorded. A
//!   request in flight is canceled at the deadline; a response that has arrived can still be read.
//! - Dropping the [`OpenTask`] ends the task: its values are wiped, and the end is recorded.
//!
//! # The embedder's responsibility
//!
//! The runtime ensures these in its own stores. In other stores, the embedder does:
//!
//! - **One store for each task, with one component.** All code in the store runs with the task's
//!   capability. Do not enter a component that was loaded from other bytes.
//! - **The deadline of guest code.** [`OpenTask::drive`] ends a guest whenever the guest yields. A
//!   guest that computes yields only with
//!   [`epoch_interruption`](wasmtime::Config::epoch_interruption) or fuel. With epochs, the store
//!   also needs
//!   [`epoch_deadline_async_yield_and_update`](wasmtime::Store::epoch_deadline_async_yield_and_update)
//!   or a callback, and a thread must increment the epoch.
//! - **Memory.** [`OpenTask::apply_limits`] limits memories, tables, handles and arguments. The
//!   engine's configuration limits stacks and the number of instances.
//! - **Wiping.** The guest's memory stays in the engine's pool or in freed pages, depending on the
//!   engine's configuration.
//! - **Scheduling.** [`RuntimeBuilder::max_tasks`](crate::RuntimeBuilder::max_tasks) does not count
//!   these tasks.
//! - **Traces.** The engine emits a `tracing` event for each call of a WASI function, including
//!   guest-supplied strings. [`add_http_to_linker`] and [`add_untraced_to_linker`] replace the
//!   affected functions that a guest without directories can call. For others, the embedder is
//!   responsible.
//! - **Other output.** Only the task log, the result in the report, and responses to requests by
//!   [`FarCtx::http_hooks`] are redacted. Pass all other output of the guest through
//!   [`OpenTask::redact`].
//! - **Panics.** A panic of a host function must end only its own task.

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
/// The functions are asynchronous: use wasmtime's `_async` functions on a tokio runtime. The
/// embedder links the interfaces of WASI that the world of the package imports; for `wasi:http`,
/// see [`add_http_to_linker`].
///
/// # Errors
///
/// Returns an error if one of the interfaces is already linked.
pub fn add_to_linker<T: FarView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    interfaces::add_to_linker(linker)
}

/// Links `wasi:http/types` and `wasi:http/outgoing-handler`, with the runtime's limits on requests,
/// and without the engine's `tracing` events, which contain guest-supplied strings.
///
/// Secrets replace placeholders only if [`WasiHttpView::http`] returns [`FarCtx::http_hooks`].
///
/// # Errors
///
/// Returns an error if one of the interfaces is already linked.
///
/// # Shadowing
///
/// Disables [`Linker::allow_shadowing`]. A linker does not expose the previous setting.
pub fn add_http_to_linker<T: WasiHttpView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    egress::add_to_linker(linker)?;
    untraced::add_http_to_linker(linker)
}

/// Replaces the name lookup of `wasi:sockets` with a function that emits no `tracing` event, since
/// the event contains the guest-supplied name. Call it after `wasi:sockets` is linked, for example
/// by `wasmtime_wasi::p2::add_to_linker_async`.
///
/// # Errors
///
/// The errors of the linker.
///
/// # Shadowing
///
/// Disables [`Linker::allow_shadowing`]. A linker does not expose the previous setting.
pub fn add_untraced_to_linker<T: WasiView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    untraced::add_lookup_to_linker(linker)
}
