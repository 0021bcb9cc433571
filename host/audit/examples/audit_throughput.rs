//! Events per second of the file sink as a required sink, against plain writes of the same bytes.
//!
//! `cargo run --release -p far-audit --example audit_throughput [FOLDER]` creates the folder with
//! mode 0700, and measures the disk that it is on.

#![expect(clippy::print_stdout, reason = "the program prints its measurements")]

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use far_audit::{FileOptions, FileSink, TrustAnchors, verify};
use far_core::pal::{Event, Pal, Subject};
use far_core::{AgentId, random_task_id};

const ROUNDS: usize = 7;
/// The number of concurrent tasks. Each waits for its record.
const TASKS: usize = 512;
const WITHIN: Duration = Duration::from_secs(60);

/// The rates of one round, per second.
struct Round {
    events: f64,
    plain: f64,
    groups: f64,
    verify: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).unwrap_or_else(|| "audit-throughput".into());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build()?;
    for (synced, events) in [(false, 200_000), (true, 20_000)] {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(runtime.block_on(round(Path::new(&folder), synced, events))?);
        }
        let median = |of: fn(&Round) -> f64| {
            let mut values: Vec<_> = rounds.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            let at = |index: usize| values.get(index).copied().unwrap_or_default();
            (at(ROUNDS / 2), at(0), at(ROUNDS - 1))
        };
        let print = |name: &str, (median, least, most): (f64, f64, f64)| {
            println!("{name:<44} {median:>10.2}   ({least:.2} to {most:.2})");
        };
        println!("{}, {events} events, median of {ROUNDS} rounds", if synced { "synced" } else { "buffered" });
        print("  thousand events a second", median(|round| round.events / 1e3));
        print("  plain writes of the same lines, one by one", median(|round| round.plain / 1e3));
        print("  ratio of time to plain writes, one by one", median(|round| round.plain / round.events));
        print("  ratio of time to plain writes of 64 KiB", median(|round| round.groups / round.events));
        print("  thousand lines a second verified", median(|round| round.verify / 1e3));
    }
    Ok(())
}

async fn round(folder: &Path, synced: bool, events: usize) -> Result<Round, Box<dyn Error>> {
    let path = folder.join("far.jsonl");
    let sink = FileSink::open(&path, FileOptions { synced })?;
    let pal = Pal::builder().required_sink(sink.clone(), WITHIN).build();
    let subject = Arc::new(Subject {
        task_id: Some(random_task_id()?),
        agent_id: AgentId::parse("far-agent-7")?,
        skill: None,
        skill_digest: Some(far_core::SkillDigest::of(b"skill")),
    });
    let started = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (pal, subject) = (pal.clone(), subject.clone());
            tokio::spawn(async move {
                for _ in 0..events / TASKS {
                    pal.record(&subject, Event::secret_listed()).await?;
                }
                Ok::<_, far_core::pal::AuditUnavailable>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let taken = per_second(events, started);
    sink.close(WITHIN)?;

    let bytes = fs::read(&path)?;
    let started = Instant::now();
    let verdict = verify(&bytes[..], TrustAnchors { key: Some(sink.key()), head: None })?;
    let verify = per_second(usize::try_from(verdict.lines)?, started);
    if !verdict.is_consistent() {
        return Err("the written file has findings".into());
    }
    fs::remove_file(&path)?;

    let lines =
        |file: &mut File| bytes.split_inclusive(|byte| *byte == b'\n').try_for_each(|line| file.write_all(line));
    let plain = plain(folder, synced, events, lines)?;
    let groups = self::plain(folder, synced, events, |file| {
        bytes.chunks(64 * 1024).try_for_each(|group| file.write_all(group))
    })?;
    Ok(Round { events: taken, plain, groups, verify })
}

fn plain(
    folder: &Path,
    synced: bool,
    events: usize,
    write: impl FnOnce(&mut File) -> std::io::Result<()>,
) -> Result<f64, Box<dyn Error>> {
    let path = folder.join("plain.jsonl");
    let mut file = File::options().create_new(true).append(true).open(&path)?;
    let started = Instant::now();
    write(&mut file)?;
    if synced {
        file.sync_data()?;
    }
    let taken = per_second(events, started);
    fs::remove_file(&path)?;
    Ok(taken)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark")]
fn per_second(count: usize, started: Instant) -> f64 {
    count as f64 / started.elapsed().as_secs_f64()
}
