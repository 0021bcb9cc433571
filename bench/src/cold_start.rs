//! P5: a skill that this agent has compiled before, from its file to the end of a first task.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use far_core::capability::Scope;

use crate::Error;
use crate::host::{Ring, nanoseconds, run, runtime};
use crate::rounds::{Turn, alternate};
use crate::row::{Row, Target};

/// How often a turn starts, so that a short start is longer than the clock is exact.
const STARTS: u32 = 5;

/// A component, what it is told and must answer, and what starting it may cost.
pub(crate) struct Skill<'a> {
    pub(crate) path: &'a Path,
    pub(crate) what: &'a str,
    pub(crate) input: String,
    pub(crate) output: String,
    /// Whether it is granted the secret: what does not declare it cannot be.
    pub(crate) granted: bool,
    /// In nanoseconds, over reading the file.
    pub(crate) at_most: f64,
}

/// Compiled components are kept in `folder`, which is its owner's alone, and has none yet.
pub(crate) fn rows(rounds: usize, folder: &Path, skill: &Skill<'_>) -> Result<Vec<Row>, Error> {
    let tokio = crate::tokio()?;
    let (runtime, grant) = runtime(Scope::Task, &Arc::new(Ring::default()), Some(folder))?;
    let start = || {
        let (runtime, path) = (runtime.clone(), skill.path.to_owned());
        let (input, output) = (skill.input.clone(), skill.output.clone());
        let grant = skill.granted.then(|| grant.clone());
        let start = async move {
            let started = Instant::now();
            let loaded = runtime.load(std::fs::read(path)?).await?;
            let seen = run(&runtime, &loaded, grant.as_ref(), &input).await?;
            drop(loaded);
            if seen == output.as_bytes() {
                Ok(nanoseconds(started.elapsed()))
            } else {
                Err(Error::from("another output"))
            }
        };
        tokio.block_on(tokio.spawn(start))?
    };
    let read = || {
        let started = Instant::now();
        std::fs::read(skill.path).map(|_| nanoseconds(started.elapsed())).map_err(Error::from)
    };
    // Nothing is compiled yet.
    let first = [start()?].into_iter().collect();
    let [ours, reading] = alternate(rounds, [mean(start), mean(read)])?;
    let what = format!("{} of {} kB", skill.what, std::fs::metadata(skill.path)?.len() / 1000);
    let row = |when: &str, ours, floor, target| Row { id: "P5", what: format!("{when}, {what}"), ours, floor, target };
    let at_most = Target::Above(skill.at_most);
    Ok(vec![
        row("first start, which compiles", first, None, Target::None),
        row("cold start", ours, Some(("reading the file", reading)), at_most),
    ])
}

fn mean<'a>(once: impl Fn() -> Result<f64, Error> + 'a) -> Turn<'a> {
    Box::new(move || Ok((0..STARTS).map(|_| once()).sum::<Result<f64, _>>()? / f64::from(STARTS)))
}
