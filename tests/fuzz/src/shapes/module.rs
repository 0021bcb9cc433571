//! Shapes of the other sections of a core module.

use std::fmt::Write as _;

use fastrand::Rng;
use wasm_encoder::{
    CodeSection, ConstExpr, CustomSection, DataSection, ElementSection, Elements, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, Instruction, MemorySection, MemoryType, Module, RefType, TableSection,
    TableType, TypeSection, ValType,
};

use super::{text, wrap};

pub(super) fn types(rng: &mut Rng, size: u32) -> Vec<u8> {
    let mut types = TypeSection::new();
    let max = rng.usize(..=32);
    for _ in 0..size {
        let parameters: Vec<_> = (0..rng.usize(..=max)).map(|_| ValType::I64).collect();
        types.ty().function(parameters, [ValType::I32]);
    }
    wrap(Module::new().section(&types))
}

pub(super) fn tables(rng: &mut Rng, size: u32) -> Vec<u8> {
    let mut tables = TableSection::new();
    let max = 1 << rng.u32(..24);
    for _ in 0..size {
        let minimum = rng.u64(..max);
        let table = TableType { element_type: RefType::FUNCREF, table64: false, minimum, maximum: None, shared: false };
        tables.table(table);
    }
    wrap(Module::new().section(&tables))
}

pub(super) fn memories(rng: &mut Rng, size: u32) -> Vec<u8> {
    let mut memories = MemorySection::new();
    let max = 1 << rng.u32(..17);
    for _ in 0..size {
        let minimum = rng.u64(..max);
        memories.memory(MemoryType { minimum, maximum: None, memory64: false, shared: false, page_size_log2: None });
    }
    wrap(Module::new().section(&memories))
}

pub(super) fn globals(rng: &mut Rng, size: u32) -> Vec<u8> {
    let mut globals = GlobalSection::new();
    for at in 0..size {
        let global = GlobalType { val_type: ValType::I64, mutable: false, shared: false };
        // A chain of constants that each depend on the previous one.
        let value = if at > 0 && rng.bool() {
            ConstExpr::extended([Instruction::GlobalGet(at - 1), Instruction::I64Const(1), Instruction::I64Add])
        } else {
            ConstExpr::i64_const(1)
        };
        globals.global(global, &value);
    }
    wrap(Module::new().section(&globals))
}

/// A module that exports `size` functions, and one that imports them.
pub(super) fn imports_and_exports(rng: &mut Rng, size: u32) -> Vec<u8> {
    let length = rng.usize(..=64);
    let (mut exports, mut imports) = (String::new(), String::new());
    for at in 0..size {
        let name = format!("{}{at}", "n".repeat(length));
        let _ = write!(exports, "(export \"{name}\" (func $f))");
        let _ = write!(imports, "(import \"m\" \"{name}\" (func))");
    }
    text(&format!(
        "(component (core module $a (func $f) {exports}) (core module $b {imports})
         (core instance $m (instantiate $a)) (core instance (instantiate $b (with \"m\" (instance $m)))))"
    ))
}

/// Element segments with `size` elements in total.
pub(super) fn elements(rng: &mut Rng, size: u32) -> Vec<u8> {
    let (mut types, mut functions, mut code) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([], []);
    functions.function(0);
    let mut function = Function::new([]);
    function.instruction(&Instruction::End);
    code.function(&function);
    let mut tables = TableSection::new();
    let minimum = u64::from(size);
    tables.table(TableType { element_type: RefType::FUNCREF, table64: false, minimum, maximum: None, shared: false });
    let mut elements = ElementSection::new();
    let segments = 1 + rng.u32(..=size.min(10_000));
    for _ in 0..segments {
        let items = vec![0; (size / segments) as usize];
        let active = rng.bool();
        let items = Elements::Functions(items.into());
        if active {
            elements.active(None, &ConstExpr::i32_const(0), items);
        } else {
            elements.passive(items);
        }
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&tables).section(&elements).section(&code);
    wrap(&module)
}

/// `size` data segments at random offsets, which make a memory's initial image sparse.
pub(super) fn data(rng: &mut Rng, size: u32) -> Vec<u8> {
    let pages = 1 << rng.u32(..10);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: pages, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let mut data = DataSection::new();
    let length = rng.usize(..64);
    for _ in 0..size {
        let at = rng.i32(0..(pages * 65_536 - 64) as i32);
        data.active(0, &ConstExpr::i32_const(at), vec![1; length]);
    }
    wrap(Module::new().section(&memories).section(&data))
}

pub(super) fn custom_sections(rng: &mut Rng, size: u32) -> Vec<u8> {
    let length = 1 << rng.u32(..8);
    let name = ["name", "producers", "tinkerbell", "component-name", ""];
    let mut module = Module::new();
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut exports = ExportSection::new();
    exports.export("f", ExportKind::Func, 0);
    let mut code = CodeSection::new();
    let mut function = Function::new([]);
    function.instruction(&Instruction::End);
    code.function(&function);
    module.section(&types).section(&functions).section(&exports).section(&code);
    for _ in 0..size {
        let data: Vec<_> = (0..length).map(|_| rng.u8(..)).collect();
        module.section(&CustomSection { name: (*rng.choice(&name).expect("names")).into(), data: data.into() });
    }
    wrap(&module)
}
