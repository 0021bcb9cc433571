//! Components of every shape: reading one costs little more than its size.

use std::fs;
use std::time::Duration;

use far_component::read;
use far_component::review::{self, Anatomy, findings};

use crate::shapes::Shape;

/// How long any component may take to be read.
const LEAST: Duration = Duration::from_millis(500);
/// How much longer one may take for each of its bytes.
const PER_BYTE: Duration = Duration::from_micros(2);

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
    let anatomy = Anatomy::read(component);
    if let Ok(anatomy) = &anatomy {
        findings(anatomy);
        assert!(declaration.is_ok() && within, "a review reads what the host refuses");
    }
    if let (Some(started), Some(ended)) = (started, processor_time()) {
        let bytes = u32::try_from(component.len()).expect("a component is small");
        let (took, most) = (ended - started, LEAST + PER_BYTE * bytes);
        assert!(took <= most, "reading {bytes} bytes took {took:?}, not {most:?}");
    }
}

/// How long this thread has run so far: other processes do not count.
fn processor_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
