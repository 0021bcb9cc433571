//! Components of many shapes, to find those that cost a reader or a compiler more than their size.
//!
//! Each family is a function of a random generator and a size; what the size counts is the family's
//! own. Equal seeds generate equal bytes.

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
    /// Its name.
    pub name: &'static str,
    /// The largest size that is generated.
    pub most: u32,
    generate: fn(&mut Rng, u32) -> Vec<u8>,
}

/// Every family.
pub const FAMILIES: &[Family] = &[
    Family { name: "nested-instantiation", most: 30, generate: links::nested_instantiation },
    Family { name: "instances", most: 2_000, generate: links::instances },
    Family { name: "aliases", most: 2_000, generate: links::aliases },
    Family { name: "outer-aliases", most: 2_000, generate: links::outer_aliases },
    Family { name: "imports-exports", most: 2_000, generate: links::imports_and_exports },
    Family { name: "resources", most: 900, generate: links::resources },
    Family { name: "lifts-lowers", most: 300, generate: links::lifts_and_lowers },
    Family { name: "record", most: 1_000, generate: types::record },
    Family { name: "variant", most: 1_000, generate: types::variant },
    Family { name: "deep-type", most: 200, generate: types::deep },
    Family { name: "doubling-type", most: 24, generate: types::doubling },
    Family { name: "doubling-instance-type", most: 24, generate: types::doubling_instance },
    Family { name: "types", most: 2_000, generate: types::many },
    Family { name: "functions", most: 20_000, generate: code::functions },
    Family { name: "huge-function", most: 2_000_000, generate: code::huge_function },
    Family { name: "locals-in-loops", most: 2_000, generate: code::locals_in_loops },
    Family { name: "declared-locals", most: 50_000, generate: code::declared_locals },
    Family { name: "nested-blocks", most: 20_000, generate: code::nested_blocks },
    Family { name: "branch-table", most: 50_000, generate: code::branch_table },
    Family { name: "doubling-calls", most: 1_000, generate: code::doubling_calls },
    Family { name: "starts", most: 1_000, generate: code::starts },
    Family { name: "core-types", most: 10_000, generate: module::types },
    Family { name: "tables", most: 100, generate: module::tables },
    Family { name: "memories", most: 100, generate: module::memories },
    Family { name: "globals", most: 20_000, generate: module::globals },
    Family { name: "core-imports-exports", most: 20_000, generate: module::imports_and_exports },
    Family { name: "elements", most: 100_000, generate: module::elements },
    Family { name: "data", most: 50_000, generate: module::data },
    Family { name: "custom-sections", most: 20_000, generate: module::custom_sections },
    #[cfg(feature = "smith")]
    Family { name: "smith-module", most: 20_000, generate: smith::module },
    #[cfg(feature = "smith")]
    Family { name: "smith-component", most: 20_000, generate: smith::component },
];

/// A member of a family.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The family.
    pub family: &'static Family,
    /// The size, from 1 to the family's largest.
    pub size: u32,
    /// The seed of all else.
    pub seed: u64,
}

/// How many bytes a shape is as a fuzzer's input.
const LEN: usize = 1 + 4 + 8;

impl Shape {
    /// Draws a shape; small ones as often as large ones.
    pub fn random(rng: &mut Rng) -> Self {
        let family = rng.choice(FAMILIES).expect("there are families");
        let size = f64::from(family.most).powf(rng.f64());
        Self { family, size: size.round() as u32, seed: rng.u64(..) }
    }

    /// Reads a shape from a fuzzer's input; none if the input is too short, or WebAssembly itself.
    pub fn read(input: &[u8]) -> Option<Self> {
        let input = input.first_chunk::<LEN>().filter(|input| !input.starts_with(b"\0asm"))?;
        let family = &FAMILIES[usize::from(input[0]) % FAMILIES.len()];
        let size = u32::from_le_bytes(input[1..5].try_into().expect("4 bytes")) % family.most + 1;
        Some(Self { family, size, seed: u64::from_le_bytes(input[5..].try_into().expect("8 bytes")) })
    }

    /// The fuzzer's input that the shape is read from.
    pub fn to_input(self) -> [u8; LEN] {
        let mut input = [0; LEN];
        let family = FAMILIES.iter().position(|family| family.name == self.family.name).expect("a family");
        input[0] = u8::try_from(family).expect("there are few families");
        input[1..5].copy_from_slice(&(self.size.max(1) - 1).to_le_bytes());
        input[5..].copy_from_slice(&self.seed.to_le_bytes());
        input
    }

    /// The component.
    pub fn generate(self) -> Vec<u8> {
        (self.family.generate)(&mut Rng::with_seed(self.seed), self.size.max(1))
    }
}

/// A component with the core module `wasm` in it, instantiated once.
fn around(module: &wasm_encoder::Module) -> Vec<u8> {
    use wasm_encoder::{Component, InstanceSection, ModuleArg, ModuleSection};

    let mut component = Component::new();
    component.section(&ModuleSection(module));
    let mut instances = InstanceSection::new();
    instances.instantiate(0, std::iter::empty::<(&str, ModuleArg)>());
    component.section(&instances);
    component.finish()
}

/// A component in the text format.
fn text(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("a generator wrote no component: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_generate_equal_bytes() {
        for family in FAMILIES {
            for size in [1, 2, family.most.min(30)] {
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
                let component = Shape { family, size: size.min(family.most), seed }.generate();
                match far_component::review::Anatomy::read(&component) {
                    // Valid, and more than a host loads.
                    Ok(_) | Err(far_component::ComponentError::Shape(_)) => {}
                    Err(error) => panic!("{} {size}: {error:?}", family.name),
                }
            }
        }
    }
}
