//! P2: one call inside a guest for a cached secret, with each call checked and recorded.

use std::sync::Arc;

use far_core::capability::Scope;

use crate::Error;
use crate::floor::Floor;
use crate::host::{Far, Host, ReleaseCounts, time};
use crate::meter::meter;
use crate::rounds::{Turn, alternate};
use crate::row::{Row, Target};

/// The number of calls in one task, below the default limit of host calls with reveals.
const CALLS: u32 = 20_000;
const MAX_RATIO: f64 = 1.5;

pub(crate) fn rows(rounds: usize, component: &[u8]) -> Result<Vec<Row>, Error> {
    let tokio = crate::tokio()?;
    let far = tokio.block_on(Far::new(component, Scope::Task))?;
    let floor = Floor::new(component)?;
    let [ours, raw, ours_revealing, raw_revealing] = alternate(
        rounds,
        [
            calls(&tokio, &far, false),
            calls(&tokio, &floor, false),
            calls(&tokio, &far, true),
            calls(&tokio, &floor, true),
        ],
    )?;
    // Reveals of both turns, with the warm-up round.
    let reveals = (rounds as u64 + 1) * u64::from(CALLS + 1);
    let (seen, expected) = (far.released(), ReleaseCounts { handles: 2 * reveals, values: reveals });
    if seen != expected {
        return Err(format!("the records show {seen:?} instead of {expected:?}").into());
    }
    let row = |name: &str, ours, floor, target| {
        let name = format!("{name}, cached, from inside the guest");
        Row { id: "P2", name, ours, floor: Some(("raw wasmtime", floor)), target }
    };
    Ok(vec![
        row("get", ours, raw, Target::Ratio(MAX_RATIO)),
        row("get and reveal", ours_revealing, raw_revealing, Target::None),
    ])
}

/// Returns the time of one more call in a task. The first call may fetch the secret.
fn calls<'a>(tokio: &'a tokio::runtime::Runtime, host: &'a Arc<impl Host>, reveal: bool) -> Turn<'a> {
    Box::new(move || {
        let many = time(tokio, host, 1, meter(CALLS, reveal))?;
        let one = time(tokio, host, 1, meter(1, reveal))?;
        Ok((many - one) / f64::from(CALLS - 1))
    })
}
