//! Requests a secret without a declaration.

#![forbid(unsafe_code)]

use serde::de::IgnoredAny;

#[far_skill::skill(no_declaration)]
fn ask(_: IgnoredAny) -> Result<String, far_skill::Error> {
    Ok(far_skill::secrets::get("alpha")?.name())
}
