//! Honest and hostile tasks at once, for as long as wanted: the honest ones all succeed, and the host stays as it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use far_core::capability::Catalog;
use far_core::pal::{Outcome, Pal, Receipt, Record, Sink};
use far_core::provider::{Fetched, ProviderError, Reference, Refreshed, SecretProvider};
use far_core::{ProviderId, Version, VersionSelector};
use far_providers::MemoryProvider;
use far_runtime::{Limits, Runtime, Skill, Task};
use serde_json::{Value, json};

use crate::guests;

/// How long the backend takes for an answer: what one on the same network takes.
const BACKEND: Duration = Duration::from_millis(20);
/// How many honest tasks are run alone first, one after the other.
const ALONE: usize = 300;
const GRANT: &str = "alpha:sign,reveal";

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Soaked {
    /// How many honest tasks were run among others.
    pub honest: usize,
    /// How many of those did not complete.
    pub failed: usize,
    /// How many hostile tasks were run.
    pub hostile: usize,
    /// How many of those did not end as they must.
    pub escaped: usize,
    /// Time of honest tasks that ran alone: the median, and that of the slowest of a hundred.
    pub alone: Times,
    /// Time of honest tasks among others.
    pub among: Times,
    /// Memory in use, in bytes, second by second.
    pub memory: Vec<u64>,
}

/// What tasks took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// The median.
    pub p50: Duration,
    /// One of a hundred is slower.
    pub p99: Duration,
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
        Self { p50: at(50).copied().unwrap_or_default(), p99: at(99).copied().unwrap_or_default() }
    }
}

impl Soaked {
    /// Memory in use, in bytes: the median of each whole minute. The most of a minute says little, since what is in use comes
    /// and goes with hostile tasks that take all they can.
    pub fn minutes(&self) -> Vec<u64> {
        let median = |minute: &[u64]| {
            let mut seconds = minute.to_vec();
            seconds.sort_unstable();
            seconds.get(seconds.len() / 2).copied().unwrap_or_default()
        };
        self.memory.chunks_exact(60).map(median).collect()
    }

    /// How much more memory was in use in the last minute than in the second, as a ratio. None without three minutes.
    pub fn growth(&self) -> Option<f64> {
        let minutes = self.minutes();
        let (_, [second, .., last]) = minutes.split_at_checked(1)? else { return None };
        Some(*last as f64 / *second as f64)
    }

    /// How much longer honest tasks took among others than alone, the slowest of a hundred of each.
    pub fn slower(&self) -> f64 {
        self.among.p99.as_secs_f64() / self.alone.p99.as_secs_f64()
    }
}

/// Keeps so many tasks going, half of them hostile, for so long.
pub async fn soak(time: Duration, at_once: usize) -> Soaked {
    let host = Host::new(at_once).await;
    let mut alone = Vec::new();
    for turn in 0..ALONE {
        alone.push(host.honest(turn).await.1);
    }
    let end = Instant::now() + time;
    let workers: Vec<_> = (0..at_once).map(|worker| tokio::spawn(host.clone().work(worker, end))).collect();
    let mut soaked = Soaked { alone: Times::of(alone), ..Soaked::default() };
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_secs(1)).await;
        soaked.memory.push(resident());
    }
    let mut among = Vec::new();
    for worker in workers {
        let done = worker.await.unwrap();
        among.extend(done.times);
        soaked.failed += done.failed;
        soaked.hostile += done.hostile;
        soaked.escaped += done.escaped;
    }
    soaked.honest = among.len();
    soaked.among = Times::of(among);
    soaked
}

/// What one worker did.
#[derive(Default)]
struct Done {
    times: Vec<Duration>,
    failed: usize,
    hostile: usize,
    escaped: usize,
}

#[derive(Clone)]
struct Host {
    runtime: Arc<Runtime>,
    skill: Arc<Skill>,
}

impl Host {
    async fn new(at_once: usize) -> Self {
        let id: ProviderId = "memory".parse().unwrap();
        let memory = MemoryProvider::new(id.clone());
        memory.set(&Reference::new("alpha"), &"1".parse().unwrap(), b"canary-of-a-soak").unwrap();
        let mut catalog = Catalog::of_grants(&[GRANT.parse().unwrap()], &id).unwrap();
        let beta = catalog.get(&"alpha".parse().unwrap()).unwrap().clone();
        catalog.insert("beta".parse().unwrap(), beta).unwrap();
        let pal = Pal::builder().required_sink(Arc::new(Counting::default()), Duration::from_secs(5)).build();
        let runtime = Runtime::builder("soak".parse().unwrap(), pal)
            .provider(Arc::new(Slow(memory)))
            .catalog(catalog)
            .max_tasks(u32::try_from(at_once).unwrap())
            .build()
            .unwrap();
        let skill = runtime.load(std::fs::read(guests::PROBE_REVEALING).unwrap()).await.unwrap();
        Self { runtime, skill }
    }

    async fn work(self, worker: usize, end: Instant) -> Done {
        let mut done = Done::default();
        let mut turn = worker;
        while Instant::now() < end {
            if worker.is_multiple_of(2) {
                let (ok, time) = self.honest(turn).await;
                done.times.push(time);
                done.failed += usize::from(!ok);
            } else {
                done.hostile += 1;
                done.escaped += usize::from(!self.hostile(turn / 2).await);
            }
            turn += 2;
        }
        done
    }

    async fn run(&self, steps: Value, limits: Limits) -> (Outcome, Duration) {
        let input = json!({ "steps": steps }).to_string();
        let task = Task::new(&self.skill).with_grant(GRANT.parse().unwrap()).with_input(input).with_limits(limits);
        let report = self.runtime.run(task).await;
        (report.end.outcome(), report.duration)
    }

    /// What a skill does: gets a secret, uses it, says something.
    async fn honest(&self, turn: usize) -> (bool, Duration) {
        let get = json!({ "do": "get", "name": "alpha" });
        let log = json!({ "do": "log", "level": "info", "message": "working" });
        let steps = match turn % 4 {
            0 | 1 => json!([get, { "do": "sign", "message": "a message" }, log]),
            2 => json!([get, { "do": "reveal" }, { "do": "print", "text": "done\n" }]),
            _ => json!([get, { "do": "allocate", "mib": 2 }, { "do": "output", "bytes": 4096 }]),
        };
        let (outcome, time) = self.run(steps, Limits::default()).await;
        (outcome == Outcome::Completed, time)
    }

    /// One attack after the other; whether it ended as it must.
    async fn hostile(&self, turn: usize) -> bool {
        let get = |name: &str| json!({ "do": "get", "name": name });
        let text = |bytes: usize| "x".repeat(bytes);
        let attacks = [
            (json!([{ "do": "spin" }]), Outcome::TimedOut),
            (json!([get("alpha"), get("beta")]), Outcome::ScopeViolation),
            (json!([{ "do": "spin-around-calls" }]), Outcome::LimitExceeded),
            (json!([get("alpha"), { "do": "sleep", "ms": 60_000 }]), Outcome::TimedOut),
            (json!([get("alpha"), { "do": "allocate", "mib": 128 }]), Outcome::LimitExceeded),
            (json!([get("no such name")]), Outcome::ScopeViolation),
            (json!([get("alpha"), { "do": "panic", "message": text(1000) }]), Outcome::Trapped),
            (json!([{ "do": "output", "bytes": 4 << 20 }]), Outcome::LimitExceeded),
            (json!([{ "do": "recurse" }]), Outcome::Trapped),
            (json!([get("alpha"), { "do": "exit", "code": 1 }]), Outcome::Trapped),
            (json!([{ "do": "get-many", "name": "alpha", "times": 1_000_000 }]), Outcome::LimitExceeded),
            (json!([{ "do": "print", "text": text(500_000) }, { "do": "fail", "message": "" }]), Outcome::SkillError),
        ];
        let (steps, expected) = attacks[turn % attacks.len()].clone();
        let limits = Limits { timeout: Duration::from_secs(2), host_calls: 10_000, ..Limits::default() };
        let (outcome, _) = self.run(steps, limits).await;
        // A busy machine ends some of them by their time first.
        outcome == expected || outcome == Outcome::TimedOut
    }
}

/// A log that nothing is kept of, so that what grows is the host's.
#[derive(Default)]
struct Counting(AtomicUsize);

impl Sink for Counting {
    fn submit(&self, _: &Arc<Record>) -> Receipt {
        self.0.fetch_add(1, Ordering::Relaxed);
        Receipt::Ready(Ok(()))
    }
}

/// A backend that takes its time.
struct Slow(MemoryProvider);

#[async_trait]
impl SecretProvider for Slow {
    fn id(&self) -> &ProviderId {
        self.0.id()
    }

    async fn get_secret(&self, reference: &Reference, version: &VersionSelector) -> Result<Fetched, ProviderError> {
        tokio::time::sleep(BACKEND).await;
        self.0.get_secret(reference, version).await
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        self.0.list_secrets().await
    }

    async fn refresh_secret(&self, reference: &Reference, known: &Version) -> Result<Refreshed, ProviderError> {
        tokio::time::sleep(BACKEND).await;
        self.0.refresh_secret(reference, known).await
    }
}

/// Memory of this process that is in use, in bytes.
fn resident() -> u64 {
    const PAGE: u64 = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * PAGE
}
