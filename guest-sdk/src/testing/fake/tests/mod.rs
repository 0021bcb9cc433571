//! The fake host against the rules of the real one, and what a test sees of it.

mod ending;
mod headers;
mod placing;
mod rules;
mod sending;
mod signing;
mod streaming;
mod values;

use super::{Declaration, DeclaredSecret, Denial, Ended, Host};
use crate::secrets::{Operation, Secret};
use crate::{Error, secrets};

/// What the tests' skill declares.
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

fn violation(ended: Option<Ended>) -> Denial {
    match ended {
        Some(Ended::Violation(denial)) => denial,
        other => panic!("no violation: {other:?}"),
    }
}
