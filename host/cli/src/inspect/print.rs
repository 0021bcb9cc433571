//! What an inspection found, for people and for programs.

use std::path::Path;

use far_component::review::{Anatomy, Excess, Finding, Import, Shape};
use far_core::capability::{Declaration, DeclaredSecret, Placement};
use serde_json::{Value, json};

use crate::escape::escape;
use crate::messages::explanation::Explanation;
use crate::messages::failure::Failure;
use crate::output::printer::Answer;
use crate::table::{cell, first_rows};
use crate::terms::{destinations, in_words, operations, placements, signing};

/// All that is said of a component.
pub(super) struct Inspection<'a> {
    pub(super) skill: &'a Path,
    pub(super) anatomy: Anatomy,
    pub(super) findings: Vec<Finding>,
    /// The policy's file, and what it does not let the component be.
    pub(super) policy: Option<(&'a Path, Vec<Excess>)>,
}

impl Inspection<'_> {
    /// Why the component is refused, if the policy refuses it.
    fn failure(&self) -> Option<Failure> {
        let (policy, excesses) = self.policy.as_ref()?;
        let exceeded = || Failure::Exceeded { policy: (*policy).to_owned(), count: excesses.len() };
        (!excesses.is_empty()).then(exceeded)
    }
}

impl Answer for Inspection<'_> {
    /// As tables.
    fn text(&self) -> String {
        let anatomy = &self.anatomy;
        let world = anatomy.world();
        let mut text = format!(
            "{}: of the world '{}', {}\n{}, {}, {} and {} inside\n",
            escape(&self.skill.to_string_lossy()),
            world.as_str(),
            world.words(),
            anatomy.digest,
            count(anatomy.size, "byte"),
            count(anatomy.modules, "module"),
            count(anatomy.components, "component"),
        );
        match &anatomy.declaration {
            Some(declaration) => text.push_str(&declared(declaration)),
            None => text.push_str("without a declaration: it gets no secret\n"),
        }
        text.push('\n');
        text.push_str(&first_rows(["KIND", "IMPORT", "WHAT IT DOES"], &anatomy.imports, import_row));
        text.push('\n');
        text.push_str(&first_rows(["SIZE", "OF", "LIMIT"], &anatomy.shape.sizes(), shape_row));
        text.push('\n');
        if self.findings.is_empty() {
            text.push_str("no findings\n");
        } else {
            text.push_str(&first_rows(["SEVERITY", "FINDING", "ABOUT", "WHAT"], &self.findings, finding_row));
        }
        if let Some((path, excesses)) = &self.policy {
            let path = escape(&path.to_string_lossy());
            if excesses.is_empty() {
                text.push_str(&format!("\n{path}: met\n"));
            } else {
                text.push_str(&format!("\n{path}: exceeded\n"));
                text.push_str(&first_rows(["RULE", "ABOUT", "WHAT"], excesses, excess_row));
            }
        }
        text
    }

    fn problems(&self) -> Vec<Explanation> {
        self.failure().iter().map(Explanation::of_failure).collect()
    }

    /// As one object.
    fn object(&self) -> Value {
        let anatomy = &self.anatomy;
        let policy = self.policy.as_ref().map(|(path, excesses)| {
            json!({
                "file": path.to_string_lossy(),
                "met": excesses.is_empty(),
                "excesses": excesses.iter().map(excess_object).collect::<Vec<_>>(),
            })
        });
        json!({
            "command": "inspect",
            "skill": self.skill.to_string_lossy(),
            "ok": self.code() == 0,
            "exit_code": self.code(),
            "digest": anatomy.digest,
            "size": anatomy.size,
            "modules": anatomy.modules,
            "components": anatomy.components,
            "shape": shape_object(&anatomy.shape),
            "world": anatomy.world().as_str(),
            "imports": anatomy.imports.iter().map(import_object).collect::<Vec<_>>(),
            "exports": anatomy.exports,
            "declaration": anatomy.declaration.as_ref().map(declaration_object),
            "findings": self.findings.iter().map(finding_object).collect::<Vec<_>>(),
            "policy": policy,
            "error": self.failure().map(|failure| Explanation::of_failure(&failure)),
        })
    }

    fn code(&self) -> u8 {
        self.failure().map_or(0, |failure| failure.code())
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn declared(declaration: &Declaration) -> String {
    let schema = if declaration.input_schema.is_some() { "with" } else { "without" };
    let mut text = format!(
        "declares '{}', version '{}', {schema} a schema of its input: {}\n",
        declaration.name,
        cell(&declaration.version),
        cell(&declaration.description),
    );
    if declaration.secrets.is_empty() {
        text.push_str("and no secret\n");
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
        cell(&in_words(&secret.terms)),
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
    [import.kind().as_str().to_owned(), cell(import.name()), import.kind().words().to_owned()]
}

fn finding_row(finding: &Finding) -> [String; 4] {
    [finding.severity().to_string(), finding.id.to_string(), cell(&finding.subject), cell(&finding.message)]
}

fn excess_row(excess: &Excess) -> [String; 3] {
    [excess.rule.to_owned(), cell(&excess.subject), cell(&excess.message)]
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

fn excess_object(excess: &Excess) -> Value {
    json!({ "rule": excess.rule, "about": excess.subject, "message": excess.message })
}

/// Where a secret may be sent, and as what if not as usual.
fn sent(secret: &DeclaredSecret) -> String {
    let to = destinations(&secret.terms).join(" ");
    match secret.terms.placements() {
        [Placement::Authorization] => to,
        _ => format!("{to} in {}", placements(&secret.terms).join(",")),
    }
}
