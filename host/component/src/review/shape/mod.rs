//! The shape of a component: the sizes that decide the cost of loading.
//!
//! A few bytes can cost very much. A component that instantiates another one twice, thirty levels
//! deep, has a billion instances. A compiler takes minutes for one function with many locals and
//! many branches. [`Shape::read`] finds these sizes without doing the work, and
//! [`Shape::within_limits`] reports the first one beyond [`Shape::LIMITS`].
//!
//! # Invariants
//!
//! - Pure and bounded. Time is linear in the bytes of the component plus the limit on steps; memory
//!   is linear in the limit on steps. There is no recursion, and counters saturate.
//! - Nothing is validated. A component with invalid indices has no shape, and no engine loads it.
//! - A size is exact, or at the limit that stopped the count.

mod body;
mod instantiate;
mod parse;
#[cfg(test)]
mod tests;
mod types;
mod violation;

use self::parse::ParsedComponent;
pub use self::violation::ShapeViolation;
use crate::ComponentError;

/// The sizes of a component that decide the cost of loading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Component instances after expansion of every instantiation, the outermost included.
    pub component_instances: u64,
    /// Core instances after expansion of every instantiation.
    pub core_instances: u64,
    /// Linear memories of all core instances, without imported ones.
    pub memories: u64,
    /// Tables of all core instances, without imported ones.
    pub tables: u64,
    /// Definitions that an engine evaluates or copies to instantiate the component.
    pub steps: u64,
    /// Types that core modules and components define, at any depth.
    pub types: u64,
    /// The maximum nesting depth of component and instance types.
    pub type_depth: u64,
    /// Functions that core modules define.
    pub functions: u64,
    /// Bytes of all function bodies.
    pub code: u64,
    /// Bytes of the largest function body.
    pub largest_function: u64,
    /// The most locals of a function, plus the most parameters of a type of its module.
    pub locals: u64,
    /// The most branches of a function.
    pub branches: u64,
    /// The largest product of locals and nested loops of a function: the values that a compiler
    /// carries around loops.
    pub loop_values: u64,
}

impl Shape {
    /// The most core instances of a component, and of a task in the engine's pool.
    pub const CORE_INSTANCES: u32 = 32;
    /// The most linear memories.
    pub const MEMORIES: u32 = 2;
    /// The most tables.
    pub const TABLES: u32 = 16;

    /// The largest shape that a host loads.
    pub const LIMITS: Self = Self {
        component_instances: 1_000,
        core_instances: Self::CORE_INSTANCES as u64,
        memories: Self::MEMORIES as u64,
        tables: Self::TABLES as u64,
        steps: 1_000_000,
        types: 100_000,
        type_depth: 50,
        functions: 200_000,
        code: 48 << 20,
        largest_function: 1 << 20,
        locals: 10_000,
        branches: 50_000,
        loop_values: 40_000,
    };

    /// Reads the shape. Counting instances stops at the limit on steps.
    ///
    /// # Errors
    ///
    /// [`ComponentError::Malformed`] if the bytes are not a component or an index is out of range.
    pub fn read(component: &[u8]) -> Result<Self, ComponentError> {
        let mut shape = Self::default();
        let ParsedComponent { root, resources } = parse::parse(component, &mut shape)?;
        if let Some(root) = root {
            instantiate::count(&root, resources, Self::LIMITS.steps, &mut shape)
                .ok_or(ComponentError::IndexOutOfRange)?;
        }
        Ok(shape)
    }

    /// Returns the shape if it is within [`Shape::LIMITS`].
    ///
    /// # Errors
    ///
    /// [`ShapeViolation`], with the first size that is beyond its limit.
    pub fn within_limits(self) -> Result<Self, ShapeViolation> {
        let violation = |(what, size, limit)| ShapeViolation { what, size, limit };
        match self.sizes().into_iter().map(violation).find(|violation| violation.size > violation.limit) {
            Some(violation) => Err(violation),
            None => Ok(self),
        }
    }

    /// Returns the name, the value and the limit of each size.
    pub fn sizes(&self) -> [(&'static str, u64, u64); 13] {
        let limits = &Self::LIMITS;
        [
            ("component instances", self.component_instances, limits.component_instances),
            ("core instances", self.core_instances, limits.core_instances),
            ("memories", self.memories, limits.memories),
            ("tables", self.tables, limits.tables),
            ("instantiation steps", self.steps, limits.steps),
            ("types", self.types, limits.types),
            ("types nested in each other", self.type_depth, limits.type_depth),
            ("functions", self.functions, limits.functions),
            ("bytes of code", self.code, limits.code),
            ("bytes in the largest function", self.largest_function, limits.largest_function),
            ("locals in one function", self.locals, limits.locals),
            ("branches in one function", self.branches, limits.branches),
            ("values carried around loops of one function", self.loop_values, limits.loop_values),
        ]
    }
}
