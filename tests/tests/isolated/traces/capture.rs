//! Captures everything that this process emits to `tracing` and `log`, at every level, except
//! compilers' traces of code.
//!
//! The subscriber is custom, so that no filter and no formatter hides anything from the search.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use log::{LevelFilter, Log};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static TEXT: Mutex<String> = Mutex::new(String::new());
static INSTALLED: Once = Once::new();
/// The log targets of compilers.
const COMPILERS: [&str; 3] = ["cranelift", "regalloc2", "wasmtime_internal_cranelift"];

static LOG: Capture = Capture;

/// Installs the capture once.
pub(crate) fn install() {
    INSTALLED.call_once(|| {
        tracing::subscriber::set_global_default(Capture).unwrap();
        log::set_logger(&LOG).unwrap();
        log::set_max_level(LevelFilter::Trace);
        // A crate that lowers these levels would hide output from the search.
        assert_eq!(log::STATIC_MAX_LEVEL, LevelFilter::Trace);
        assert_eq!(tracing::level_filters::STATIC_MAX_LEVEL, tracing::level_filters::LevelFilter::TRACE);
    });
}

/// Returns the captured lines.
pub(crate) fn text() -> String {
    TEXT.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

struct Capture;

impl Log for Capture {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if !is_code_trace(record) {
            append(&format!("{} {} {}", record.level(), record.target(), record.args()));
        }
    }

    fn flush(&self) {}
}

impl Subscriber for Capture {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let mut line = line_for(span.metadata());
        span.record(&mut line);
        append(&line.0);
        Id::from_u64(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line(String::new());
        values.record(&mut line);
        append(&line.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = line_for(event.metadata());
        event.record(&mut line);
        append(&line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Reports whether a record is a compiler's trace of code. These are gigabytes, written before any
/// task has a secret.
fn is_code_trace(record: &log::Record<'_>) -> bool {
    record.level() == log::Level::Trace && COMPILERS.iter().any(|compiler| record.target().starts_with(compiler))
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }

    /// Writes the text unescaped, because an escape would be another encoding.
    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, " {}={value}", field.name()).unwrap();
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        write!(self.0, " {}={}", field.name(), crate::traces::renderings::render_error(value)).unwrap();
    }
}

fn line_for(metadata: &Metadata<'_>) -> Line {
    Line(format!("{} {} {}", metadata.level(), metadata.target(), metadata.name()))
}

fn append(line: &str) {
    let mut text = TEXT.lock().unwrap_or_else(PoisonError::into_inner);
    text.push_str(line);
    text.push('\n');
}
