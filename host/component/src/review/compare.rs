//! The comparison of two versions.

use std::collections::BTreeMap;
use std::fmt::Write;

use far_capability::{Declaration, DeclaredSecret, Terms};

use super::change::{Change, ChangeId};
use super::import::{Import, ImportKind};
use super::summary::{ComponentSummary, World};

/// Lists the changes from `old` to `new`, widening changes first. Compares destinations by the
/// requests that they cover.
pub fn changes(old: &ComponentSummary, new: &ComponentSummary) -> Vec<Change> {
    let mut changes = Changes(Vec::new());
    changes.compare_imports(old, new);
    changes.compare_exports(old, new);
    changes.compare_declarations(old.declaration.as_ref(), new.declaration.as_ref());
    changes.0.sort_by_key(|change| (change.id.direction(), change.id));
    changes.0
}

struct Changes(Vec<Change>);

impl Changes {
    fn add(&mut self, id: ChangeId, subject: &str, message: impl Into<String>) {
        self.0.push(Change { id, subject: subject.to_owned(), message: message.into() });
    }

    fn compare_imports(&mut self, old: &ComponentSummary, new: &ComponentSummary) {
        let (before, after) = (by_key(old), by_key(new));
        for (key, import) in &after {
            match import.kind() {
                _ if before.contains_key(key) => {}
                ImportKind::Reveal => {
                    self.add(ChangeId::RevealGained, import.name(), "can now read the bytes of secrets");
                }
                kind if kind.has_effect() => self.add(ChangeId::NewImport, import.name(), kind.description()),
                kind => self.add(ChangeId::InertImport, import.name(), kind.description()),
            }
        }
        for (_, import) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
            match import.kind() {
                ImportKind::Reveal => {
                    self.add(ChangeId::RevealLost, import.name(), "can no longer read the bytes of secrets");
                }
                kind if kind.has_effect() => {
                    self.add(ChangeId::ImportGone, import.name(), "is no longer imported");
                }
                _ => {}
            }
        }
    }

    fn compare_exports(&mut self, old: &ComponentSummary, new: &ComponentSummary) {
        if new.world() == World::Other && old.world() != World::Other {
            let message =
                "is not a skill: it has no 'run', or an import that this version of the host does not implement";
            self.add(ChangeId::NoSkill, "the component", message);
        }
        let sorted = |summary: &ComponentSummary| {
            let mut exports = summary.exports.clone();
            exports.sort_unstable();
            exports
        };
        if sorted(old) != sorted(new) {
            let message = format!("had {} exports, now has {}", old.exports.len(), new.exports.len());
            self.add(ChangeId::ExportsChanged, "the component", message);
        }
    }

    fn compare_declarations(&mut self, old: Option<&Declaration>, new: Option<&Declaration>) {
        match (old, new) {
            (Some(old), Some(new)) => self.compare_metadata(old, new),
            (None, Some(new)) => self.add(ChangeId::DeclarationAdded, new.name.as_str(), "had no declaration"),
            (Some(old), None) => {
                self.add(
                    ChangeId::DeclarationGone,
                    old.name.as_str(),
                    "no longer has a declaration, so it gets no secret",
                );
            }
            (None, None) => {}
        }
        let (old, new) = (secrets(old), secrets(new));
        for secret in new {
            match old.iter().find(|other| other.name == secret.name) {
                Some(before) => self.compare_secret(before, secret),
                None => self.add(ChangeId::NewSecret, secret.name.as_str(), describe(&secret.terms)),
            }
        }
        for secret in old.iter().filter(|secret| !new.iter().any(|other| other.name == secret.name)) {
            self.add(ChangeId::SecretGone, secret.name.as_str(), "is no longer declared");
        }
    }

    fn compare_metadata(&mut self, old: &Declaration, new: &Declaration) {
        let skill = new.name.as_str();
        if old.name != new.name {
            self.add(ChangeId::NameChanged, skill, format!("was '{}'", old.name));
        }
        if old.version != new.version {
            self.add(ChangeId::VersionChanged, skill, format!("was '{}', is now '{}'", old.version, new.version));
        }
        if old.description != new.description {
            self.add(ChangeId::DescriptionChanged, skill, format!("was '{}'", old.description));
        }
        if old.input_schema != new.input_schema {
            self.add(ChangeId::InputSchemaChanged, skill, "the input schema is different");
        }
    }

    fn compare_secret(&mut self, old: &DeclaredSecret, new: &DeclaredSecret) {
        let name = new.name.as_str();
        let (before, after) = (old.terms.operations(), new.terms.operations());
        for operation in after.iter().filter(|operation| !before.contains(*operation)) {
            self.add(ChangeId::NewOperation, name, format!("now declares '{operation}'"));
        }
        for operation in before.iter().filter(|operation| !after.contains(*operation)) {
            self.add(ChangeId::OperationGone, name, format!("no longer declares '{operation}'"));
        }
        let (before, after) = (old.terms.destinations(), new.terms.destinations());
        for destination in after.iter().filter(|destination| !destination.is_within(before)) {
            self.add(ChangeId::WiderDestination, name, format!("may now be sent to {destination}"));
        }
        for destination in before.iter().filter(|destination| !destination.is_within(after)) {
            let message = format!("may no longer be sent to all of {destination}");
            self.add(ChangeId::NarrowerDestination, name, message);
        }
        let (before, after) = (old.terms.placements(), new.terms.placements());
        for placement in after.iter().filter(|placement| !before.contains(placement)) {
            self.add(ChangeId::NewPlacement, name, format!("may now be placed in '{placement}'"));
        }
        for placement in before.iter().filter(|placement| !after.contains(placement)) {
            self.add(ChangeId::PlacementGone, name, format!("may no longer be placed in '{placement}'"));
        }
        if let (Some(before), Some(after)) = (old.terms.signing(), new.terms.signing())
            && before != after
        {
            self.add(ChangeId::SigningChanged, name, format!("signing was '{before}', is now '{after}'"));
        }
        match (old.optional, new.optional) {
            (false, true) => self.add(ChangeId::NowOptional, name, "is now optional"),
            (true, false) => self.add(ChangeId::NowRequired, name, "is now required"),
            _ => {}
        }
        if old.reason != new.reason {
            self.add(ChangeId::ReasonChanged, name, format!("was '{}', is now '{}'", old.reason, new.reason));
        }
    }
}

fn secrets(declaration: Option<&Declaration>) -> &[DeclaredSecret] {
    declaration.map(|declaration| &*declaration.secrets).unwrap_or_default()
}

/// Maps imports by name. Ignores the version for WASI, which depends on the toolchain.
fn by_key<'a>(summary: &'a ComponentSummary) -> BTreeMap<&'a str, &'a Import> {
    let entry = |import: &'a Import| match import.kind() {
        ImportKind::ClocksAndRandom | ImportKind::Inert | ImportKind::Files | ImportKind::Sockets => {
            (import.unversioned(), import)
        }
        _ => (import.name(), import),
    };
    summary.imports.iter().map(entry).collect()
}

/// Formats terms as `declared for seal, sent to https://a.example`.
fn describe(terms: &Terms) -> String {
    let operations: Vec<_> = terms.operations().iter().map(|operation| operation.as_str()).collect();
    let mut words = format!("declared for {}", operations.join(", "));
    for (index, destination) in terms.destinations().iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(words, "{} {destination}", if index == 0 { ", sent to" } else { "," });
    }
    words
}
