//! Runs a test's script, and can reveal secrets.

#![forbid(unsafe_code)]

use far_skill::Error;
use guests::{Revealing, Script};
use serde_json::Value;

#[far_skill::skill(declaration = "examples/probe-revealing.json")]
fn run(script: Script) -> Result<Vec<Value>, Error> {
    guests::run::<Revealing>(script)
}
