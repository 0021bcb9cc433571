//! Runs a test's script, and cannot reveal secrets.

#![forbid(unsafe_code)]

use far_skill::Error;
use guests::{HandlesOnly, Script};
use serde_json::Value;

#[far_skill::skill(declaration = "examples/probe.json")]
fn run(script: Script) -> Result<Vec<Value>, Error> {
    guests::run::<HandlesOnly>(script)
}
