//! P5: the first task of a cached compiled skill, from reading the file to the end of the task.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use far_core::capability::Scope;

use crate::Error;
use crate::host::{RecentEvents, nanoseconds, run, runtime};
use crate::rounds::{Turn, alternate};
use crate::row::{Row, Target};

/// The number of starts in a turn, so that a turn is much longer than the clock's resolution.
const STARTS: u32 = 5;

/// A component with its input, its expected output and the limit of its start.
pub(crate) struct Skill<'a> {
    pub(crate) path: &'a Path,
    pub(crate) name: &'a str,
    pub(crate) input: String,
    pub(crate) output: String,
    /// True if the task has the grant; the component must then declare the secret.
    pub(crate) granted: bool,
    /// The limit in nanoseconds, in addition to the time for reading the file.
    pub(crate) max: f64,
}

/// Measures both starts. `folder` caches compiled components: it is owner-only and empty.
pub(crate) fn rows(rounds: usize, folder: &Path, skill: &Skill<'_>) -> Result<Vec<Row>, Error> {
    let tokio = crate::tokio()?;
    let (runtime, grant) = runtime(Scope::Task, &Arc::new(RecentEvents::default()), Some(folder))?;
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
                Err(Error::from("the skill returned an unexpected output"))
            }
        };
        tokio.block_on(tokio.spawn(start))?
    };
    let read = || {
        let started = Instant::now();
        std::fs::read(skill.path).map(|_| nanoseconds(started.elapsed())).map_err(Error::from)
    };
    // The cache is empty.
    let first = [start()?].into_iter().collect();
    let [ours, reading] = alternate(rounds, [mean(start), mean(read)])?;
    let name = format!("{} of {} kB", skill.name, std::fs::metadata(skill.path)?.len() / 1000);
    let row = |when: &str, ours, floor, target| Row { id: "P5", name: format!("{when}, {name}"), ours, floor, target };
    let max = Target::Above(skill.max);
    Ok(vec![
        row("first start, which compiles", first, None, Target::None),
        row("cold start", ours, Some(("reading the file", reading)), max),
    ])
}

fn mean<'a>(once: impl Fn() -> Result<f64, Error> + 'a) -> Turn<'a> {
    Box::new(move || Ok((0..STARTS).map(|_| once()).sum::<Result<f64, _>>()? / f64::from(STARTS)))
}
