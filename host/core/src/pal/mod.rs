//! The Process Activity Log (PAL): a live log of events, without values (ADR-0023 R11, R14).
//!
//! # Invariants
//!
//! - An [`Event`] holds fixed tokens, parsed names and numbers. No field takes free text, so no
//!   value and no guest-supplied string fits in.
//! - All sinks and subscriptions see the records in one order.
//! - A *required* sink is a gate: an action that needs its record waits for [`Pal::record`], and
//!   does not happen on an error.

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

pub use egress::{EgressReason, SendState};
pub use event::{Completion, EgressEnd, Event, FIELDS, LeaseRecovery, SecretRef, SecretUse, Transfer};
pub use kind::EventKind;
pub use label::{DestinationLabel, Labels, SecretLabel};
pub use log::{AuditUnavailable, Pal, PalBuilder, Subscription, SubscriptionItem};
pub use memory::MemorySink;
pub use record::{RECORD_FIELDS, Record, Subject};
pub use sink::{Receipt, Sink, SinkError};
pub use token::{CacheState, Cause, HostReason, LogLevel, Outcome, Reason};
pub use writer::{Format, WriterSink};
