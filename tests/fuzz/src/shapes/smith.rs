//! Shapes from wasm-smith.

use arbitrary::Unstructured;
use fastrand::Rng;
use wasm_encoder::{Component, RawSection};
use wasm_smith::Config;

fn entropy(rng: &mut Rng, size: u32) -> Vec<u8> {
    (0..size).map(|_| rng.u8(..)).collect()
}

fn config(rng: &mut Rng) -> Config {
    Config {
        max_funcs: 1 << rng.u32(..12),
        max_instructions: 1 << rng.u32(..14),
        max_types: 1 << rng.u32(..10),
        max_components: 50,
        max_instances: 50,
        max_modules: 50,
        max_memories: 4,
        max_tables: 4,
        // The engine does not support exceptions.
        exceptions_enabled: false,
        gc_enabled: rng.bool(),
        ..Config::default()
    }
}

/// Returns a component, or an empty one if `size` bytes do not suffice.
pub(super) fn component(rng: &mut Rng, size: u32) -> Vec<u8> {
    let (config, entropy) = (config(rng), entropy(rng, size));
    // wasm-smith documents its component generator as unfinished: some choices panic.
    let result = std::panic::catch_unwind(|| {
        wasm_smith::Component::new(config, &mut Unstructured::new(&entropy)).map(|component| component.to_bytes())
    });
    result.ok().and_then(Result::ok).unwrap_or_else(|| Component::new().finish())
}

/// Returns a component with a module.
pub(super) fn module(rng: &mut Rng, size: u32) -> Vec<u8> {
    let (config, entropy) = (config(rng), entropy(rng, size));
    let Ok(module) = wasm_smith::Module::new(config, &mut Unstructured::new(&entropy)) else {
        return Component::new().finish();
    };
    let module = module.to_bytes();
    let mut component = Component::new();
    component.section(&RawSection { id: wasm_encoder::ComponentSectionId::CoreModule.into(), data: &module });
    component.finish()
}
