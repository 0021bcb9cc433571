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
//! use far_core::capability::{Catalog, Grant};
//! use far_core::pal::{Format, Pal, WriterSink};
//! use far_providers::dotenv::DotEnv;
//! use far_runtime::{End, Runtime, Task};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn Error>> {
//!     // Events go to stderr, and no value is released unless its event was written.
//!     let sink = WriterSink::spawn(std::io::stderr(), Format::JsonLines)?;
//!     let pal = Pal::builder().required_sink(sink, Duration::from_secs(5)).build();
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
//! # Invariants
//!
//! - One store per task; nothing of a task survives it, and a store is never entered again after a trap.
//! - What a guest does cannot be hidden from its report: a violation is what the task's session saw.
//! - Nothing here decides about secrets; `interfaces/` asks the broker of `far-core`, each time.
//! - Needs a multi-threaded tokio runtime with time enabled.

mod admit;
mod artifact;
mod compiler;
mod egress;
mod engine;
mod exceeded;
mod interfaces;
mod limits;
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

pub use artifact::{ArtifactCache, ArtifactError};
pub use compiler::{Compiler, LoadLimits};
#[doc(hidden)]
pub use egress::internal;
pub use egress::{Egress, EgressSetupError};
pub use limits::{Limit, Limits};
pub use metrics::Metrics;
pub use runtime::{Runtime, RuntimeBuilder, RuntimeError};
pub use skill::{COMPONENT_MAX, LoadError, Skill};
pub use task::{End, Refusal, Report, Task};
pub use task_log::{LogEntry, LogSource};
pub use wasi::Wasi;
