//! The shape of a component: the sizes that decide what loading costs.
//!
//! A few bytes can stand for very much: a component that instantiates another one twice, thirty
//! levels deep, has a billion instances; one function with many locals and many branches takes a
//! compiler minutes. [`Shape::read`] finds these sizes without doing the work, and
//! [`Shape::within_limits`] names the first one beyond [`Shape::LIMITS`].
//!
//! # Invariants
//!
//! - Pure, and bounded: linear in the component's bytes, plus the limit on steps, in time; in memory,
//!   the limit on steps. Nothing recurses. Counting saturates.
//! - Nothing is validated here. A component whose indices make no sense has no shape, and no engine
//!   takes it either.
//! - A size is exact, or at the limit that stopped the count.

mod body;
mod excess;
mod instantiate;
mod parse;
#[cfg(test)]
mod tests;
mod types;

pub use self::excess::ShapeExcess;
use self::parse::Parsed;
use crate::ComponentError;

/// The sizes of a component that decide what loading costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Component instances, the outermost included, once every instantiation is expanded.
    pub component_instances: u64,
    /// Core instances, once every instantiation is expanded.
    pub core_instances: u64,
    /// Linear memories of all core instances.
    pub memories: u64,
    /// Tables of all core instances.
    pub tables: u64,
    /// Definitions that an engine evaluates or copies to instantiate the component.
    pub steps: u64,
    /// Types that core modules and components define, at any depth.
    pub types: u64,
    /// The deepest nesting of component and instance types.
    pub type_depth: u64,
    /// Functions that core modules define.
    pub functions: u64,
    /// Bytes of all function bodies.
    pub code: u64,
    /// Bytes of the largest function body.
    pub largest_function: u64,
    /// Locals of the function with most of them, with as many parameters as its module's types have.
    pub locals: u64,
    /// Branches of the function with most of them.
    pub branches: u64,
    /// Locals × nested loops of the function where the product is largest: the values that a compiler
    /// carries around loops.
    pub loop_values: u64,
}

impl Shape {
    /// The most core instances of one component, and of a task's part of the engine's pool.
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
        let Parsed { root, resources } = parse::parse(component, &mut shape)?;
        if let Some(root) = root {
            instantiate::count(&root, resources, Self::LIMITS.steps, &mut shape).ok_or(ComponentError::Index)?;
        }
        Ok(shape)
    }

    /// Returns the shape if it is within [`Shape::LIMITS`].
    ///
    /// # Errors
    ///
    /// [`ShapeExcess`], which names the first size that is beyond its limit.
    pub fn within_limits(self) -> Result<Self, ShapeExcess> {
        let excess = |(what, size, limit)| ShapeExcess { what, size, limit };
        match self.sizes().into_iter().map(excess).find(|excess| excess.size > excess.limit) {
            Some(excess) => Err(excess),
            None => Ok(self),
        }
    }

    /// Returns each size: its name, its value and the limit of every host.
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
