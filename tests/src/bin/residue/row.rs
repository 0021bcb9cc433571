//! The report: one line of JSON for each check.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::Range;

use far_needle::Encoding;
use far_tests::process_memory::{Findings, MemoryRegion};
use serde_json::{Map, Value, json};

/// The expected and actual result of one check.
pub(crate) struct Row {
    id: String,
    expected: String,
    seen: String,
    ok: bool,
    fields: Map<String, Value>,
}

impl Row {
    /// Creates a check that compares two texts.
    pub(crate) fn equal(id: &str, expected: impl Display, seen: impl Display) -> Self {
        let (expected, seen) = (expected.to_string(), seen.to_string());
        Self { id: id.to_owned(), ok: expected == seen, expected, seen, fields: Map::new() }
    }

    /// Creates a row for a check that could not run.
    pub(crate) fn not_examined(id: &str, why: &str) -> Self {
        let expected = format!("not examined: {why}");
        Self { id: id.to_owned(), seen: expected.clone(), expected, ok: true, fields: Map::new() }
            .with("examined", false)
    }

    /// Creates a check that the value is nowhere in memory.
    pub(crate) fn clean(id: &str, expected: &str, seen: impl Display, findings: &Findings) -> Self {
        let row = Self::searched(id, format!("{expected}; 0 hits"), format!("{seen}; {}", hits(findings)), findings);
        row.with("through_freed_heap", true)
    }

    /// Marks a check that holds even without the wiping allocator.
    pub(crate) fn not_through_freed_heap(self) -> Self {
        self.with("through_freed_heap", false)
    }

    /// Creates a positive control: the value is in these regions and no others.
    pub(crate) fn found_in(id: &str, places: &[MemoryRegion], findings: &Findings) -> Self {
        let seen: Vec<_> = MemoryRegion::ALL.into_iter().filter(|place| findings.hits_in(*place) > 0).collect();
        let found = |places: &[MemoryRegion]| {
            let places: Vec<_> = places.iter().map(|place| place.as_str()).collect();
            format!("found: {}", places.join(", "))
        };
        Self::searched(id, found(places), found(&seen), findings)
    }

    /// Creates a check of where the value is while a task uses it.
    pub(crate) fn found(id: &str, expected: &str, seen: impl Display, findings: &Findings) -> Self {
        Self::searched(id, expected.to_owned(), seen.to_string(), findings)
    }

    /// Creates a positive control: the value is at its known addresses.
    pub(crate) fn found_at(id: &str, addresses: &Range<u64>, findings: &Findings) -> Self {
        let there = findings.hits.iter().filter(|(_, hit)| addresses.contains(&hit.address)).map(|(place, _)| place);
        let seen = there.min().map_or_else(|| "nothing".to_owned(), |place| format!("found at its address ({place})"));
        let row = Self::searched(id, "found at its address".to_owned(), seen, findings);
        Self { ok: row.seen.starts_with(&row.expected), ..row }
    }

    /// Adds a field.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    fn searched(id: &str, expected: String, seen: String, findings: &Findings) -> Self {
        let place = |place: &MemoryRegion| {
            let examined = findings.examined.get(place).copied().unwrap_or_default();
            json!({ "place": place.as_str(), "hits": findings.hits_in(*place), "examined_bytes": examined })
        };
        let mut encodings: Vec<_> = Encoding::ALL.map(Encoding::as_str).to_vec();
        encodings.dedup();
        Self::equal(id, expected, seen)
            .with("places", MemoryRegion::ALL.iter().map(place).collect::<Vec<_>>())
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

    /// Returns the row as JSON.
    pub(crate) fn json(&self) -> Value {
        let mut row = Map::new();
        row.insert("id".to_owned(), json!(self.id));
        row.insert("expected".to_owned(), json!(self.expected));
        row.insert("seen".to_owned(), json!(self.seen));
        row.insert("ok".to_owned(), json!(self.ok));
        row.extend(self.fields.clone());
        Value::Object(row)
    }
}

/// Describes the matches by region and encoding, and the unexamined memory.
fn hits(findings: &Findings) -> String {
    let mut total = format!("{} hits", findings.hits.len());
    for (name, bytes) in &findings.not_examined {
        total.push_str(&format!("; not examined: {bytes} bytes of {name}"));
    }
    if findings.hits.is_empty() {
        return total;
    }
    let places = MemoryRegion::ALL.into_iter().filter(|place| findings.hits_in(*place) > 0);
    let places: Vec<_> = places.map(|place| format!("{} in {place}", findings.hits_in(place))).collect();
    let encodings: Vec<_> = findings.encodings().into_iter().map(Encoding::as_str).collect();
    format!("{total}: {} ({})", places.join(", "), encodings.join(", "))
}
