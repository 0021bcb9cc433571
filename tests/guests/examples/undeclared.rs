//! Asks for a secret without a declaration.

#![forbid(unsafe_code)]

use serde::de::IgnoredAny;

far_skill::__skill_without_declaration!(run = ask);

fn ask(_: IgnoredAny) -> Result<String, far_skill::Error> {
    Ok(far_skill::secrets::get("alpha")?.name())
}
