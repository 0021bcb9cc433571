//! All that this process says to `tracing` and to `log`, from the first word on, at every level; but for a compiler's of its code.
//!
//! It is a subscriber of its own, so that nothing between a library and the search leaves anything out: no filter, and no formatter
//! that escapes or cuts.

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
/// By what they call themselves.
const COMPILERS: [&str; 3] = ["cranelift", "regalloc2", "wasmtime_internal_cranelift"];

static LOG: Captured = Captured;

/// Listens to everything from now on; once is enough.
pub(crate) fn install() {
    INSTALLED.call_once(|| {
        tracing::subscriber::set_global_default(Captured).unwrap();
        log::set_logger(&LOG).unwrap();
        log::set_max_level(LevelFilter::Trace);
        // A crate that took these down would take words away from every program that it is in, and from the search.
        assert_eq!(log::STATIC_MAX_LEVEL, LevelFilter::Trace);
        assert_eq!(tracing::level_filters::STATIC_MAX_LEVEL, tracing::level_filters::LevelFilter::TRACE);
    });
}

/// What was said so far, a line for each.
pub(crate) fn text() -> String {
    TEXT.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

struct Captured;

impl Log for Captured {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if !is_of_code(record) {
            keep(&format!("{} {} {}", record.level(), record.target(), record.args()));
        }
    }

    fn flush(&self) {}
}

impl Subscriber for Captured {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let mut line = said(span.metadata());
        span.record(&mut line);
        keep(&line.0);
        Id::from_u64(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line(String::new());
        values.record(&mut line);
        keep(&line.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = said(event.metadata());
        event.record(&mut line);
        keep(&line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// What compilers say of each instruction: gigabytes, of components alone, which are compiled before any task has a secret.
fn is_of_code(record: &log::Record<'_>) -> bool {
    record.level() == log::Level::Trace && COMPILERS.iter().any(|compiler| record.target().starts_with(compiler))
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }

    /// As it is, and not escaped: of what has no letters, an escape is another form.
    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, " {}={value}", field.name()).unwrap();
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        write!(self.0, " {}={}", field.name(), crate::traces::shown::of_error(value)).unwrap();
    }
}

fn said(metadata: &Metadata<'_>) -> Line {
    Line(format!("{} {} {}", metadata.level(), metadata.target(), metadata.name()))
}

fn keep(line: &str) {
    let mut text = TEXT.lock().unwrap_or_else(PoisonError::into_inner);
    text.push_str(line);
    text.push('\n');
}
