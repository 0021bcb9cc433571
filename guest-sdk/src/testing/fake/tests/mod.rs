//! Tests of the fake host against the real host's rules, and of its record.

mod headers;
mod placement;
mod rules;
mod run_end;
mod sending;
mod signing;
mod streaming;
mod values;

use super::{Declaration, DeclaredSecret, Denial, Host, RunError};
use crate::secrets::{Operation, Secret};
use crate::{Error, secrets};

/// The declaration of the tests' skill.
const DECLARATION: Declaration = Declaration {
    secrets: &[
        DeclaredSecret::new("signs", &[Operation::Sign]),
        DeclaredSecret::new("reveals", &[Operation::Reveal, Operation::Refresh]).optional(),
        DeclaredSecret::new("absent", &[Operation::Sign]).optional(),
        DeclaredSecret::new("any", &[Operation::Sign, Operation::Reveal]).optional(),
    ],
};

fn host() -> Host {
    Host::new(DECLARATION).secret("signs", "k3y").secret("reveals", "canary")
}

fn get(name: &str) -> Result<Secret, Error> {
    Ok(secrets::get(name)?)
}

fn violation(error: Option<RunError>) -> Denial {
    match error {
        Some(RunError::Violation(denial)) => denial,
        other => panic!("not a violation: {other:?}"),
    }
}
