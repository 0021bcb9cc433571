//! P2: one call from inside a guest, of a secret that the host has cached; every call checked and recorded.

use std::sync::Arc;

use far_core::capability::Scope;

use crate::Error;
use crate::floor::Floor;
use crate::host::{Far, Host, Released, time};
use crate::meter::meter;
use crate::rounds::{Turn, alternate};
use crate::row::{Row, Target};

/// How many calls one task makes: below the default limit on host calls, reveals included.
const CALLS: u32 = 20_000;
const AT_MOST: f64 = 1.5;

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
    // Of both turns, and in one round more than counts.
    let reveals = (rounds as u64 + 1) * u64::from(CALLS + 1);
    let (seen, expected) = (far.released(), Released { handles: 2 * reveals, values: reveals });
    if seen != expected {
        return Err(format!("recorded were {seen:?} instead of {expected:?}").into());
    }
    let row = |what: &str, ours, floor, target| {
        let what = format!("{what}, cached, from inside the guest");
        Row { id: "P2", what, ours, floor: Some(("raw wasmtime", floor)), target }
    };
    Ok(vec![
        row("get", ours, raw, Target::Ratio(AT_MOST)),
        row("get and reveal", ours_revealing, raw_revealing, Target::None),
    ])
}

/// What one more call costs a task: many, less one, which may be the one that fetches.
fn calls<'a>(tokio: &'a tokio::runtime::Runtime, host: &'a Arc<impl Host>, reveal: bool) -> Turn<'a> {
    Box::new(move || {
        let many = time(tokio, host, 1, meter(CALLS, reveal))?;
        let one = time(tokio, host, 1, meter(1, reveal))?;
        Ok((many - one) / f64::from(CALLS - 1))
    })
}
