//! The error of a component with a size beyond its limit.

/// A size beyond its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the component has at least {size} {what}; the limit is {limit}")]
pub struct ShapeViolation {
    /// The name of the size.
    pub what: &'static str,
    /// The value, or the value at which counting stopped.
    pub size: u64,
    /// The largest value that a host loads.
    pub limit: u64,
}
