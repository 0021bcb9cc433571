//! The sizes of one function body.

use wasmparser::{FunctionBody, Operator, Result};

use super::Shape;

/// Adds a function body. `parameters` is the most parameters of a function type of its module.
pub(super) fn add(body: &FunctionBody<'_>, parameters: u64, shape: &mut Shape) -> Result<()> {
    let size = u64::try_from(body.as_bytes().len()).unwrap_or(u64::MAX);
    let mut locals = parameters;
    for declared in body.get_locals_reader()? {
        locals = locals.saturating_add(declared?.0.into());
    }
    let mut branches = 0_u64;
    let mut nesting = Nesting::default();
    for operator in body.get_operators_reader()? {
        let operator = operator?;
        branches = branches.saturating_add(edges(&operator));
        nesting.add(&operator);
    }
    shape.functions = shape.functions.saturating_add(1);
    shape.code = shape.code.saturating_add(size);
    shape.largest_function = shape.largest_function.max(size);
    shape.locals = shape.locals.max(locals);
    shape.branches = shape.branches.max(branches);
    shape.loop_values = shape.loop_values.max(locals.saturating_mul(nesting.deepest));
    Ok(())
}

/// The nesting of loops.
#[derive(Default)]
struct Nesting {
    /// True for each open block that is a loop.
    open: Vec<bool>,
    loops: u64,
    deepest: u64,
}

impl Nesting {
    fn add(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Loop { .. } => {
                self.open.push(true);
                self.loops += 1;
                self.deepest = self.deepest.max(self.loops);
            }
            Operator::Block { .. } | Operator::If { .. } | Operator::TryTable { .. } => self.open.push(false),
            // The last `end` is that of the function.
            Operator::End => self.loops -= u64::from(self.open.pop() == Some(true)),
            _ => {}
        }
    }
}

/// Returns the number of edges that an instruction adds to the control flow.
fn edges(operator: &Operator<'_>) -> u64 {
    match operator {
        Operator::Block { .. }
        | Operator::Loop { .. }
        | Operator::Else
        | Operator::Br { .. }
        | Operator::BrIf { .. }
        | Operator::BrOnNull { .. }
        | Operator::BrOnNonNull { .. }
        | Operator::BrOnCast { .. }
        | Operator::BrOnCastFail { .. } => 1,
        Operator::If { .. } => 2,
        Operator::BrTable { targets } => u64::from(targets.len()).saturating_add(1),
        Operator::TryTable { try_table } => {
            u64::try_from(try_table.catches.len()).unwrap_or(u64::MAX).saturating_add(1)
        }
        _ => 0,
    }
}
