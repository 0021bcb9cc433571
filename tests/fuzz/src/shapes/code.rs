//! Shapes of code in a core module.

use fastrand::Rng;
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, EntityType, Function, FunctionSection, GlobalSection, GlobalType, ImportSection,
    Instruction, Module, StartSection, TypeSection, ValType,
};

use super::{text, wrap};

/// Writes an instruction `count` times.
fn repeat(function: &mut Function, count: usize, instruction: &Instruction<'_>) {
    for _ in 0..count {
        function.instruction(instruction);
    }
}

/// Returns a component with a module of functions without parameters and results.
fn module(functions: impl IntoIterator<Item = Function>) -> Vec<u8> {
    let (mut declared, mut code) = (FunctionSection::new(), CodeSection::new());
    for function in functions {
        declared.function(0);
        code.function(&function);
    }
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut globals = GlobalSection::new();
    let global = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
    globals.global(global, &ConstExpr::i32_const(1));
    wrap(Module::new().section(&types).section(&declared).section(&globals).section(&code))
}

fn function(locals: u32, write: impl FnOnce(&mut Function)) -> Function {
    let mut function = Function::new((locals > 0).then_some((locals, ValType::I32)));
    write(&mut function);
    function.instruction(&Instruction::End);
    function
}

pub(super) fn functions(rng: &mut Rng, size: u32) -> Vec<u8> {
    let longest = rng.usize(..8);
    module((0..size).map(|_| {
        let length = rng.usize(..=longest);
        function(0, |function| repeat(function, length, &Instruction::Nop))
    }))
}

/// One function of `size` groups of instructions that a compiler cannot eliminate.
pub(super) fn huge_function(rng: &mut Rng, size: u32) -> Vec<u8> {
    let locals = 1 + rng.u32(..16);
    module([function(locals, |function| {
        for _ in 0..size / 4 + 1 {
            let local = rng.u32(..locals);
            function.instruction(&Instruction::GlobalGet(0));
            function.instruction(&Instruction::LocalGet(local));
            function.instruction(&if rng.bool() { Instruction::I32Mul } else { Instruction::I32DivS });
            function.instruction(&if rng.bool() { Instruction::LocalSet(local) } else { Instruction::GlobalSet(0) });
        }
    })])
}

/// `size` locals that change in `size` nested loops.
pub(super) fn locals_in_loops(rng: &mut Rng, size: u32) -> Vec<u8> {
    let loops = if rng.bool() { size } else { 1 + rng.u32(..size) };
    module([function(size, |function| {
        for at in 0..loops {
            function.instruction(&Instruction::Loop(BlockType::Empty));
            function.instruction(&Instruction::LocalGet((at + 1) % size));
            function.instruction(&Instruction::I32Const(1));
            function.instruction(&Instruction::I32Add);
            function.instruction(&Instruction::LocalSet(at % size));
        }
        for at in 0..loops {
            function.instruction(&Instruction::LocalGet(at % size));
            function.instruction(&Instruction::BrIf(rng.u32(..=at.min(3)).min(loops - 1 - at)));
            function.instruction(&Instruction::End);
        }
    })])
}

pub(super) fn declared_locals(rng: &mut Rng, size: u32) -> Vec<u8> {
    let copies = 1 + rng.u32(..16);
    module((0..copies).map(|_| function(size.min(50_000), |_| {})))
}

pub(super) fn nested_blocks(rng: &mut Rng, size: u32) -> Vec<u8> {
    let loops = rng.bool();
    module([function(0, |function| {
        for _ in 0..size {
            let kind = if loops { Instruction::Loop(BlockType::Empty) } else { Instruction::Block(BlockType::Empty) };
            function.instruction(&kind);
        }
        for at in 0..size {
            function.instruction(&Instruction::GlobalGet(0));
            function.instruction(&Instruction::BrIf(rng.u32(..size - at)));
            function.instruction(&Instruction::End);
        }
    })])
}

/// Branch tables with `size` targets in total, out of nested blocks.
pub(super) fn branch_table(rng: &mut Rng, size: u32) -> Vec<u8> {
    let blocks = 1 + rng.u32(..=size.min(1_000));
    let tables = 1 + rng.u32(..8);
    module([function(0, |function| {
        repeat(function, blocks as usize, &Instruction::Block(BlockType::Empty));
        for _ in 0..tables {
            let targets: Vec<_> = (0..size / tables + 1).map(|_| rng.u32(..=blocks)).collect();
            function.instruction(&Instruction::Block(BlockType::Empty));
            function.instruction(&Instruction::GlobalGet(0));
            function.instruction(&Instruction::BrTable(targets.into(), 0));
            function.instruction(&Instruction::End);
        }
        repeat(function, blocks as usize, &Instruction::End);
    })])
}

/// Functions that each call the next one twice or more: an inliner would double the code with each.
pub(super) fn doubling_calls(rng: &mut Rng, size: u32) -> Vec<u8> {
    let times = 2 + rng.usize(..3);
    module((0..size).map(|at| {
        function(0, |function| {
            if at + 1 < size {
                repeat(function, times, &Instruction::Call(at + 1));
            }
        })
    }))
}

/// `size` instances of a module with a start function, or one start function with `size` imports.
pub(super) fn starts(rng: &mut Rng, size: u32) -> Vec<u8> {
    if rng.bool() {
        let instances = (0..size).map(|_| "(core instance (instantiate $m))".to_owned()).collect::<String>();
        return text(&format!("(component (core module $m (func $f) (start $f)) {instances})"));
    }
    let (mut types, mut imports) = (TypeSection::new(), ImportSection::new());
    types.ty().function([], []);
    for at in 0..size {
        imports.import("m", &format!("f{at}"), EntityType::Function(0));
    }
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut code = CodeSection::new();
    code.function(&function(0, |function| {
        for at in 0..size {
            function.instruction(&Instruction::Call(at));
        }
    }));
    let start = StartSection { function_index: size };
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&start).section(&code);
    let mut component = wasm_encoder::Component::new();
    component.section(&wasm_encoder::ModuleSection(&module));
    component.finish()
}
