//! Shapes of component types.

use std::fmt::Write as _;

use fastrand::Rng;

use super::text;

const PRIMITIVES: [&str; 6] = ["u8", "s64", "f64", "char", "string", "bool"];

pub(super) fn record(rng: &mut Rng, size: u32) -> Vec<u8> {
    let mut fields = String::new();
    for at in 0..size {
        let _ = write!(fields, "(field \"f{at}\" {})", rng.choice(PRIMITIVES).expect("types"));
    }
    text(&format!("(component (type $t (record {fields})) (import \"t\" (type (eq $t))))"))
}

pub(super) fn variant(rng: &mut Rng, size: u32) -> Vec<u8> {
    let mut cases = String::new();
    for at in 0..size {
        let payload = if rng.bool() { rng.choice(PRIMITIVES).expect("types") } else { "" };
        let _ = write!(cases, "(case \"c{at}\" {payload})");
    }
    text(&format!("(component (type $t (variant {cases})) (import \"t\" (type (eq $t))))"))
}

/// `size` nested types.
pub(super) fn deep(rng: &mut Rng, size: u32) -> Vec<u8> {
    // The validator's limit of depth.
    let size = size.min(90);
    let mut ty = "u8".to_owned();
    for _ in 0..size {
        ty = match rng.u32(..4) {
            0 => format!("(option {ty})"),
            1 => format!("(list {ty})"),
            2 => format!("(tuple {ty})"),
            _ => format!("(result {ty})"),
        };
    }
    text(&format!("(component (type (func (param \"p\" {ty}))))"))
}

/// `size` types that each contain the previous one twice or more.
pub(super) fn doubling(rng: &mut Rng, size: u32) -> Vec<u8> {
    let times = 2 + rng.usize(..3);
    // The validator limits the total to a million.
    let size = size.min([17, 10, 8][times - 2]);
    let mut types = "(type $t0 u8)".to_owned();
    for at in 1..=size {
        let _ = write!(types, "(type $t{at} (tuple {}))", format!("$t{} ", at - 1).repeat(times));
    }
    text(&format!("(component {types} (type (func (param \"p\" $t{size}) (result $t{size}))))"))
}

/// `size` instance types that each export two or more of the previous one.
pub(super) fn doubling_instance(rng: &mut Rng, size: u32) -> Vec<u8> {
    let times = 2 + rng.usize(..3);
    let size = size.min([17, 10, 8][times - 2]);
    let kind = if rng.bool() { "instance" } else { "component" };
    let mut types = format!("(type $t0 ({kind} (export \"f\" (func))))");
    for at in 1..=size {
        let _ = write!(types, "(type $t{at} ({kind} (alias outer $root $t{} (type $p))", at - 1);
        for export in 0..times {
            let _ = write!(types, "(export \"e{export}\" ({kind} (type $p)))");
        }
        types.push_str("))");
    }
    text(&format!("(component $root {types} (import \"i\" ({kind} (type $t{size}))))"))
}

/// `size` function types.
pub(super) fn many(rng: &mut Rng, size: u32) -> Vec<u8> {
    let size = size.min(999);
    let max = rng.u32(..=16);
    let mut types = String::new();
    for _ in 0..size {
        let parameters = (0..rng.u32(..=max)).map(|at| format!("(param \"p{at}\" string)")).collect::<String>();
        let _ = write!(types, "(type (func {parameters}))");
    }
    text(&format!("(component {types})"))
}
