//! Components of every shape: the cost of reading one is linear in its size.

use std::fs;
use std::time::Duration;

use far_component::read;
use far_component::review::{self, ComponentSummary, findings};

use crate::shapes::Shape;

/// The time that each component may take.
const BASE_TIME: Duration = Duration::from_millis(500);
/// The additional time for each byte.
const TIME_PER_BYTE: Duration = Duration::from_micros(2);

/// Checks a component: a [`Shape`], or WebAssembly itself.
pub fn component_shapes(data: &[u8]) {
    match Shape::read(data) {
        Some(shape) => check_bounds(&shape.generate()),
        None => check_bounds(data),
    }
}

/// Checks that the host reads a component within its bounds.
pub fn check_bounds(component: &[u8]) {
    let started = processor_time();
    let declaration = read(component);
    let within = review::Shape::read(component).is_ok_and(|shape| shape.within_limits().is_ok());
    let summary = ComponentSummary::read(component);
    if let Ok(summary) = &summary {
        findings(summary);
        assert!(declaration.is_ok() && within, "a review accepts a component that the host rejects");
    }
    if let (Some(started), Some(ended)) = (started, processor_time()) {
        let bytes = u32::try_from(component.len()).expect("a component is small");
        let (took, max) = (ended - started, BASE_TIME + TIME_PER_BYTE * bytes);
        assert!(took <= max, "reading {bytes} bytes took {took:?}, more than {max:?}");
    }
}

/// Returns the CPU time of this thread.
fn processor_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
