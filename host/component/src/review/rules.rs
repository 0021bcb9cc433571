//! The rules of the findings.

use far_capability::{Declaration, DeclaredSecret, Destination, Operation};
use serde_json::Value;

use super::finding::{Finding, FindingId};
use super::import::ImportKind;
use super::summary::ComponentSummary;
use super::text::is_hostile;

/// The longest reason without a finding, in bytes.
const REASON_MAX: usize = 500;
/// The longest description without a finding, in bytes.
const DESCRIPTION_MAX: usize = 2000;
/// The longest version without a finding, in bytes.
const VERSION_MAX: usize = 64;

/// The operations that need an import, with the kind of the import.
const NEEDS: [(Operation, ImportKind); 4] = [
    (Operation::Seal, ImportKind::Sealed),
    (Operation::Sign, ImportKind::Signing),
    (Operation::Reveal, ImportKind::Reveal),
    (Operation::Refresh, ImportKind::Secrets),
];

/// Lists the findings, the highest severity first.
pub fn findings(summary: &ComponentSummary) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    findings.check_imports(summary);
    findings.check_exports(summary);
    match &summary.declaration {
        Some(declaration) => {
            findings.check_declaration(declaration);
            for secret in &declaration.secrets {
                findings.check_secret(summary, secret);
            }
            findings.check_unused(summary, declaration);
        }
        None => findings.check_undeclared(summary),
    }
    findings.0.sort_by(|one, other| other.severity().cmp(&one.severity()).then(one.id.cmp(&other.id)));
    findings.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, id: FindingId, subject: &str, message: impl Into<String>) {
        self.0.push(Finding { id, subject: subject.to_owned(), message: message.into() });
    }

    fn check_imports(&mut self, summary: &ComponentSummary) {
        for import in &summary.imports {
            let name = import.name();
            if !import.is_served() {
                self.add(
                    FindingId::UnknownImport,
                    name,
                    "this version of the host does not implement the import, and refuses it",
                );
            }
            if is_hostile(name) {
                self.add(FindingId::HostileText, name, "the name has invisible characters");
            }
            match import.kind() {
                ImportKind::OutgoingHttp => self.add(FindingId::OutgoingHttp, name, import.kind().description()),
                ImportKind::Files => self.add(FindingId::WasiFiles, name, "inert here; strict WASI refuses it"),
                ImportKind::Sockets => self.add(FindingId::WasiSockets, name, "inert here; strict WASI refuses it"),
                _ => {}
            }
        }
        if summary.has(ImportKind::Reveal) && summary.has(ImportKind::OutgoingHttp) {
            let message = "reads the bytes of secrets and sends requests: only its code decides about their content";
            self.add(FindingId::RevealWithEgress, "the component", message);
        }
    }

    fn check_exports(&mut self, summary: &ComponentSummary) {
        if !summary.exports_run {
            self.add(FindingId::NoRunExport, "run", "not exported as a function from bytes to bytes or an error");
        }
        for export in summary.exports.iter().filter(|export| *export != "run") {
            self.add(FindingId::ExtraExport, export, "exported, but never called by a host");
            if is_hostile(export) {
                self.add(FindingId::HostileText, export, "the name has invisible characters");
            }
        }
    }

    fn check_undeclared(&mut self, summary: &ComponentSummary) {
        if summary.imports.iter().any(|import| import.kind().uses_secrets()) {
            let message = "imports interfaces for secrets, but declares no secret, so it gets none";
            self.add(FindingId::NoDeclaration, "the component", message);
        }
        for import in summary.imports.iter().filter(|import| import.kind() == ImportKind::Reveal) {
            self.add(FindingId::RevealUndeclared, import.name(), "imported, but no secret is declared for 'reveal'");
        }
    }

    fn check_declaration(&mut self, declaration: &Declaration) {
        self.check_text("the version", &declaration.version, VERSION_MAX);
        self.check_text("the description", &declaration.description, DESCRIPTION_MAX);
        if declaration.input_schema.as_ref().is_some_and(has_hostile_text) {
            self.add(FindingId::HostileText, "the input schema", "has invisible characters");
        }
    }

    fn check_text(&mut self, subject: &str, text: &str, max: usize) {
        if is_hostile(text) {
            self.add(FindingId::HostileText, subject, "has invisible characters");
        }
        if text.len() > max {
            self.add(FindingId::LongText, subject, format!("has {} bytes; at most {max} are recommended", text.len()));
        }
    }

    fn check_secret(&mut self, summary: &ComponentSummary, secret: &DeclaredSecret) {
        let name = secret.name.as_str();
        self.check_text(&format!("the reason of '{name}'"), &secret.reason, REASON_MAX);
        if secret.reason.trim().is_empty() {
            self.add(FindingId::NoReason, name, "declared without a reason");
        }
        if secret.optional {
            self.add(FindingId::OptionalSecret, name, "optional: a grant may omit it");
        }
        if secret.terms.operations().contains(Operation::Reveal) {
            self.add(FindingId::Reveal, name, "the skill reads its bytes, and can do anything with them");
        }
        for (operation, kind) in NEEDS {
            if secret.terms.operations().contains(operation) && !summary.has(kind) {
                let message = format!("'{operation}' is declared, but its interface is not imported");
                self.add(FindingId::MissingImport, name, message);
            }
        }
        for destination in secret.terms.destinations() {
            self.check_destination(name, destination);
        }
    }

    fn check_destination(&mut self, name: &str, destination: &Destination) {
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

    fn check_unused(&mut self, summary: &ComponentSummary, declaration: &Declaration) {
        let is_declared = |operation| declaration.secrets.iter().any(|s| s.terms.operations().contains(operation));
        for (operation, kind) in NEEDS {
            let Some(import) = summary.imports.iter().find(|import| import.kind() == kind) else { continue };
            let message = format!("imported, but no secret is declared for '{operation}'");
            match kind {
                // Every operation needs this interface.
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

/// Returns true if a key or a string in the value is hostile. The parser of declarations bounds the
/// depth.
fn has_hostile_text(value: &Value) -> bool {
    match value {
        Value::String(text) => is_hostile(text),
        Value::Array(values) => values.iter().any(has_hostile_text),
        Value::Object(object) => object.iter().any(|(key, value)| is_hostile(key) || has_hostile_text(value)),
        _ => false,
    }
}
