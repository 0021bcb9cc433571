//! Generators of components of many shapes, to find those that cost a reader or compiler more than
//! their size.
//!
//! Each family is a function of a random generator and a size, whose unit depends on the family.
//! Equal seeds generate equal bytes.

mod code;
mod links;
mod module;
#[cfg(feature = "smith")]
mod smith;
mod types;

use fastrand::Rng;

/// A family of components.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The name.
    pub name: &'static str,
    /// The maximum size.
    pub max: u32,
    generate: fn(&mut Rng, u32) -> Vec<u8>,
}

/// Every family.
pub const FAMILIES: &[Family] = &[
    Family { name: "nested-instantiation", max: 30, generate: links::nested_instantiation },
    Family { name: "instances", max: 2_000, generate: links::instances },
    Family { name: "aliases", max: 2_000, generate: links::aliases },
    Family { name: "outer-aliases", max: 2_000, generate: links::outer_aliases },
    Family { name: "imports-exports", max: 2_000, generate: links::imports_and_exports },
    Family { name: "resources", max: 900, generate: links::resources },
    Family { name: "lifts-lowers", max: 300, generate: links::lifts_and_lowers },
    Family { name: "record", max: 1_000, generate: types::record },
    Family { name: "variant", max: 1_000, generate: types::variant },
    Family { name: "deep-type", max: 200, generate: types::deep },
    Family { name: "doubling-type", max: 24, generate: types::doubling },
    Family { name: "doubling-instance-type", max: 24, generate: types::doubling_instance },
    Family { name: "types", max: 2_000, generate: types::many },
    Family { name: "functions", max: 20_000, generate: code::functions },
    Family { name: "huge-function", max: 2_000_000, generate: code::huge_function },
    Family { name: "locals-in-loops", max: 2_000, generate: code::locals_in_loops },
    Family { name: "declared-locals", max: 50_000, generate: code::declared_locals },
    Family { name: "nested-blocks", max: 20_000, generate: code::nested_blocks },
    Family { name: "branch-table", max: 50_000, generate: code::branch_table },
    Family { name: "doubling-calls", max: 1_000, generate: code::doubling_calls },
    Family { name: "starts", max: 1_000, generate: code::starts },
    Family { name: "core-types", max: 10_000, generate: module::types },
    Family { name: "tables", max: 100, generate: module::tables },
    Family { name: "memories", max: 100, generate: module::memories },
    Family { name: "globals", max: 20_000, generate: module::globals },
    Family { name: "core-imports-exports", max: 20_000, generate: module::imports_and_exports },
    Family { name: "elements", max: 100_000, generate: module::elements },
    Family { name: "data", max: 50_000, generate: module::data },
    Family { name: "custom-sections", max: 20_000, generate: module::custom_sections },
    #[cfg(feature = "smith")]
    Family { name: "smith-module", max: 20_000, generate: smith::module },
    #[cfg(feature = "smith")]
    Family { name: "smith-component", max: 20_000, generate: smith::component },
];

/// A member of a family.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The family.
    pub family: &'static Family,
    /// The size, from 1 to the family's maximum.
    pub size: u32,
    /// The seed of the random generator.
    pub seed: u64,
}

/// The length of a shape as a fuzzer's input, in bytes.
const LEN: usize = 1 + 4 + 8;

impl Shape {
    /// Returns a random shape, with sizes distributed logarithmically.
    pub fn random(rng: &mut Rng) -> Self {
        let family = rng.choice(FAMILIES).expect("there are families");
        let size = f64::from(family.max).powf(rng.f64());
        Self { family, size: size.round() as u32, seed: rng.u64(..) }
    }

    /// Reads a shape from a fuzzer's input, or returns `None` if the input is too short or is
    /// WebAssembly.
    pub fn read(input: &[u8]) -> Option<Self> {
        let input = input.first_chunk::<LEN>().filter(|input| !input.starts_with(b"\0asm"))?;
        let family = &FAMILIES[usize::from(input[0]) % FAMILIES.len()];
        let size = u32::from_le_bytes(input[1..5].try_into().expect("4 bytes")) % family.max + 1;
        Some(Self { family, size, seed: u64::from_le_bytes(input[5..].try_into().expect("8 bytes")) })
    }

    /// Returns the shape as a fuzzer's input.
    pub fn to_input(self) -> [u8; LEN] {
        let mut input = [0; LEN];
        let family = FAMILIES.iter().position(|family| family.name == self.family.name).expect("a family");
        input[0] = u8::try_from(family).expect("there are few families");
        input[1..5].copy_from_slice(&(self.size.max(1) - 1).to_le_bytes());
        input[5..].copy_from_slice(&self.seed.to_le_bytes());
        input
    }

    /// Generates the component.
    pub fn generate(self) -> Vec<u8> {
        (self.family.generate)(&mut Rng::with_seed(self.seed), self.size.max(1))
    }
}

/// Wraps a core module in a component that instantiates it once.
fn wrap(module: &wasm_encoder::Module) -> Vec<u8> {
    use wasm_encoder::{Component, InstanceSection, ModuleArg, ModuleSection};

    let mut component = Component::new();
    component.section(&ModuleSection(module));
    let mut instances = InstanceSection::new();
    instances.instantiate(0, std::iter::empty::<(&str, ModuleArg)>());
    component.section(&instances);
    component.finish()
}

/// Assembles a component from the text format.
fn text(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("a generator wrote an invalid component: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_generate_equal_bytes() {
        for family in FAMILIES {
            for size in [1, 2, family.max.min(30)] {
                let shape = Shape { family, size, seed: 7 };
                assert_eq!(shape.generate(), shape.generate(), "{} {size}", family.name);
                let again = Shape::read(&shape.to_input()).unwrap();
                assert_eq!((again.family.name, again.size, again.seed), (family.name, size, 7));
            }
        }
    }

    #[test]
    fn own_families_generate_valid_components() {
        let own = FAMILIES.iter().filter(|family| !family.name.starts_with("smith"));
        for family in own {
            for (size, seed) in [(1, 0), (2, 1), (7, 2), (20, 3)] {
                let component = Shape { family, size: size.min(family.max), seed }.generate();
                match far_component::review::ComponentSummary::read(&component) {
                    // A valid component may exceed the host's limits.
                    Ok(_) | Err(far_component::ComponentError::Shape(_)) => {}
                    Err(error) => panic!("{} {size}: {error:?}", family.name),
                }
            }
        }
    }
}
