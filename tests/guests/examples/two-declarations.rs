//! Contains two declarations in one section, as if a dependency added its own. Otherwise like
//! `required`.

#![cfg_attr(target_arch = "wasm32", expect(unsafe_code, reason = "the macro embeds only one declaration"))]

use serde::de::IgnoredAny;

#[far_skill::skill(declaration = "examples/two-declarations.json")]
fn run(input: IgnoredAny) -> Result<&'static str, far_skill::Error> {
    guests::get_both(input)
}

const DECLARATION: &[u8] = include_bytes!("two-declarations.json");

#[used]
#[cfg_attr(target_arch = "wasm32", unsafe(link_section = "tinkerbell:skill"))]
static SECOND: [u8; DECLARATION.len()] = *DECLARATION.as_array().unwrap();
