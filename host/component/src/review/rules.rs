//! The rules that make findings.

use far_capability::{Declaration, DeclaredSecret, Destination, Operation};
use serde_json::Value;

use super::anatomy::Anatomy;
use super::finding::{Finding, FindingId};
use super::import::ImportKind;
use super::text::is_hostile;

/// The longest reason that is read with care, in bytes.
const REASON_MAX: usize = 500;
/// The longest description.
const DESCRIPTION_MAX: usize = 2000;
/// The longest version.
const VERSION_MAX: usize = 64;

/// The operations that need an import, and which.
const NEEDS: [(Operation, ImportKind); 4] = [
    (Operation::Seal, ImportKind::Sealed),
    (Operation::Sign, ImportKind::Signing),
    (Operation::Reveal, ImportKind::Reveal),
    (Operation::Refresh, ImportKind::Secrets),
];

/// What a reviewer should look at, the gravest first.
pub fn findings(anatomy: &Anatomy) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    findings.of_imports(anatomy);
    findings.of_exports(anatomy);
    match &anatomy.declaration {
        Some(declaration) => {
            findings.of_text(declaration);
            for secret in &declaration.secrets {
                findings.of_secret(anatomy, secret);
            }
            findings.of_unused(anatomy, declaration);
        }
        None => findings.of_silence(anatomy),
    }
    findings.0.sort_by(|one, other| other.severity().cmp(&one.severity()).then(one.id.cmp(&other.id)));
    findings.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, id: FindingId, subject: &str, message: impl Into<String>) {
        self.0.push(Finding { id, subject: subject.to_owned(), message: message.into() });
    }

    fn of_imports(&mut self, anatomy: &Anatomy) {
        for import in &anatomy.imports {
            let name = import.name();
            if !import.is_served() {
                self.add(FindingId::UnknownImport, name, "a host of this version has no such import, and refuses it");
            }
            if is_hostile(name) {
                self.add(FindingId::HostileText, name, "the name has characters that are not seen");
            }
            match import.kind() {
                ImportKind::OutgoingHttp => self.add(FindingId::OutgoingHttp, name, import.kind().words()),
                ImportKind::Files => self.add(FindingId::WasiFiles, name, "inert here; strict WASI refuses it"),
                ImportKind::Sockets => self.add(FindingId::WasiSockets, name, "inert here; strict WASI refuses it"),
                _ => {}
            }
        }
        if anatomy.has(ImportKind::Reveal) && anatomy.has(ImportKind::OutgoingHttp) {
            let message = "takes the bytes of secrets and sends requests: what it sends is up to its code";
            self.add(FindingId::RevealWithEgress, "the component", message);
        }
    }

    fn of_exports(&mut self, anatomy: &Anatomy) {
        if !anatomy.runs {
            self.add(FindingId::NoRunExport, "run", "there is no 'run' from bytes to bytes or an error");
        }
        for export in anatomy.exports.iter().filter(|export| *export != "run") {
            self.add(FindingId::ExtraExport, export, "exported, and called by no host");
            if is_hostile(export) {
                self.add(FindingId::HostileText, export, "the name has characters that are not seen");
            }
        }
    }

    fn of_silence(&mut self, anatomy: &Anatomy) {
        if anatomy.imports.iter().any(|import| import.kind().is_of_secrets()) {
            let message = "imports interfaces of secrets and declares none, so that it gets none";
            self.add(FindingId::NoDeclaration, "the component", message);
        }
        for import in anatomy.imports.iter().filter(|import| import.kind() == ImportKind::Reveal) {
            self.add(FindingId::RevealUndeclared, import.name(), "imported, but no secret is declared for 'reveal'");
        }
    }

    fn of_text(&mut self, declaration: &Declaration) {
        self.of_one_text("the version", &declaration.version, VERSION_MAX);
        self.of_one_text("the description", &declaration.description, DESCRIPTION_MAX);
        if declaration.input_schema.as_ref().is_some_and(has_hostile_text) {
            self.add(FindingId::HostileText, "the input schema", "has characters that are not seen");
        }
    }

    fn of_one_text(&mut self, subject: &str, text: &str, max: usize) {
        if is_hostile(text) {
            self.add(FindingId::HostileText, subject, "has characters that are not seen");
        }
        if text.len() > max {
            self.add(FindingId::LongText, subject, format!("{} bytes, where {max} say all", text.len()));
        }
    }

    fn of_secret(&mut self, anatomy: &Anatomy, secret: &DeclaredSecret) {
        let name = secret.name.as_str();
        self.of_one_text(&format!("the reason of '{name}'"), &secret.reason, REASON_MAX);
        if secret.reason.trim().is_empty() {
            self.add(FindingId::NoReason, name, "no reason says what it is for");
        }
        if secret.optional {
            self.add(FindingId::OptionalSecret, name, "the skill can do without it: a grant may leave it out");
        }
        if secret.terms.operations().contains(Operation::Reveal) {
            self.add(FindingId::Reveal, name, "the skill takes its bytes, and may do anything with them");
        }
        for (operation, kind) in NEEDS {
            if secret.terms.operations().contains(operation) && !anatomy.has(kind) {
                let message = format!("'{operation}' is declared, but its interface is not imported");
                self.add(FindingId::MissingImport, name, message);
            }
        }
        for destination in secret.terms.destinations() {
            self.of_destination(name, destination);
        }
    }

    fn of_destination(&mut self, name: &str, destination: &Destination) {
        if destination.has_wildcard() {
            self.add(FindingId::WildcardHost, name, format!("may be sent to any host of {destination}"));
        }
        if destination.allows_any_path() {
            self.add(FindingId::AnyPath, name, format!("may be sent to every path of {destination}"));
        }
        if destination.allows_any_method() {
            self.add(FindingId::AnyMethod, name, format!("may be sent to {destination} with every method"));
        }
    }

    fn of_unused(&mut self, anatomy: &Anatomy, declaration: &Declaration) {
        let is_declared = |operation| declaration.secrets.iter().any(|s| s.terms.operations().contains(operation));
        for (operation, kind) in NEEDS {
            let Some(import) = anatomy.imports.iter().find(|import| import.kind() == kind) else { continue };
            let message = format!("imported, but no secret is declared for '{operation}'");
            match kind {
                // Every operation needs it.
                ImportKind::Secrets if declaration.secrets.is_empty() => {
                    self.add(FindingId::UnusedImport, import.name(), "imported, but no secret is declared");
                }
                ImportKind::Secrets => {}
                _ if is_declared(operation) => {}
                ImportKind::Reveal => self.add(FindingId::RevealUndeclared, import.name(), message),
                _ => self.add(FindingId::UnusedImport, import.name(), message),
            }
        }
    }
}

/// Whether a key or a text in it is hostile. The parser of declarations bounds its depth.
fn has_hostile_text(value: &Value) -> bool {
    match value {
        Value::String(text) => is_hostile(text),
        Value::Array(values) => values.iter().any(has_hostile_text),
        Value::Object(object) => object.iter().any(|(key, value)| is_hostile(key) || has_hostile_text(value)),
        _ => false,
    }
}
