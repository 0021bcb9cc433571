//! Calls the host during instantiation, before the host opens the task.
//!
//! A constructor in `.init_array` would run too late: the bindings run constructors at the start of
//! `run`, when the task is open. The component's own start function calls the export `_initialize`
//! of a module.

#![expect(unsafe_code, reason = "the export needs a fixed name")]

use serde::de::IgnoredAny;

#[unsafe(export_name = "_initialize")]
pub extern "C" fn ask() {
    // The result does not matter: the call must not return.
    drop(far_skill::secrets::get("alpha"));
}

#[far_skill::skill(declaration = "examples/early.json")]
fn succeed(_: IgnoredAny) -> Result<&'static str, far_skill::Error> {
    Ok("ok")
}
