//! A soak test with honest and hostile tasks: the honest ones succeed, and the host stays stable.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use far_core::capability::Catalog;
use far_core::pal::{Outcome, Pal, Receipt, Record, Sink};
use far_core::provider::{FetchedSecret, ProviderError, Reference, RefreshOutcome, SecretProvider};
use far_core::{ProviderId, Version, VersionSelector};
use far_providers::MemoryProvider;
use far_runtime::{Limits, Runtime, Skill, Task};
use serde_json::{Value, json};

use crate::guests;

/// The latency of the backend, like that of a server on the same network.
const BACKEND: Duration = Duration::from_millis(20);
/// The number of honest tasks that run alone first, in sequence.
const ALONE: usize = 300;
const GRANT: &str = "alpha:sign,reveal";

/// The result of a soak test.
#[derive(Clone, Debug, Default)]
pub struct SoakReport {
    /// The number of honest tasks that ran among others.
    pub honest: usize,
    /// The number of honest tasks that did not complete.
    pub failed: usize,
    /// The number of hostile tasks.
    pub hostile: usize,
    /// The number of hostile tasks with an unexpected outcome.
    pub escaped: usize,
    /// The durations of honest tasks that ran alone.
    pub alone: DurationPercentiles,
    /// The durations of honest tasks among others.
    pub among: DurationPercentiles,
    /// Resident memory in bytes, one sample a second.
    pub memory: Vec<u64>,
}

/// Percentiles of durations.
#[derive(Clone, Copy, Debug, Default)]
pub struct DurationPercentiles {
    /// The median.
    pub p50: Duration,
    /// The 99th percentile.
    pub p99: Duration,
}

impl DurationPercentiles {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
        Self { p50: at(50).copied().unwrap_or_default(), p99: at(99).copied().unwrap_or_default() }
    }
}

impl SoakReport {
    /// Returns the median of resident memory in each whole minute, in bytes. Maxima say little,
    /// because hostile tasks take all they can.
    pub fn minutes(&self) -> Vec<u64> {
        let median = |minute: &[u64]| {
            let mut seconds = minute.to_vec();
            seconds.sort_unstable();
            seconds.get(seconds.len() / 2).copied().unwrap_or_default()
        };
        self.memory.chunks_exact(60).map(median).collect()
    }

    /// Returns the memory of the last minute relative to the second, or none with fewer than three
    /// minutes.
    pub fn growth(&self) -> Option<f64> {
        let minutes = self.minutes();
        let (_, [second, .., last]) = minutes.split_at_checked(1)? else { return None };
        Some(*last as f64 / *second as f64)
    }

    /// Returns the 99th percentile of honest tasks among others, relative to those alone.
    pub fn slowdown(&self) -> f64 {
        self.among.p99.as_secs_f64() / self.alone.p99.as_secs_f64()
    }
}

/// Keeps `at_once` tasks running for `time`, half of them hostile.
pub async fn soak(time: Duration, at_once: usize) -> SoakReport {
    let host = Host::new(at_once).await;
    let mut alone = Vec::new();
    for turn in 0..ALONE {
        alone.push(host.honest(turn).await.1);
    }
    let end = Instant::now() + time;
    let workers: Vec<_> = (0..at_once).map(|worker| tokio::spawn(host.clone().work(worker, end))).collect();
    let mut soaked = SoakReport { alone: DurationPercentiles::of(alone), ..SoakReport::default() };
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
    soaked.among = DurationPercentiles::of(among);
    soaked
}

/// The result of one worker.
#[derive(Default)]
struct WorkerResult {
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
        let pal = Pal::builder().required_sink(Arc::new(CountingSink::default()), Duration::from_secs(5)).build();
        let runtime = Runtime::builder("soak".parse().unwrap(), pal)
            .provider(Arc::new(SlowProvider(memory)))
            .catalog(catalog)
            .max_tasks(u32::try_from(at_once).unwrap())
            .build()
            .unwrap();
        let skill = runtime.load(std::fs::read(guests::PROBE_REVEALING).unwrap()).await.unwrap();
        Self { runtime, skill }
    }

    async fn work(self, worker: usize, end: Instant) -> WorkerResult {
        let mut done = WorkerResult::default();
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

    /// Runs an honest task: it gets a secret, uses it and writes output.
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

    /// Runs one attack in turn, and reports whether it had the expected outcome.
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
        // On a busy machine, some attacks time out first.
        outcome == expected || outcome == Outcome::TimedOut
    }
}

/// A sink that keeps no records, so that only the host's memory can grow.
#[derive(Default)]
struct CountingSink(AtomicUsize);

impl Sink for CountingSink {
    fn submit(&self, _: &Arc<Record>) -> Receipt {
        self.0.fetch_add(1, Ordering::Relaxed);
        Receipt::Ready(Ok(()))
    }
}

/// A backend with latency.
struct SlowProvider(MemoryProvider);

#[async_trait]
impl SecretProvider for SlowProvider {
    fn id(&self) -> &ProviderId {
        self.0.id()
    }

    async fn get_secret(
        &self,
        reference: &Reference,
        version: &VersionSelector,
    ) -> Result<FetchedSecret, ProviderError> {
        tokio::time::sleep(BACKEND).await;
        self.0.get_secret(reference, version).await
    }

    async fn list_secrets(&self) -> Result<Vec<Reference>, ProviderError> {
        self.0.list_secrets().await
    }

    async fn refresh_secret(&self, reference: &Reference, known: &Version) -> Result<RefreshOutcome, ProviderError> {
        tokio::time::sleep(BACKEND).await;
        self.0.refresh_secret(reference, known).await
    }
}

/// Returns the resident memory of this process, in bytes.
fn resident() -> u64 {
    const PAGE: u64 = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * PAGE
}
