//! P3: a whole task of a loaded skill: admission, instantiation, one get, one reveal, end, wiping.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use far_core::capability::Scope;

use crate::Error;
use crate::floor::Floor;
use crate::host::{Far, Host, time};
use crate::meter::meter;
use crate::rounds::{Turn, alternate};
use crate::row::{Row, Target};

/// The number of tasks in a turn.
const TASKS: u32 = 400;
const MAX_RATIO: f64 = 1.25;
const MAX_WIPING_RATIO: f64 = 1.15;

pub(crate) fn rows(rounds: usize, component: &[u8]) -> Result<Vec<Row>, Error> {
    let tokio = crate::tokio()?;
    let own = tokio.block_on(Far::new(component, Scope::Task))?;
    let shared = tokio.block_on(Far::new(component, Scope::Agent))?;
    let floor = Floor::new(component)?;
    let turns = [tasks(&tokio, &floor), tasks(&tokio, &own), tasks(&tokio, &shared)];
    let [raw, ours, ours_shared] = alternate(rounds, turns)?;
    let row = |name: &str, ours| {
        let (name, floor) = (format!("warm task, {name}"), Some(("raw wasmtime", raw.clone())));
        Row { id: "P3", name, ours, floor, target: Target::Ratio(MAX_RATIO) }
    };
    Ok(vec![row("its own secret, fetched and wiped", ours), row("a secret that the agent has cached", ours_shared)])
}

/// Returns the nanoseconds of one task, after a warm-up. A separate process prints this figure.
pub(crate) fn once(component: &[u8]) -> Result<f64, Error> {
    let tokio = crate::tokio()?;
    let far = tokio.block_on(Far::new(component, Scope::Task))?;
    let [samples] = alternate(5, [tasks(&tokio, &far)])?;
    Ok(samples.median())
}

/// Measures the cost of the wiping allocator. The two programs differ only in the allocator; each
/// turn is a new process.
pub(crate) fn allocator_rows(rounds: usize, component: &Path, wiping: &Path) -> Result<Vec<Row>, Error> {
    let plain = std::env::current_exe()?;
    let [plain, wiping] = alternate(rounds, [process(&plain, component), process(wiping, component)])?;
    let floor = Some(("the system's allocator", plain));
    let name = "warm task, freed memory overwritten".to_owned();
    Ok(vec![Row { id: "P3", name, ours: wiping, floor, target: Target::Ratio(MAX_WIPING_RATIO) }])
}

fn tasks<'a>(tokio: &'a tokio::runtime::Runtime, host: &'a Arc<impl Host>) -> Turn<'a> {
    Box::new(move || Ok(time(tokio, host, TASKS, meter(1, true))? / f64::from(TASKS)))
}

fn process<'a>(program: &'a Path, component: &'a Path) -> Turn<'a> {
    Box::new(move || {
        let output = Command::new(program).arg("warm-task-once").arg(component).output()?;
        if !output.status.success() {
            return Err(format!("{}: {}", program.display(), String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(String::from_utf8(output.stdout)?.trim().parse()?)
    })
}
