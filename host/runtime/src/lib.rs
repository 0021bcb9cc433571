//! Runs a skill, as a `wasm32-wasip2` component, against the secrets that its task was granted.
//!
//! A whole host, which runs one skill from a file with one secret from a `.env`:
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
//!     // Events go to stderr, and no value is released unless its event was written.
//!     let sink = pal::WriterSink::spawn(std::io::stderr(), pal::Format::JsonLines)?;
//!     let pal = pal::Pal::builder().required_sink(sink, Duration::from_secs(5)).build();
//!
//!     // The operator permits what is granted here, from the backend `dotenv`.
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
//! # Where to go from here
//!
//! - [`Runtime`] loads components and runs tasks; [`RuntimeBuilder`] has the operator's settings.
//! - [`Task`] is one job with its grants and [`Limits`]; [`Report`] and [`End`] say how it ended.
//! - [`capability`] has the catalog's entries and the parts of a grant.
//! - [`pal`] has the events of a task, and the sinks that receive them.
//! - [`memory`] protects the process: a host calls [`memory::harden_process`] first.
//! - [`embed`] is for a program that has a wasmtime host with its own engine and stores.
//!
//! Backends are in `far-providers`, each behind a feature; `far-core` has the trait for others.
//! Everything else that a host needs of `far-core` is re-exported here.
//!
//! # Invariants
//!
//! - One store per task; nothing of a task survives it, and a store is never entered again after a trap.
//! - What a guest does cannot be hidden from its report: a violation is what the task's session saw.
//! - Nothing here decides about secrets; `interfaces/` asks the broker of `far-core`, each time.
//! - Needs a multi-threaded tokio runtime with time enabled.

mod admit;
mod admitted;
mod artifact;
mod compiler;
mod context;
mod egress;
pub mod embed;
mod engine;
mod exceeded;
mod interfaces;
mod limits;
mod load;
mod load_error;
mod metrics;
mod result;
mod run;
mod runtime;
mod skill;
mod state;
mod task;
mod task_log;
mod turns;
mod untraced;
mod wasi;
mod window;

pub use artifact::ArtifactCache;
pub use compiler::{Compiler, LoadLimits};
// For the fuzz targets of this workspace alone, see there.
#[doc(hidden)]
pub use egress::internal;
pub use egress::{Egress, EgressSetupError};
#[doc(inline)]
pub use far_core::broker::{BrokerError, BrokerSettings, KeptSecret, Repeats, Reread, Violation};
#[doc(inline)]
pub use far_core::capability::{Catalog, CatalogEntry, Declaration, Destination, Grant};
#[doc(inline)]
pub use far_core::provider::SecretProvider;
#[doc(inline)]
pub use far_core::{AgentId, ProviderId, SecretName, SkillDigest, SkillName, TaskId, ToolName, Version};
pub use limits::{Limit, Limits};
pub use load_error::{COMPONENT_MAX, LoadError};
pub use metrics::Metrics;
pub use runtime::{Runtime, RuntimeBuilder, RuntimeError};
pub use skill::Skill;
pub use task::{End, Refusal, Report, Task};
pub use task_log::{LogEntry, LogSource};
pub use wasi::Wasi;

/// The parts of grants, of declarations and of the catalog's entries, from `far-core`.
pub mod capability {
    #[doc(inline)]
    pub use far_component::ComponentError;
    #[doc(inline)]
    pub use far_core::capability::{
        CapabilityError, CatalogError, DeclarationError, DeclaredSecret, DenyReason, DestinationError, Gap, GrantError,
        JwtAlgorithm, JwtRule, NameError, Operation, Operations, Placement, Reference, Rotation, Scope, Signature,
        Signing, Terms, TermsError, VersionError, VersionRule, VersionSelector, WhenLeaked,
    };
}

/// The Process Activity Log: events, and the sinks that receive them, from `far-core`.
pub mod pal {
    #[doc(inline)]
    pub use far_core::pal::{
        AuditUnavailable, CacheState, Cause, DestinationLabel, Event, EventKind, Format, LogLevel, MemorySink, Outcome,
        Pal, PalBuilder, Reading, Reason, Receipt, Record, SecretLabel, Sink, SinkError, Subject, Subscription,
        WriterSink,
    };
}

/// Protection of the memory of the host's process, from `far-core`.
pub mod memory {
    #[doc(inline)]
    pub use far_core::memory::{NotWiping, SelfTestError, Unhardened, WipingAllocator, harden_process, self_test};
}
