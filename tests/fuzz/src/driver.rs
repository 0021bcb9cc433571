//! The driver for stable Rust: the corpus first, then mutations of it until the time is over.
//!
//! A panic becomes a file. So do an abort and a hang: the input that is being run is on the disk
//! before it is run, and a thread ends the process when one input takes too long.

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

/// How long one input may take.
const HANG: Duration = Duration::from_secs(60);
/// How much memory of its own the process may have.
const MEMORY: u64 = 4 << 30;
/// The file of the input that is being run: its length, and its bytes.
const CURRENT: &str = "current";

/// One run of one target.
pub struct Run {
    /// The target.
    pub target: &'static Target,
    /// The folder of its corpus.
    pub corpus: PathBuf,
    /// The folder for inputs that violate a property.
    pub artifacts: PathBuf,
    /// For how long.
    pub time: Duration,
    /// What mutations are drawn from.
    pub seed: u64,
    /// Forgets the most memory that was in use.
    pub reset_peak: fn(),
    /// The most memory that was in use since, in bytes.
    pub peak: fn() -> usize,
}

/// The result of a run.
pub struct Report {
    target: &'static str,
    seed: u64,
    executions: u64,
    time: Duration,
    /// The input that took longest, and the one that took most memory.
    slowest: Cost,
    largest: Cost,
    /// The file of the input that violated a property.
    pub found: Option<PathBuf>,
}

/// What an input took.
#[derive(Clone, Default)]
struct Cost {
    time: Duration,
    memory: usize,
    what: String,
}

/// Runs a target.
///
/// # Errors
///
/// The corpus could not be read, or the input not written.
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
        if let Some(panicked) = report.execute(run, &input) {
            let path = run.artifacts.join(format!("crash-{}", hex::encode(&Sha256::digest(&input)[..8])));
            fs::write(&path, &input)?;
            report.slowest.what = panicked;
            report.found = Some(path);
            break;
        }
    }
    report.time = started.elapsed();
    fs::remove_file(current)?;
    Ok(report)
}

/// Writes the input that a process was running when it ended, if it left one; returns its file.
///
/// # Errors
///
/// It could not be read or written.
pub fn recover(artifacts: &Path) -> io::Result<Option<PathBuf>> {
    let Ok(left) = fs::read(artifacts.join(CURRENT)) else { return Ok(None) };
    let Some((length, bytes)) = left.split_first_chunk::<8>() else { return Ok(None) };
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX).min(bytes.len());
    let path = artifacts.join(format!("abort-{}", hex::encode(&Sha256::digest(&bytes[..length])[..8])));
    fs::write(&path, &bytes[..length])?;
    fs::remove_file(artifacts.join(CURRENT))?;
    Ok(Some(path))
}

/// Every input of a folder, in the order of names, so that a seed means the same everywhere.
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
        // A component with damage in it.
        0 => mutated(rng, &[Shape { size: shape.size.min(50), ..shape }.generate()], target.tokens),
        _ => shape.to_input().to_vec(),
    }
}

static EXECUTED: AtomicU64 = AtomicU64::new(0);

/// Ends the process when one input takes too long. Its input stays in the file.
fn watch(current: PathBuf) {
    thread::spawn(move || {
        let mut before = u64::MAX;
        loop {
            thread::sleep(HANG);
            let executed = EXECUTED.load(Ordering::Relaxed);
            if executed == before && current.exists() {
                std::process::abort();
            }
            before = executed;
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
        let ended = panic::catch_unwind(AssertUnwindSafe(|| (run.target.run)(input)));
        let cost = Cost { time: started.elapsed(), memory: (run.peak)().saturating_sub(before), what: String::new() };
        self.executions += 1;
        EXECUTED.store(self.executions, Ordering::Relaxed);
        if cost.time > self.slowest.time {
            self.slowest = Cost { what: described(input), ..cost.clone() };
        }
        if cost.memory > self.largest.memory {
            self.largest = Cost { what: described(input), ..cost };
        }
        let panicked = ended.err()?;
        let text = panicked.downcast_ref::<String>().cloned();
        Some(text.or_else(|| panicked.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
    }

    /// The report as a line of JSON.
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
        json!({ "ms": self.time.as_secs_f64() * 1e3, "kib": self.memory >> 10, "what": self.what })
    }
}

/// An input in a few words.
fn described(input: &[u8]) -> String {
    match Shape::read(input) {
        Some(shape) if input.len() == shape.to_input().len() => {
            format!("{} of size {} and seed {}", shape.family.name, shape.size, shape.seed)
        }
        _ => format!("{} bytes", input.len()),
    }
}
