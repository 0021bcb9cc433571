//! Positive controls: the search finds planted values in each place and encoding.

use std::error::Error;
use std::fmt;
use std::fs;
use std::sync::Arc;

use far_audit::{FileOptions, FileSink};
use far_core::pal::{Event, Format, MemorySink, Pal, Subject, WriterSink};
use far_needle::{Encoding, MaskedValue};

use crate::traces::canaries::Canaries;
use crate::traces::capture;
use crate::traces::renderings::Renderings;

#[derive(Debug)]
struct Leaky {
    text: String,
    source: Option<Box<Self>>,
}

impl fmt::Display for Leaky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error")
    }
}

impl Error for Leaky {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Returns a new value in each encoding, with the canaries that search for it.
fn forms() -> Vec<(Encoding, String, Canaries)> {
    let form = |encoding: Encoding| {
        let canaries = Canaries::default();
        let value = MaskedValue::of(canaries.new_value("canary").as_bytes()).unwrap();
        (encoding, String::from_utf8(encoding.encode(&value).collect()).unwrap(), canaries)
    };
    Encoding::ALL.into_iter().map(form).collect()
}

#[track_caller]
fn assert_found(canaries: &Canaries, encoding: Encoding, place: &str, content: &str) {
    assert!(!canaries.found_in(place, content.as_bytes()).is_empty(), "{encoding:?} in {place} is not found");
}

#[test]
fn search_finds_traces_and_logs() {
    capture::install();
    for (encoding, text, canaries) in forms() {
        tracing::trace!(field = text, "an event");
        assert_found(&canaries, encoding, "a field", &capture::text());
    }
    for (encoding, text, canaries) in forms() {
        tracing::trace!("an event with {text} in its message");
        assert_found(&canaries, encoding, "an event", &capture::text());
    }
    for (encoding, text, canaries) in forms() {
        let span = tracing::trace_span!("a span", field = tracing::field::Empty);
        span.record("field", &*text);
        assert_found(&canaries, encoding, "a span", &capture::text());
    }
    for (encoding, text, canaries) in forms() {
        log::trace!("a line with {text} in it");
        assert_found(&canaries, encoding, "a log line", &capture::text());
    }
    let canaries = Canaries::default();
    let leaky = Leaky { text: String::new(), source: Some(Box::new(of(&canaries))) };
    tracing::trace!(error = &leaky as &(dyn Error + 'static));
    assert_found(&canaries, Encoding::Raw, "an error's source in a field", &capture::text());
}

#[test]
fn search_finds_rendered_objects() {
    for (encoding, text, canaries) in forms() {
        let renderings = Renderings::default();
        renderings.text("metrics", format!("# TYPE far_calls counter\nfar_calls{{name=\"{text}\"}} 1\n"));
        assert_found(&canaries, encoding, "a text of metrics", &renderings.all()[0].1);
    }
    // `Debug` escapes unprintable characters and prints bytes as numbers.
    let (canaries, renderings) = (Canaries::default(), Renderings::default());
    renderings.error("an error", &Leaky { text: String::new(), source: Some(Box::new(of(&canaries))) });
    assert_found(&canaries, Encoding::Raw, "an error's source", &renderings.all()[0].1);
    for pretty in [false, true] {
        let canaries = Canaries::default();
        let bytes = of(&canaries).text.into_bytes();
        let listed = if pretty { format!("{bytes:#?}") } else { format!("{bytes:?}") };
        assert_found(&canaries, Encoding::Raw, "a list of bytes", &listed);
    }
}

/// Records have no field for text, so the value is planted as a name.
#[tokio::test]
async fn search_finds_records() {
    let (folder, canaries) = (tempfile::tempdir().unwrap(), Canaries::default());
    let file = fs::File::create(folder.path().join("pal")).unwrap();
    let (events, lines) = (MemorySink::new(), WriterSink::spawn(file, Format::JsonLines).unwrap());
    let audit = FileSink::open(&folder.path().join("audit/log"), FileOptions::default()).unwrap();
    let pal = Pal::builder().sink(events.clone()).sink(lines.clone()).sink(audit.clone()).build();
    let name = canaries.new_word("canary").parse().unwrap();
    let event = Event::secret_requested(&name, &"vault".parse().unwrap(), None);
    pal.record(&Arc::new(Subject::agent("traces".parse().unwrap())), event).await.unwrap();
    assert!(lines.flush(std::time::Duration::from_secs(10)));
    audit.close(std::time::Duration::from_secs(10)).unwrap();
    assert_found(&canaries, Encoding::Raw, "a record", &format!("{:?}", events.records()));
    let found = canaries.found_below(folder.path(), &[]);
    assert_eq!(found.len(), 2, "the lines and the audit file: {found:?}");
    assert!(canaries.found_below(folder.path(), &[folder.path().join("audit")]).len() == 1, "the excluded folder");
}

#[test]
fn search_finds_file_content() {
    for (encoding, text, canaries) in forms() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        fs::write(folder.path().join("a/b/file"), [b"\xff\x00", text.as_bytes()].concat()).unwrap();
        assert_eq!(canaries.found_below(folder.path(), &[]).len(), 1, "{encoding:?}");
    }
    let (folder, canaries) = (tempfile::tempdir().unwrap(), Canaries::default());
    fs::write(folder.path().join(canaries.new_word("canary")), "").unwrap();
    std::os::unix::fs::symlink(canaries.new_word("canary"), folder.path().join("link")).unwrap();
    assert_eq!(canaries.found_below(folder.path(), &[]).len(), 2, "a file name and a link target");
}

#[test]
fn canaries_round_trip_between_processes() {
    let canaries = Canaries::default();
    let (text, bytes) = (canaries.new_value("text"), [0xff; 16]);
    canaries.learn_bytes("bytes", &bytes);
    let read = Canaries::read(&canaries.serialize());
    assert_eq!(read.names(), ["text", "bytes"]);
    assert_eq!((read.found_in("", text.as_bytes()).len(), read.found_in("", &bytes).len()), (1, 1));
    assert!(read.found_in("", b"nothing of either is here").is_empty());
}

fn of(canaries: &Canaries) -> Leaky {
    Leaky { text: canaries.new_word("canary"), source: None }
}
