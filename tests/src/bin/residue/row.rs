//! What is reported: one line of JSON for each check.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::Range;

use far_needle::Encoding;
use far_tests::process_memory::{Findings, Place};
use serde_json::{Map, Value, json};

/// One check: what was expected and what was seen.
pub(crate) struct Row {
    id: String,
    expected: String,
    seen: String,
    ok: bool,
    more: Map<String, Value>,
}

impl Row {
    /// A check whose outcome is a text.
    pub(crate) fn equal(id: &str, expected: impl Display, seen: impl Display) -> Self {
        let (expected, seen) = (expected.to_string(), seen.to_string());
        Self { id: id.to_owned(), ok: expected == seen, expected, seen, more: Map::new() }
    }

    /// A check that there is nothing to make yet.
    pub(crate) fn not_examined(id: &str, why: &str) -> Self {
        let expected = format!("not examined: {why}");
        Self { id: id.to_owned(), seen: expected.clone(), expected, ok: true, more: Map::new() }.with("examined", false)
    }

    /// An end of a task after which the value is nowhere.
    pub(crate) fn clean(id: &str, expected: &str, seen: impl Display, findings: &Findings) -> Self {
        let row = Self::searched(id, format!("{expected}; 0 hits"), format!("{seen}; {}", hits(findings)), findings);
        row.with("through_freed_heap", true)
    }

    /// What was not in memory that was freed as it was: the proof holds without the wiping allocator too.
    pub(crate) fn not_through_freed_heap(self) -> Self {
        self.with("through_freed_heap", false)
    }

    /// A positive control: the value is in these places, and in no others.
    pub(crate) fn found_in(id: &str, places: &[Place], findings: &Findings) -> Self {
        let seen: Vec<_> = Place::ALL.into_iter().filter(|place| findings.hits_in(*place) > 0).collect();
        let found = |places: &[Place]| {
            let places: Vec<_> = places.iter().map(|place| place.as_str()).collect();
            format!("found: {}", places.join(", "))
        };
        Self::searched(id, found(places), found(&seen), findings)
    }

    /// A check of where the value is while it is somewhere.
    pub(crate) fn found(id: &str, expected: &str, seen: impl Display, findings: &Findings) -> Self {
        Self::searched(id, expected.to_owned(), seen.to_string(), findings)
    }

    /// A positive control: the value is where it is known to be.
    pub(crate) fn found_at(id: &str, addresses: &Range<u64>, findings: &Findings) -> Self {
        let there = findings.hits.iter().filter(|(_, hit)| addresses.contains(&hit.address)).map(|(place, _)| place);
        let seen = there.min().map_or_else(|| "nothing".to_owned(), |place| format!("found at its address ({place})"));
        let row = Self::searched(id, "found at its address".to_owned(), seen, findings);
        Self { ok: row.seen.starts_with(&row.expected), ..row }
    }

    /// Adds a field.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    fn searched(id: &str, expected: String, seen: String, findings: &Findings) -> Self {
        let place = |place: &Place| {
            let examined = findings.examined.get(place).copied().unwrap_or_default();
            json!({ "place": place.as_str(), "hits": findings.hits_in(*place), "examined_bytes": examined })
        };
        let mut encodings: Vec<_> = Encoding::ALL.map(Encoding::as_str).to_vec();
        encodings.dedup();
        Self::equal(id, expected, seen)
            .with("places", Place::ALL.iter().map(place).collect::<Vec<_>>())
            .with("encodings", encodings)
            .with("hits", findings.hits.len())
            .with(
                "not_examined",
                json!(findings.not_examined.iter().chain(&findings.kernels).collect::<BTreeMap<_, _>>()),
            )
    }

    pub(crate) fn ok(&self) -> bool {
        self.ok
    }

    /// The line.
    pub(crate) fn json(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("id".to_owned(), json!(self.id));
        fields.insert("expected".to_owned(), json!(self.expected));
        fields.insert("seen".to_owned(), json!(self.seen));
        fields.insert("ok".to_owned(), json!(self.ok));
        fields.extend(self.more.clone());
        Value::Object(fields)
    }
}

/// How many, in which places and forms; and what was not looked at, which is no place without.
fn hits(findings: &Findings) -> String {
    let mut total = format!("{} hits", findings.hits.len());
    for (name, bytes) in &findings.not_examined {
        total.push_str(&format!("; not examined: {bytes} bytes of {name}"));
    }
    if findings.hits.is_empty() {
        return total;
    }
    let places = Place::ALL.into_iter().filter(|place| findings.hits_in(*place) > 0);
    let places: Vec<_> = places.map(|place| format!("{} in {place}", findings.hits_in(place))).collect();
    let encodings: Vec<_> = findings.encodings().into_iter().map(Encoding::as_str).collect();
    format!("{total}: {} ({})", places.join(", "), encodings.join(", "))
}
