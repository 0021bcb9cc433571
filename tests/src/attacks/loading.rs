//! Components whose compilation costs far more time or memory than their size suggests.

use std::time::Duration;

use far_core::pal::Pal;
use far_runtime::{Compiler, LoadLimits, Runtime};
use wasm_encoder::{
    Alias, BlockType, CodeSection, Component, ComponentAliasSection, ComponentInstanceSection, ComponentOuterAliasKind,
    Function, FunctionSection, Instruction, Module, ModuleSection, NestedComponentSection, TypeSection, ValType,
};

use super::Case;
use super::trial::Trial;
use crate::{child, guests};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = shapes();
    cases.extend(limits());
    cases
}

/// Shapes that are refused before compilation.
fn shapes() -> Vec<Case> {
    let refused = "refused component-limits";
    let shape = |id, description, attack: fn() -> Vec<u8>, twin: fn() -> Vec<u8>| Case {
        id,
        description,
        attack: Trial::new(refused, move || load_in_process(attack())),
        twin: Trial::new("refused wrong-world", move || load_in_process(twin())),
    };
    vec![
        shape(
            "48-doubled-instances",
            "components that each instantiate the previous one twice",
            || doubled(12),
            || doubled(4),
        ),
        shape(
            "48-doubled-captures",
            "components that each capture the previous one twice, to be copied",
            || captured(18),
            || captured(4),
        ),
        shape(
            "48-large-function",
            "one function with more bytes than compilers emit",
            || one_function(0, 0, 600_000),
            || one_function(0, 0, 1000),
        ),
        shape(
            "48-locals-in-loops",
            "one function with many locals, each used in nested loops",
            || one_function(250, 250, 0),
            || one_function(40, 40, 0),
        ),
        shape(
            "48-many-locals",
            "one function with more locals than compilers emit",
            || one_function(10_001, 0, 0),
            || one_function(1000, 0, 0),
        ),
    ]
}

/// Limits on the compiler process.
fn limits() -> Vec<Case> {
    const SHORT: LoadLimits = LoadLimits { timeout: Duration::from_millis(300), memory: 1 << 30 };
    const SMALL: LoadLimits = LoadLimits { timeout: Duration::from_secs(60), memory: 48 << 20 };
    vec![
        Case {
            id: "48-slow-compilation",
            description: "a component within all size limits that compiles slowly",
            attack: Trial::new("refused load-timeout", || load_in_child(costly(), SHORT)),
            twin: Trial::new("loaded", || load_in_child(guest(), LoadLimits::default())),
        },
        Case {
            id: "48-large-compilation",
            description: "a component within all size limits that compiles with much memory",
            attack: Trial::new("refused load-memory", || load_in_child(costly(), SMALL)),
            twin: Trial::new("loaded", || load_in_child(guest(), LoadLimits::default())),
        },
        Case {
            id: "48-crowded-compilation",
            description: "concurrent costly components, to delay an honest one until they are compiled",
            attack: Trial::new("loaded first", crowded),
            twin: Trial::new("loaded", || load_in_child(guest(), LoadLimits::default())),
        },
    ]
}

fn guest() -> Vec<u8> {
    std::fs::read(guests::REQUIRED).unwrap()
}

async fn load_in_process(component: Vec<u8>) -> String {
    loaded(&runtime(Compiler::in_process(), LoadLimits::default()), component).await
}

async fn load_in_child(component: Vec<u8>, limits: LoadLimits) -> String {
    loaded(&runtime(child::compiler(), limits), component).await
}

/// Loads an honest component among costly ones.
async fn crowded() -> String {
    let runtime = runtime(child::compiler(), LoadLimits::default());
    let costly: Vec<_> = (0..4)
        .map(|_| {
            let runtime = runtime.clone();
            tokio::spawn(async move { loaded(&runtime, costly()).await })
        })
        .collect();
    let honest = loaded(&runtime, guest()).await;
    let ended = costly.iter().filter(|costly| costly.is_finished()).count();
    // Dropping the tasks ends their compiler processes.
    costly.iter().for_each(tokio::task::JoinHandle::abort);
    if ended == 0 { format!("{honest} first") } else { format!("{honest} after {ended} costly ones") }
}

fn runtime(compiler: Compiler, limits: LoadLimits) -> std::sync::Arc<Runtime> {
    let builder = Runtime::builder("loading".parse().unwrap(), Pal::builder().build());
    builder.compiler(compiler).load_limits(limits).build().unwrap()
}

async fn loaded(runtime: &std::sync::Arc<Runtime>, component: Vec<u8>) -> String {
    match runtime.load(component).await {
        Ok(_) => "loaded".to_owned(),
        Err(error) => format!("refused {}", error.kind()),
    }
}

/// Returns a chain of components, each of which captures the previous one twice and may instantiate
/// it twice.
fn chain(levels: usize, instantiate: bool) -> Vec<u8> {
    let mut root = Component::new();
    root.section(&NestedComponentSection(&Component::new()));
    for level in 0..u32::try_from(levels).unwrap() {
        let mut component = Component::new();
        let mut aliases = ComponentAliasSection::new();
        for _ in 0..2 {
            aliases.alias(Alias::Outer { kind: ComponentOuterAliasKind::Component, count: 1, index: level });
        }
        component.section(&aliases);
        if instantiate {
            let mut instances = ComponentInstanceSection::new();
            for index in 0..2 {
                instances.instantiate(index, std::iter::empty::<(&str, _, _)>());
            }
            component.section(&instances);
        }
        root.section(&NestedComponentSection(&component));
    }
    if instantiate {
        let mut instances = ComponentInstanceSection::new();
        instances.instantiate(u32::try_from(levels).unwrap(), std::iter::empty::<(&str, _, _)>());
        root.section(&instances);
    }
    root.finish()
}

fn doubled(levels: usize) -> Vec<u8> {
    chain(levels, true)
}

fn captured(levels: usize) -> Vec<u8> {
    chain(levels, false)
}

/// Returns a component of one function, with locals set in nested loops, and additions.
fn one_function(locals: u32, loops: u32, additions: u32) -> Vec<u8> {
    functions(
        1,
        |function| {
            for _ in 0..loops {
                function.instruction(&Instruction::Loop(BlockType::Empty));
            }
            for local in 0..locals {
                function.instruction(&Instruction::LocalGet(local));
                function.instruction(&Instruction::I32Const(1));
                function.instruction(&Instruction::I32Add);
                function.instruction(&Instruction::LocalSet(local));
            }
            function.instruction(&Instruction::I32Const(0));
            for _ in 0..additions {
                function.instruction(&Instruction::I32Const(1));
                function.instruction(&Instruction::I32Add);
            }
            function.instruction(&Instruction::Drop);
            for _ in 0..loops {
                function.instruction(&Instruction::I32Const(0));
                function.instruction(&Instruction::BrIf(0));
                function.instruction(&Instruction::End);
            }
        },
        locals,
    )
}

/// Returns functions within every limit that together take seconds and much memory to compile.
fn costly() -> Vec<u8> {
    functions(
        20,
        |function| {
            for _ in 0..1500 {
                for local in 0..4 {
                    function.instruction(&Instruction::LocalGet(local));
                    function.instruction(&Instruction::If(BlockType::Empty));
                    function.instruction(&Instruction::LocalGet(local));
                    function.instruction(&Instruction::LocalGet((local + 1) % 4));
                    function.instruction(&Instruction::I32Mul);
                    function.instruction(&Instruction::LocalSet((local + 2) % 4));
                    function.instruction(&Instruction::End);
                }
            }
        },
        4,
    )
}

fn functions(count: u32, body: impl Fn(&mut Function), locals: u32) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut declared = FunctionSection::new();
    let mut code = CodeSection::new();
    for _ in 0..count {
        declared.function(0);
        let mut function = Function::new([(locals, ValType::I32)]);
        body(&mut function);
        function.instruction(&Instruction::End);
        code.function(&function);
    }
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&code);
    let mut component = Component::new();
    component.section(&ModuleSection(&module));
    component.finish()
}
