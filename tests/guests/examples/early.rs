//! Asks for a secret while it is instantiated, before the host opens the task for it.
//!
//! A constructor in `.init_array` would not do: bindings run those at the start of `run`, when the task is open. What a
//! module exports as `_initialize` is called by the component's own start.

#![expect(unsafe_code, reason = "the name of an export is not Rust's to check")]

use serde::de::IgnoredAny;

#[unsafe(export_name = "_initialize")]
pub extern "C" fn ask() {
    // Whatever it answers: the host must not let the call return.
    drop(far_skill::secrets::get("alpha"));
}

#[far_skill::skill(declaration = "examples/early.json")]
fn succeed(_: IgnoredAny) -> Result<&'static str, far_skill::Error> {
    Ok("ok")
}
