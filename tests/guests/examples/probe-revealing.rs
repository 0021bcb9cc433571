//! Does what a test tells it, and can take the bytes of a secret.

#![forbid(unsafe_code)]

use far_skill::Error;
use guests::{Revealing, Script};
use serde_json::Value;

#[far_skill::skill(declaration = "examples/probe-revealing.json")]
fn run(script: Script) -> Result<Vec<Value>, Error> {
    guests::run::<Revealing>(script)
}
