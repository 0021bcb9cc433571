//! Reviews of small components.

mod changes;
mod findings;
mod hostile;
mod policy;

use crate::SECTION;
use crate::review::ComponentSummary;

/// The content of a skill: a `run` that traps.
const RUN: &str = r#"
    (core module $m
        (memory (export "memory") 1)
        (func (export "run") (param i32 i32) (result i32) unreachable)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
    (core instance $i (instantiate $m))
    (func (export "run") (param "input" (list u8)) (result (result (list u8) (error string)))
        (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))"#;

const SIGNING: [&str; 2] = ["tinkerbell:skill/secrets@0.1.0", "tinkerbell:skill/signing@0.1.0"];
const SEALED: &str = "tinkerbell:skill/sealed@0.1.0";
const REVEAL: &str = "tinkerbell:skill/reveal@0.1.0";
const HTTP: &str = "wasi:http/outgoing-handler@0.2.6";

/// A builder of components.
#[derive(Clone)]
struct Skill {
    imports: Vec<String>,
    rest: String,
    declaration: Option<String>,
}

impl Skill {
    /// Returns a skill that signs with `key`, and has no findings.
    fn new() -> Self {
        let skill = Self { imports: Vec::new(), rest: RUN.to_owned(), declaration: None };
        skill.imports(SIGNING).secrets(r#"{"name":"key","operations":["sign"],"reason":"r"}"#)
    }

    fn imports<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.imports.extend(names.into_iter().map(str::to_owned));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.imports.retain(|import| import != name);
        self
    }

    fn rest(mut self, rest: &str) -> Self {
        rest.clone_into(&mut self.rest);
        self
    }

    fn secrets(self, secrets: &str) -> Self {
        self.declares(&format!(r#"{{"name":"hook","version":"1","description":"d","secrets":[{secrets}]}}"#))
    }

    fn declares(mut self, declaration: &str) -> Self {
        self.declaration = Some(declaration.to_owned());
        self
    }

    fn undeclared(mut self) -> Self {
        self.declaration = None;
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let imports: String = self.imports.iter().map(|name| format!("(import {name:?} (instance))")).collect();
        let mut bytes = wat::parse_str(format!("(component {imports} {})", self.rest)).unwrap();
        if let Some(declaration) = &self.declaration {
            bytes.extend(custom(declaration.as_bytes()));
        }
        bytes
    }

    fn summary(&self) -> ComponentSummary {
        ComponentSummary::read(&self.bytes()).unwrap()
    }
}

/// Returns the custom section of a declaration.
fn custom(document: &[u8]) -> Vec<u8> {
    let content = [&[SECTION.len() as u8], SECTION.as_bytes(), document].concat();
    let mut section = vec![0];
    let mut rest = content.len();
    while rest > 0x7f {
        section.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    section.push(rest as u8);
    [section, content].concat()
}
