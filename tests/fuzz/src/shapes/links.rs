//! Shapes of components: instances, aliases, imports, exports and canonical functions.

use std::fmt::Write as _;

use fastrand::Rng;

use super::text;

/// Contents of the innermost component.
const INNER: [&str; 4] = [
    "",
    "(core module $m) (core instance (instantiate $m))",
    "(core module $m (memory 1) (table 10 funcref) (func)) (core instance (instantiate $m))",
    "(core module $m (func $f) (start $f)) (core instance (instantiate $m)) (core instance (instantiate $m))",
];

/// `size` components that each instantiate the previous one two or more times.
pub(super) fn nested_instantiation(rng: &mut Rng, size: u32) -> Vec<u8> {
    let times = 2 + rng.usize(..3);
    let mut components = format!("(component $c0 {})", rng.choice(INNER).expect("contents"));
    for level in 1..=size {
        let before = level - 1;
        let instances = "(instance (instantiate $p))".repeat(times);
        let _ = write!(components, "(component $c{level} (alias outer $root $c{before} (component $p)) {instances})");
    }
    text(&format!("(component $root {components} (instance (instantiate $c{size})))"))
}

/// `size` instances of one component or module.
pub(super) fn instances(rng: &mut Rng, size: u32) -> Vec<u8> {
    let inner = rng.choice(INNER).expect("contents");
    // The limit for a component.
    let size = size.min(999) as usize;
    if rng.bool() {
        let instances = "(core instance (instantiate $m))".repeat(size);
        text(&format!("(component (core module $m (memory 1) (table 1 funcref)) {instances})"))
    } else {
        let instances = "(instance (instantiate $c))".repeat(size);
        text(&format!("(component (component $c {inner}) {instances})"))
    }
}

/// A chain of instances that each export an item of the previous instance.
pub(super) fn aliases(rng: &mut Rng, size: u32) -> Vec<u8> {
    let size = size.min(900);
    let core = rng.bool();
    let mut links = String::new();
    for at in 0..size {
        if core {
            let _ = write!(
                links,
                "(alias core export $i{at} \"f\" (core func $f{at})) (core instance $i{} (export \"f\" (func $f{at})))",
                at + 1
            );
        } else {
            let _ = write!(
                links,
                "(alias export $i{at} \"c\" (component $p{at})) (instance $i{} (export \"c\" (component $p{at})))",
                at + 1
            );
        }
    }
    if core {
        text(&format!(
            "(component (core module $m (func (export \"f\"))) (core instance $i0 (instantiate $m)) {links})"
        ))
    } else {
        text(&format!("(component (component $c) (instance $i0 (export \"c\" (component $c))) {links})"))
    }
}

/// Nested components, each with `size` aliases of a type of the outermost one.
pub(super) fn outer_aliases(rng: &mut Rng, size: u32) -> Vec<u8> {
    let depth = 1 + rng.u32(..14);
    let each = "(alias outer $root $t (type))".repeat((size / depth).clamp(1, 900) as usize);
    let opened = format!("(component {each}").repeat(depth as usize);
    let fields = (0..=rng.u32(..100)).map(|at| format!("(field \"f{at}\" u8)")).collect::<String>();
    text(&format!("(component $root (type $t (record {fields})) {opened}{}", ")".repeat(depth as usize + 1)))
}

/// `size` imported functions, some of them exported again.
pub(super) fn imports_and_exports(rng: &mut Rng, size: u32) -> Vec<u8> {
    let length = rng.usize(..=64);
    let mut links = String::new();
    for at in 0..size {
        let _ = write!(links, "(import \"n{}-i{at}\" (func $f{at}))", "n".repeat(length + 1));
        if rng.bool() {
            let _ = write!(links, "(export \"e{at}\" (func $f{at}))");
        }
    }
    text(&format!("(component {links})"))
}

/// `size` resource types with canonical functions.
pub(super) fn resources(rng: &mut Rng, size: u32) -> Vec<u8> {
    let mut links = String::new();
    for at in 0..size {
        let _ = write!(links, "(type $r{at} (resource (rep i32)))");
        let functions = ["resource.new", "resource.drop", "resource.rep"];
        for (number, function) in functions.iter().enumerate().take(rng.usize(..=functions.len())) {
            let _ = write!(links, "(core func $f{at}-{number} (canon {function} $r{at}))");
        }
    }
    text(&format!("(component {links})"))
}

/// Functions with large types between two components: `size` fields, or `size` functions.
pub(super) fn lifts_and_lowers(rng: &mut Rng, size: u32) -> Vec<u8> {
    let (fields, functions) = if rng.bool() { (size, 1 + rng.u32(..4)) } else { (1 + rng.u32(..8), size) };
    let types = ["u8", "string", "(list u8)", "(option string)", "f64", "(tuple u8 u64 string)", "(result string)"];
    let fields: Vec<_> = (0..fields).map(|_| *rng.choice(&types).expect("types")).collect();
    let tuple = format!("(tuple {})", fields.join(" "));
    let result = if rng.bool() { "" } else { "(result string)" };
    let core = if result.is_empty() { "" } else { "(result i32)" };
    let encoding = rng.choice(["utf8", "utf16", "latin1+utf16"]).expect("encodings");
    let options = format!("(memory (core memory $i \"m\")) (realloc (core func $i \"r\")) string-encoding={encoding}");
    // A parameter of this size is passed in memory.
    let value = format!("(list {tuple})");
    let (mut lifts, mut lowers) = (String::new(), String::new());
    for at in 0..functions {
        let _ = write!(
            lifts,
            "(func $l{at} (param \"p\" {value}) {result} (canon lift (core func $i \"f\") {options}))
             (export \"f{at}\" (func $l{at}))"
        );
        let _ = write!(
            lowers,
            "(alias export $a \"f{at}\" (func $f{at})) (core func $o{at} (canon lower (func $f{at}) {options}))"
        );
    }
    let module = format!(
        "(core module $m (memory (export \"m\") 1) (func (export \"f\") (param i32 i32) {core} unreachable)
         (func (export \"r\") (param i32 i32 i32 i32) (result i32) unreachable)) (core instance $i (instantiate $m))"
    );
    text(&format!("(component (component $c {module} {lifts}) {module} (instance $a (instantiate $c)) {lowers})"))
}
