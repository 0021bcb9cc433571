//! A server that fails under load: no wrong value, no call past its deadline, and recovery without
//! a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use far_core::VersionSelector;
use far_core::provider::SecretProvider;
use far_servers::Failure;
use far_servers::fault::{Fault, Proxy};
use parking_lot::Mutex;
use serde_json::Value;

use super::backend::{Backend, Vault};
use super::{LONGEST, Row, row};

/// The number of tasks that read in a loop.
const TASKS: usize = 200;

#[derive(Default)]
struct LoadCounters {
    right: AtomicUsize,
    wrong: AtomicUsize,
    late: AtomicUsize,
    stop: AtomicBool,
    kinds: Mutex<std::collections::BTreeSet<&'static str>>,
}

/// An outage of the server or of the proxy in front of it.
type Outage = fn(&mut Vault, &Proxy);

/// The duration of an outage.
const OUTAGE_TIME: Duration = Duration::from_secs(1);

pub(super) async fn all(mut vault: Vault, report: &mut impl FnMut(&Row)) -> Result<(), Failure> {
    vault.put("one", "one-1");
    let seal: Outage = |vault, _| {
        vault.server.api("PUT", "sys/seal", &Value::Null).unwrap();
        std::thread::sleep(OUTAGE_TIME);
        vault.server.unseal().unwrap();
    };
    let kill: Outage = |vault, _| {
        vault.server.kill_and_restart().unwrap();
        std::thread::sleep(OUTAGE_TIME);
        vault.server.unseal().unwrap();
    };
    // One more than opens the circuit.
    let cut: Outage = |_, proxy| proxy.next(vec![Fault::Truncate; 9]);
    for (id, outage) in [("load.sealed", seal), ("load.killed", kill), ("load.cut", cut)] {
        let proxy = Proxy::start(vault.server.socket())?;
        let (provider, one) = (vault.provider_at(&proxy.address()), vault.reference("one"));
        let before = vault.read_count("one");
        let (load, counters) = start(&provider, &one);
        tokio::time::sleep(Duration::from_millis(500)).await;
        let started = Instant::now();
        tokio::task::block_in_place(|| outage(&mut vault, &proxy));
        counters.failure().await;
        let summary = finish(&provider, &one, load, &counters).await;
        let figures = counters.figures(&provider, vault.read_count("one").saturating_sub(before), started.elapsed());
        report(&row(&vault, id, "0 wrong, 0 late, recovered", async { summary }).await.with(figures));
    }
    Ok(())
}

impl LoadCounters {
    /// Waits up to 5 s for the first failure: a fault of the network shows only at the next
    /// connection.
    async fn failure(&self) {
        for _ in 0..250 {
            if !self.kinds.lock().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Describes the load for people.
    fn figures(&self, provider: &far_providers::Vault, reads: usize, took: Duration) -> String {
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        let (metrics, secs) = (provider.metrics(), took.as_secs_f64());
        format!(
            "{} values and errors {:?} for {TASKS} tasks; recovered after {secs:.1} s; {} attempts in all, {reads} reads in the server's log",
            count(&self.right),
            self.kinds.lock(),
            metrics.attempts(),
        )
    }
}

type Load = Vec<tokio::task::JoinHandle<()>>;

fn start(provider: &Arc<far_providers::Vault>, one: &far_core::provider::Reference) -> (Load, Arc<LoadCounters>) {
    let counters = Arc::new(LoadCounters::default());
    let task = || {
        let (provider, one, counters) = (provider.clone(), one.clone(), counters.clone());
        tokio::spawn(async move {
            while !counters.stop.load(Ordering::Relaxed) {
                let started = Instant::now();
                match provider.get_secret(&one, &VersionSelector::Current).await {
                    Ok(fetched) if fetched.value.expose() == b"one-1" => counters.right.fetch_add(1, Ordering::Relaxed),
                    Ok(_) => counters.wrong.fetch_add(1, Ordering::Relaxed),
                    Err(error) => usize::from(counters.kinds.lock().insert(error.kind())),
                };
                counters.late.fetch_add(usize::from(started.elapsed() > LONGEST), Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    };
    ((0..TASKS).map(|_| task()).collect(), counters)
}

/// Waits until the backend recovers, and summarizes the load.
async fn finish(
    provider: &Arc<far_providers::Vault>,
    one: &far_core::provider::Reference,
    load: Load,
    counters: &LoadCounters,
) -> String {
    let mut state = "not recovered";
    for _ in 0..100 {
        if provider.get_secret(one, &VersionSelector::Current).await.is_ok() {
            state = "recovered";
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    counters.stop.store(true, Ordering::Relaxed);
    for task in load {
        task.await.unwrap();
    }
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    if count(&counters.right) == 0 || counters.kinds.lock().is_empty() {
        return format!("nothing observed: {} values, errors {:?}", count(&counters.right), counters.kinds.lock());
    }
    format!("{} wrong, {} late, {state}", count(&counters.wrong), count(&counters.late))
}
