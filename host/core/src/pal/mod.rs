//! The Process Activity Log (PAL): what happened, live, without a value (ADR-0023 R11, R14).
//!
//! # Invariants
//!
//! - An [`Event`] is made of fixed tokens, parsed names and numbers. No field takes text, so neither a value nor
//!   anything that a guest wrote fits in.
//! - Records have one order, the same for every sink and every reader.
//! - A *required* sink gates: whoever must not go on without a record waits for [`Pal::record`], and stops on an error.

mod egress;
mod event;
mod kind;
mod label;
mod log;
mod memory;
pub mod queue;
mod record;
mod sink;
mod text;
mod timestamp;
mod token;
mod writer;

pub use egress::{EgressReason, Sent};
pub use event::{Completion, EgressEnd, Event, LeaseRecovery, SecretRef, SecretUse, Transfer};
pub use kind::EventKind;
pub use label::{DestinationLabel, Labels, SecretLabel};
pub use log::{AuditUnavailable, Pal, PalBuilder, Reading, Subscription};
pub use memory::MemorySink;
pub use record::{Record, Subject};
pub use sink::{Receipt, Sink, SinkError};
pub use token::{CacheState, Cause, LogLevel, Outcome, Reason};
pub use writer::{Format, WriterSink};
