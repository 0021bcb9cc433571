//! The error of a component whose sizes are beyond their limits.

/// A size beyond its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the component has at least {size} {what}; the limit is {limit}")]
pub struct ShapeExcess {
    /// The size, in words.
    pub what: &'static str,
    /// Its value, or what the count had come to when it stopped.
    pub size: u64,
    /// The most that is loaded.
    pub limit: u64,
}
