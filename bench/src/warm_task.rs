//! P3: a whole task of a skill that is loaded: admitted, instantiated, one get, one reveal, finished, wiped.

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

/// How many tasks a turn runs.
const TASKS: u32 = 400;
const AT_MOST: f64 = 1.25;
const WIPING_AT_MOST: f64 = 1.15;

pub(crate) fn rows(rounds: usize, component: &[u8]) -> Result<Vec<Row>, Error> {
    let tokio = crate::tokio()?;
    let own = tokio.block_on(Far::new(component, Scope::Task))?;
    let shared = tokio.block_on(Far::new(component, Scope::Agent))?;
    let floor = Floor::new(component)?;
    let turns = [tasks(&tokio, &floor), tasks(&tokio, &own), tasks(&tokio, &shared)];
    let [raw, ours, ours_shared] = alternate(rounds, turns)?;
    let row = |what: &str, ours| {
        let (what, floor) = (format!("warm task, {what}"), Some(("raw wasmtime", raw.clone())));
        Row { id: "P3", what, ours, floor, target: Target::Ratio(AT_MOST) }
    };
    Ok(vec![row("its own secret, fetched and wiped", ours), row("a secret that the agent has cached", ours_shared)])
}

/// The nanoseconds of one task, after some that do not count: what a process of its own answers with.
pub(crate) fn once(component: &[u8]) -> Result<f64, Error> {
    let tokio = crate::tokio()?;
    let far = tokio.block_on(Far::new(component, Scope::Task))?;
    let [samples] = alternate(5, [tasks(&tokio, &far)])?;
    Ok(samples.median())
}

/// What the allocator that overwrites costs such a task: this program and one that differs in nothing else take turns,
/// each time as a new process.
pub(crate) fn allocator_rows(rounds: usize, component: &Path, wiping: &Path) -> Result<Vec<Row>, Error> {
    let plain = std::env::current_exe()?;
    let [plain, wiping] = alternate(rounds, [process(&plain, component), process(wiping, component)])?;
    let floor = Some(("the system's allocator", plain));
    let what = "warm task, freed memory overwritten".to_owned();
    Ok(vec![Row { id: "P3", what, ours: wiping, floor, target: Target::Ratio(WIPING_AT_MOST) }])
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
