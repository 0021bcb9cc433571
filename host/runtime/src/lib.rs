//! Embedding API of far: runs WebAssembly components with capability-scoped secrets.
//!
//! A *skill* is a component for `wasm32-wasip2`. The crate compiles it with [wasmtime], and runs
//! each task of it in a new store. A task uses only the secrets that the skill's author declares,
//! the caller grants and the operator's catalog permits. The broker of `far-core` checks and
//! records each use. Values are redacted from the task's output, its log and the responses to its
//! requests.
//!
//! [wasmtime]: https://docs.rs/wasmtime
//!
//! # Example
//!
//! A complete host, which runs one skill from a file with one secret from `.env`:
//!
//! ```no_run
//! use std::error::Error;
//! use std::path::Path;
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use far_providers::dotenv::DotEnv;
//! use far_runtime::{Catalog, End, Grant, Runtime, Task, pal};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn Error>> {
//!     // Events go to stderr. A value is released only after its event is written.
//!     let sink = pal::WriterSink::spawn(std::io::stderr(), pal::Format::JsonLines)?;
//!     let pal = pal::Pal::builder().required_sink(sink, Duration::from_secs(5)).build();
//!
//!     // The operator permits the grant, with secrets from the backend `dotenv`.
//!     let grant: Grant = "github-webhook-secret:sign".parse()?;
//!     let provider = DotEnv::open("dotenv".parse()?, Path::new(".env"))?;
//!     let catalog = Catalog::of_grants(std::slice::from_ref(&grant), &"dotenv".parse()?)?;
//!     let runtime = Runtime::builder("my-agent".parse()?, pal)
//!         .provider(Arc::new(provider))
//!         .catalog(catalog)
//!         .build()?;
//!
//!     let skill = runtime.load(std::fs::read("github_webhook.wasm")?).await?;
//!     let input = r#"{ "payload": "Hello, World!", "signature": "sha256=…" }"#;
//!     let report = runtime.run(Task::new(&skill).with_grant(grant).with_input(input)).await;
//!     match report.end {
//!         End::Completed(output) => println!("{}", String::from_utf8(output)?),
//!         other => eprintln!("{}: {other:?}", other.outcome().as_str()),
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Core concepts
//!
//! - [`Runtime`]: the engine, the linker, the broker and the cache of secrets. Create one per agent
//!   with [`Runtime::builder`], and share it. [`RuntimeBuilder`] has the operator's settings.
//! - [`Skill`]: a compiled component. [`Runtime::load`] checks and compiles it once, for any number
//!   of tasks.
//! - [`Task`]: one call of a skill, with its input, grants and [`Limits`]. [`Runtime::run`] runs it
//!   in a new store and returns a [`Report`], whose [`End`] is the result.
//! - [`capability`]: the catalog, grants and declarations.
//! - [`pal`]: the Process Activity Log, which records each use of a secret, and its sinks.
//! - [`memory`]: protection of the process. A host calls [`memory::harden_process`] first.
//! - [`embed`]: integration into an existing wasmtime host, with its own engine, linker and stores.
//!
//! Each feature of `far-providers` is a backend for secrets. For a custom backend, implement
//! [`SecretProvider`]. The types of `far-core` that a host needs are re-exported here.
//!
//! # Requirements
//!
//! The futures of this crate run on a multi-threaded tokio runtime with time enabled. The crate
//! supports Linux only.
//!
//! # Guarantees
//!
//! - Each task has its own store, which is dropped with the task and never entered after a trap.
//! - A guest cannot hide a violation from its report. The session records violations, not the
//!   guest.
//! - This crate makes no decision about secrets. Each host function asks the broker each time.

mod admit;
mod admitted_task;
mod artifact;
mod compiler;
mod context;
mod egress;
pub mod embed;
mod engine;
mod interfaces;
mod limits;
mod load;
mod load_error;
mod metrics;
mod redact;
mod run;
mod run_queue;
mod runtime;
mod skill;
mod state;
mod task;
mod task_log;
mod trap;
mod untraced;
mod wasi;
mod window;

pub use artifact::ArtifactCache;
pub use compiler::{Compiler, LoadLimits};
// For the fuzz targets of this workspace only.
#[doc(hidden)]
pub use egress::internal;
pub use egress::{Egress, EgressSetupError, IN_FLIGHT_MAX};
#[doc(inline)]
pub use far_core::broker::{BrokerError, BrokerSettings, CachedSecret, RepeatRecording, RereadReport, Violation};
#[doc(inline)]
pub use far_core::capability::{Catalog, CatalogEntry, Declaration, Destination, Grant};
#[doc(inline)]
pub use far_core::provider::SecretProvider;
#[doc(inline)]
pub use far_core::{AgentId, ProviderId, SecretName, SkillDigest, SkillName, TaskId, ToolName, Version};
pub use limits::{Limit, Limits};
pub use load_error::{COMPONENT_MAX, LoadError, LoadErrorKind};
pub use metrics::Metrics;
pub use runtime::{Runtime, RuntimeBuilder, RuntimeError};
pub use skill::Skill;
pub use task::{End, Refusal, RefusalKind, Report, Task};
pub use task_log::{LogEntry, LogSource};
pub use wasi::Wasi;

/// Grants, declarations and the catalog, from `far-core`.
pub mod capability {
    #[doc(inline)]
    pub use far_component::ComponentError;
    #[doc(inline)]
    pub use far_core::capability::{
        CapabilityError, CatalogError, DeclarationError, DeclaredSecret, DenyReason, DestinationError, Gap, GrantError,
        JwtAlgorithm, JwtRule, LeakPolicy, NameError, Operation, Operations, Placement, Reference, Rotation, Scope,
        Signature, Signing, Terms, TermsError, VersionError, VersionRule, VersionSelector,
    };
}

/// The Process Activity Log: events and their sinks, from `far-core`.
pub mod pal {
    #[doc(inline)]
    pub use far_core::pal::{
        AuditUnavailable, CacheState, Cause, DestinationLabel, Event, EventKind, Format, LogLevel, MemorySink, Outcome,
        Pal, PalBuilder, Reason, Receipt, Record, SecretLabel, Sink, SinkError, Subject, Subscription,
        SubscriptionItem, WriterSink,
    };
}

/// Protection of the process and its memory, from `far-core`.
pub mod memory {
    #[doc(inline)]
    pub use far_core::memory::{
        HardeningError, SelfTestError, WipeCheckError, WipingAllocator, harden_process, self_test,
    };
}
