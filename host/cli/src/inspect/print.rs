//! The output of an inspection, for people and programs.

use std::path::Path;

use far_component::review::{ComponentSummary, Finding, Import, PolicyViolation, Shape};
use far_core::capability::{Declaration, DeclaredSecret, Placement};
use serde_json::{Value, json};

use crate::escape::escape;
use crate::messages::count;
use crate::messages::explanation::Explanation;
use crate::messages::failure::Failure;
use crate::output::printer::CommandOutput;
use crate::table::{cell, first_rows};
use crate::terms::{destinations, operations, operations_text, placements, signing};

/// The results of an inspection.
pub(super) struct Inspection<'a> {
    pub(super) skill: &'a Path,
    pub(super) summary: ComponentSummary,
    pub(super) findings: Vec<Finding>,
    /// The path of the policy, and its violations.
    pub(super) policy: Option<(&'a Path, Vec<PolicyViolation>)>,
}

impl Inspection<'_> {
    /// Returns the failure if the component violates the policy.
    fn failure(&self) -> Option<Failure> {
        let (policy, violations) = self.policy.as_ref()?;
        let failure = || Failure::PolicyViolations { policy: (*policy).to_owned(), count: violations.len() };
        (!violations.is_empty()).then(failure)
    }
}

impl CommandOutput for Inspection<'_> {
    /// Returns tables.
    fn text(&self) -> String {
        let summary = &self.summary;
        let world = summary.world();
        let mut text = format!(
            "{}: world '{}', {}\n{}, {}, {}, {}\n",
            escape(&self.skill.to_string_lossy()),
            world.as_str(),
            world.description(),
            summary.digest,
            count(summary.size, "byte", "bytes"),
            count(summary.modules, "module", "modules"),
            count(summary.components, "component", "components"),
        );
        match &summary.declaration {
            Some(declaration) => text.push_str(&declared(declaration)),
            None => text.push_str("no declaration: the skill gets no secrets\n"),
        }
        text.push('\n');
        text.push_str(&first_rows(["KIND", "IMPORT", "PURPOSE"], &summary.imports, import_row));
        text.push('\n');
        text.push_str(&first_rows(["SIZE", "OF", "LIMIT"], &summary.shape.sizes(), shape_row));
        text.push('\n');
        if self.findings.is_empty() {
            text.push_str("no findings\n");
        } else {
            text.push_str(&first_rows(["SEVERITY", "FINDING", "ABOUT", "DETAILS"], &self.findings, finding_row));
        }
        if let Some((path, violations)) = &self.policy {
            let path = escape(&path.to_string_lossy());
            if violations.is_empty() {
                text.push_str(&format!("\n{path}: met\n"));
            } else {
                text.push_str(&format!("\n{path}: violated\n"));
                text.push_str(&first_rows(["RULE", "ABOUT", "DETAILS"], violations, violation_row));
            }
        }
        text
    }

    fn problems(&self) -> Vec<Explanation> {
        self.failure().iter().map(Explanation::of_failure).collect()
    }

    /// Returns one JSON object.
    fn object(&self) -> Value {
        let summary = &self.summary;
        let policy = self.policy.as_ref().map(|(path, violations)| {
            json!({
                "file": path.to_string_lossy(),
                "met": violations.is_empty(),
                "excesses": violations.iter().map(violation_object).collect::<Vec<_>>(),
            })
        });
        json!({
            "command": "inspect",
            "skill": self.skill.to_string_lossy(),
            "ok": self.code() == 0,
            "exit_code": self.code(),
            "digest": summary.digest,
            "size": summary.size,
            "modules": summary.modules,
            "components": summary.components,
            "shape": shape_object(&summary.shape),
            "world": summary.world().as_str(),
            "imports": summary.imports.iter().map(import_object).collect::<Vec<_>>(),
            "exports": summary.exports,
            "declaration": summary.declaration.as_ref().map(declaration_object),
            "findings": self.findings.iter().map(finding_object).collect::<Vec<_>>(),
            "policy": policy,
            "error": self.failure().map(|failure| Explanation::of_failure(&failure)),
        })
    }

    fn code(&self) -> u8 {
        self.failure().map_or(0, |failure| failure.code())
    }
}

fn declared(declaration: &Declaration) -> String {
    let schema = if declaration.input_schema.is_some() { "with" } else { "without" };
    let mut text = format!(
        "declares '{}', version '{}', {schema} input schema: {}\n",
        declaration.name,
        cell(&declaration.version),
        cell(&declaration.description),
    );
    if declaration.secrets.is_empty() {
        text.push_str("no secrets declared\n");
    } else {
        let header = ["SECRET", "OPERATIONS", "OPTIONAL", "DESTINATIONS", "REASON"];
        text.push('\n');
        text.push_str(&first_rows(header, &declaration.secrets, secret_row));
    }
    text
}

fn secret_row(secret: &DeclaredSecret) -> [String; 5] {
    let destinations = destinations(&secret.terms);
    [
        secret.name.to_string(),
        cell(&operations_text(&secret.terms)),
        if secret.optional { "yes" } else { "no" }.to_owned(),
        if destinations.is_empty() { "-".to_owned() } else { cell(&sent(secret)) },
        cell(&secret.reason),
    ]
}

fn shape_row(size: &(&'static str, u64, u64)) -> [String; 3] {
    let (what, size, limit) = size;
    [size.to_string(), (*what).to_owned(), limit.to_string()]
}

fn shape_object(shape: &Shape) -> Value {
    let size =
        |(what, size, limit): (&str, u64, u64)| (what.replace(' ', "_"), json!({ "size": size, "limit": limit }));
    Value::Object(shape.sizes().into_iter().map(size).collect())
}

fn import_row(import: &Import) -> [String; 3] {
    [import.kind().as_str().to_owned(), cell(import.name()), import.kind().description().to_owned()]
}

fn finding_row(finding: &Finding) -> [String; 4] {
    [finding.severity().to_string(), finding.id.to_string(), cell(&finding.subject), cell(&finding.message)]
}

fn violation_row(violation: &PolicyViolation) -> [String; 3] {
    [violation.rule.to_owned(), cell(&violation.subject), cell(&violation.message)]
}

fn import_object(import: &Import) -> Value {
    json!({ "name": import.name(), "kind": import.kind().as_str(), "served": import.is_served() })
}

fn declaration_object(declaration: &Declaration) -> Value {
    json!({
        "name": declaration.name,
        "version": declaration.version,
        "description": declaration.description,
        "input_schema": declaration.input_schema,
        "secrets": declaration.secrets.iter().map(secret_object).collect::<Vec<_>>(),
    })
}

fn secret_object(secret: &DeclaredSecret) -> Value {
    json!({
        "name": secret.name,
        "operations": operations(&secret.terms),
        "optional": secret.optional,
        "destinations": destinations(&secret.terms),
        "placements": placements(&secret.terms),
        "signing": signing(&secret.terms),
        "reason": secret.reason,
    })
}

fn finding_object(finding: &Finding) -> Value {
    json!({
        "severity": finding.severity().as_str(),
        "id": finding.id.as_str(),
        "about": finding.subject,
        "message": finding.message,
    })
}

fn violation_object(violation: &PolicyViolation) -> Value {
    json!({ "rule": violation.rule, "about": violation.subject, "message": violation.message })
}

/// Formats the destinations of a secret, and its placements if not the default.
fn sent(secret: &DeclaredSecret) -> String {
    let to = destinations(&secret.terms).join(" ");
    match secret.terms.placements() {
        [Placement::Authorization] => to,
        _ => format!("{to} in {}", placements(&secret.terms).join(",")),
    }
}
