//! Holds two declarations in the one section, as when a dependency adds its own; otherwise like `required`.

#![cfg_attr(
    target_arch = "wasm32",
    expect(unsafe_code, reason = "the second declaration goes where the macro puts only one")
)]

far_skill::skill!(run = guests::get_both, declaration = "examples/two-declarations.json");

const DECLARATION: &[u8] = include_bytes!("two-declarations.json");

#[used]
#[cfg_attr(target_arch = "wasm32", unsafe(link_section = "tinkerbell:skill"))]
static SECOND: [u8; DECLARATION.len()] = *DECLARATION.as_array().unwrap();
