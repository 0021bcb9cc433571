//! The driver for stable Rust: the corpus first, then mutations of it until the time is up.
//!
//! Each failing input becomes a file. A panic is caught. For an abort or a hang, each input is on
//! disk before it runs. A thread aborts the process if one input takes too long.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rustix::process::{Resource, Rlimit, setrlimit};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::mutate::mutated;
use crate::shapes::Shape;
use crate::targets::Target;

/// The maximum time of one input.
const HANG: Duration = Duration::from_secs(60);
/// The memory limit of the process, in bytes.
const MEMORY: u64 = 4 << 30;
/// The file of the current input: its length and its bytes.
const CURRENT: &str = "current";

/// One run of one target.
pub struct Run {
    /// The target.
    pub target: &'static Target,
    /// The folder of its corpus.
    pub corpus: PathBuf,
    /// The folder for inputs that violate a property.
    pub artifacts: PathBuf,
    /// The duration.
    pub time: Duration,
    /// The seed of the mutations.
    pub seed: u64,
    /// Resets the peak of memory in use.
    pub reset_peak: fn(),
    /// Returns the peak of memory in use since the reset, in bytes.
    pub peak: fn() -> usize,
}

/// The result of a run.
pub struct Report {
    target: &'static str,
    seed: u64,
    executions: u64,
    time: Duration,
    /// The inputs with the most time and with the most memory.
    slowest: Cost,
    largest: Cost,
    /// The file of the input that violated a property.
    pub found: Option<PathBuf>,
}

/// The cost of an input.
#[derive(Clone, Default)]
struct Cost {
    time: Duration,
    memory: usize,
    description: String,
}

/// Runs a target.
///
/// # Errors
///
/// An I/O error of the corpus or of the artifacts.
pub fn run(run: &Run) -> io::Result<Report> {
    let corpus = corpus(&run.corpus)?;
    fs::create_dir_all(&run.artifacts)?;
    let limit = Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) };
    setrlimit(Resource::Data, limit)?;
    let current = run.artifacts.join(CURRENT);
    let file = File::create(&current)?;
    watch(current.clone());
    panic::set_hook(Box::new(|_| {}));

    let mut report = Report::new(run);
    let mut rng = Rng::with_seed(run.seed);
    let started = Instant::now();
    let mut inputs = corpus.iter().cloned();
    while started.elapsed() < run.time || inputs.len() > 0 {
        let input = inputs.next().unwrap_or_else(|| next(run.target, &mut rng, &corpus));
        file.write_all_at(&input, 8)?;
        file.write_all_at(&(input.len() as u64).to_le_bytes(), 0)?;
        if let Some(message) = report.execute(run, &input) {
            let path = run.artifacts.join(format!("crash-{}", hex::encode(&Sha256::digest(&input)[..8])));
            fs::write(&path, &input)?;
            report.slowest.description = message;
            report.found = Some(path);
            break;
        }
    }
    report.time = started.elapsed();
    fs::remove_file(current)?;
    Ok(report)
}

/// Writes the input that a process ran when it ended, and returns its file. Returns `None` if there
/// is no such input.
///
/// # Errors
///
/// An I/O error of the artifacts.
pub fn recover(artifacts: &Path) -> io::Result<Option<PathBuf>> {
    let Ok(left) = fs::read(artifacts.join(CURRENT)) else { return Ok(None) };
    let Some((length, bytes)) = left.split_first_chunk::<8>() else { return Ok(None) };
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX).min(bytes.len());
    let path = artifacts.join(format!("abort-{}", hex::encode(&Sha256::digest(&bytes[..length])[..8])));
    fs::write(&path, &bytes[..length])?;
    fs::remove_file(artifacts.join(CURRENT))?;
    Ok(Some(path))
}

/// Reads all inputs of a folder, sorted by name, so that a seed has the same meaning everywhere.
fn corpus(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    paths.iter().map(fs::read).collect()
}

fn next(target: &Target, rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    if target.name != "component_shapes" {
        return mutated(rng, corpus, target.tokens);
    }
    let shape = Shape::random(rng);
    match rng.u32(..4) {
        // A damaged component.
        0 => mutated(rng, &[Shape { size: shape.size.min(50), ..shape }.generate()], target.tokens),
        _ => shape.to_input().to_vec(),
    }
}

static EXECUTED: AtomicU64 = AtomicU64::new(0);

/// Aborts the process if one input takes too long. The input stays in the file.
fn watch(current: PathBuf) {
    thread::spawn(move || {
        let mut last = u64::MAX;
        loop {
            thread::sleep(HANG);
            let executed = EXECUTED.load(Ordering::Relaxed);
            if executed == last && current.exists() {
                std::process::abort();
            }
            last = executed;
        }
    });
}

impl Report {
    fn new(run: &Run) -> Self {
        Self {
            target: run.target.name,
            seed: run.seed,
            executions: 0,
            time: Duration::ZERO,
            slowest: Cost::default(),
            largest: Cost::default(),
            found: None,
        }
    }

    /// Runs an input; returns the message if it panicked.
    fn execute(&mut self, run: &Run, input: &[u8]) -> Option<String> {
        (run.reset_peak)();
        let before = (run.peak)();
        let started = Instant::now();
        let result = panic::catch_unwind(AssertUnwindSafe(|| (run.target.run)(input)));
        let cost =
            Cost { time: started.elapsed(), memory: (run.peak)().saturating_sub(before), description: String::new() };
        self.executions += 1;
        EXECUTED.store(self.executions, Ordering::Relaxed);
        if cost.time > self.slowest.time {
            self.slowest = Cost { description: describe(input), ..cost.clone() };
        }
        if cost.memory > self.largest.memory {
            self.largest = Cost { description: describe(input), ..cost };
        }
        let payload = result.err()?;
        let text = payload.downcast_ref::<String>().cloned();
        Some(text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
    }

    /// Returns the report as a line of JSON.
    pub fn to_json(&self) -> Value {
        json!({
            "target": self.target,
            "seed": self.seed,
            "executions": self.executions,
            "seconds": self.time.as_secs_f64(),
            "slowest": self.slowest.to_json(),
            "largest": self.largest.to_json(),
            "found": self.found,
        })
    }
}

impl Cost {
    fn to_json(&self) -> Value {
        json!({ "ms": self.time.as_secs_f64() * 1e3, "kib": self.memory >> 10, "what": self.description })
    }
}

/// Describes an input.
fn describe(input: &[u8]) -> String {
    match Shape::read(input) {
        Some(shape) if input.len() == shape.to_input().len() => {
            format!("{} of size {} and seed {}", shape.family.name, shape.size, shape.seed)
        }
        _ => format!("{} bytes", input.len()),
    }
}
