//! The comparison that makes changes.

use std::collections::BTreeMap;
use std::fmt::Write;

use far_capability::{Declaration, DeclaredSecret, Terms};

use super::anatomy::{Anatomy, World};
use super::change::{Change, ChangeId};
use super::import::{Import, ImportKind};

/// What is different in `new`, widenings first. Destinations are compared by what they cover.
pub fn changes(old: &Anatomy, new: &Anatomy) -> Vec<Change> {
    let mut changes = Changes(Vec::new());
    changes.of_imports(old, new);
    changes.of_shape(old, new);
    changes.of_declarations(old.declaration.as_ref(), new.declaration.as_ref());
    changes.0.sort_by_key(|change| (change.id.direction(), change.id));
    changes.0
}

struct Changes(Vec<Change>);

impl Changes {
    fn add(&mut self, id: ChangeId, subject: &str, message: impl Into<String>) {
        self.0.push(Change { id, subject: subject.to_owned(), message: message.into() });
    }

    fn of_imports(&mut self, old: &Anatomy, new: &Anatomy) {
        let (before, after) = (by_key(old), by_key(new));
        for (key, import) in &after {
            match import.kind() {
                _ if before.contains_key(key) => {}
                ImportKind::Reveal => {
                    self.add(ChangeId::RevealGained, import.name(), "can take the bytes of secrets now");
                }
                kind if kind.is_ability() => self.add(ChangeId::NewImport, import.name(), kind.words()),
                kind => self.add(ChangeId::InertImport, import.name(), kind.words()),
            }
        }
        for (_, import) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
            match import.kind() {
                ImportKind::Reveal => {
                    self.add(ChangeId::RevealLost, import.name(), "cannot take the bytes of secrets any more");
                }
                kind if kind.is_ability() => {
                    self.add(ChangeId::ImportGone, import.name(), "is not imported any more");
                }
                _ => {}
            }
        }
    }

    fn of_shape(&mut self, old: &Anatomy, new: &Anatomy) {
        if new.world() == World::Other && old.world() != World::Other {
            let message = "is no skill: it has no 'run', or imports what no host of this version has";
            self.add(ChangeId::NoSkill, "the component", message);
        }
        let sorted = |anatomy: &Anatomy| {
            let mut exports = anatomy.exports.clone();
            exports.sort_unstable();
            exports
        };
        if sorted(old) != sorted(new) {
            let message = format!("{} exports before, {} now", old.exports.len(), new.exports.len());
            self.add(ChangeId::ExportsChanged, "the component", message);
        }
    }

    fn of_declarations(&mut self, old: Option<&Declaration>, new: Option<&Declaration>) {
        match (old, new) {
            (Some(old), Some(new)) => self.of_words(old, new),
            (None, Some(new)) => self.add(ChangeId::DeclarationAdded, new.name.as_str(), "had no declaration before"),
            (Some(old), None) => {
                self.add(
                    ChangeId::DeclarationGone,
                    old.name.as_str(),
                    "has no declaration any more, and gets no secret",
                );
            }
            (None, None) => {}
        }
        let (old, new) = (secrets(old), secrets(new));
        for secret in new {
            match old.iter().find(|other| other.name == secret.name) {
                Some(before) => self.of_secret(before, secret),
                None => self.add(ChangeId::NewSecret, secret.name.as_str(), in_words(&secret.terms)),
            }
        }
        for secret in old.iter().filter(|secret| !new.iter().any(|other| other.name == secret.name)) {
            self.add(ChangeId::SecretGone, secret.name.as_str(), "is not declared any more");
        }
    }

    fn of_words(&mut self, old: &Declaration, new: &Declaration) {
        let skill = new.name.as_str();
        if old.name != new.name {
            self.add(ChangeId::NameChanged, skill, format!("was '{}' before", old.name));
        }
        if old.version != new.version {
            self.add(ChangeId::VersionChanged, skill, format!("'{}' before, '{}' now", old.version, new.version));
        }
        if old.description != new.description {
            self.add(ChangeId::DescriptionChanged, skill, format!("'{}' before", old.description));
        }
        if old.input_schema != new.input_schema {
            self.add(ChangeId::InputSchemaChanged, skill, "takes other input, or describes it otherwise");
        }
    }

    fn of_secret(&mut self, old: &DeclaredSecret, new: &DeclaredSecret) {
        let name = new.name.as_str();
        let (before, after) = (old.terms.operations(), new.terms.operations());
        for operation in after.iter().filter(|operation| !before.contains(*operation)) {
            self.add(ChangeId::NewOperation, name, format!("declares '{operation}' now"));
        }
        for operation in before.iter().filter(|operation| !after.contains(*operation)) {
            self.add(ChangeId::OperationGone, name, format!("declares '{operation}' no longer"));
        }
        let (before, after) = (old.terms.destinations(), new.terms.destinations());
        for destination in after.iter().filter(|destination| !destination.is_within(before)) {
            self.add(ChangeId::WiderDestination, name, format!("may be sent to {destination} now"));
        }
        for destination in before.iter().filter(|destination| !destination.is_within(after)) {
            let message = format!("may not be sent to all of {destination} any more");
            self.add(ChangeId::NarrowerDestination, name, message);
        }
        let (before, after) = (old.terms.placements(), new.terms.placements());
        for placement in after.iter().filter(|placement| !before.contains(placement)) {
            self.add(ChangeId::NewPlacement, name, format!("may stand in '{placement}' now"));
        }
        for placement in before.iter().filter(|placement| !after.contains(placement)) {
            self.add(ChangeId::PlacementGone, name, format!("may not stand in '{placement}' any more"));
        }
        if let (Some(before), Some(after)) = (old.terms.signing(), new.terms.signing())
            && before != after
        {
            self.add(ChangeId::SigningChanged, name, format!("signs '{before}' before, '{after}' now"));
        }
        match (old.optional, new.optional) {
            (false, true) => self.add(ChangeId::NowOptional, name, "the skill can do without it now"),
            (true, false) => self.add(ChangeId::NowRequired, name, "the skill cannot do without it any more"),
            _ => {}
        }
        if old.reason != new.reason {
            self.add(ChangeId::ReasonChanged, name, format!("'{}' before, '{}' now", old.reason, new.reason));
        }
    }
}

fn secrets(declaration: Option<&Declaration>) -> &[DeclaredSecret] {
    declaration.map(|declaration| &*declaration.secrets).unwrap_or_default()
}

/// The imports by what makes them the same: of WASI, whose versions come with toolchains, all but the version.
fn by_key<'a>(anatomy: &'a Anatomy) -> BTreeMap<&'a str, &'a Import> {
    let entry = |import: &'a Import| match import.kind() {
        ImportKind::Working | ImportKind::Inert | ImportKind::Files | ImportKind::Sockets => {
            (import.unversioned(), import)
        }
        _ => (import.name(), import),
    };
    anatomy.imports.iter().map(entry).collect()
}

/// `seal, sign; sent to https://a.example`.
fn in_words(terms: &Terms) -> String {
    let operations: Vec<_> = terms.operations().iter().map(|operation| operation.as_str()).collect();
    let mut words = format!("declared for {}", operations.join(", "));
    for (index, destination) in terms.destinations().iter().enumerate() {
        // A string takes everything.
        let _ = write!(words, "{} {destination}", if index == 0 { ", sent to" } else { "," });
    }
    words
}
