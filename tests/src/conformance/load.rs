//! A server that goes away under load: no wrong value, no call beyond its deadline, and well again without a restart.

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

/// How many tasks ask, over and over.
const TASKS: usize = 200;

#[derive(Default)]
struct Seen {
    right: AtomicUsize,
    wrong: AtomicUsize,
    late: AtomicUsize,
    stopped: AtomicBool,
    kinds: Mutex<std::collections::BTreeSet<&'static str>>,
}

/// What is done to a server, and to what is between it and who asks.
type Harm = fn(&mut Vault, &Proxy);

/// How long a server stays away.
const AWAY: Duration = Duration::from_secs(1);

pub(super) async fn all(mut vault: Vault, tell: &mut impl FnMut(&Row)) -> Result<(), Failure> {
    vault.put("one", "one-1");
    let seal: Harm = |vault, _| {
        vault.server.api("PUT", "sys/seal", &Value::Null).unwrap();
        std::thread::sleep(AWAY);
        vault.server.unseal().unwrap();
    };
    let kill: Harm = |vault, _| {
        vault.server.kill_and_start().unwrap();
        std::thread::sleep(AWAY);
        vault.server.unseal().unwrap();
    };
    // As many as open the circuit, and one more.
    let cut: Harm = |_, proxy| proxy.next(vec![Fault::Cut; 9]);
    for (id, harm) in [("load.sealed", seal), ("load.killed", kill), ("load.cut", cut)] {
        let proxy = Proxy::start(vault.server.socket())?;
        let (provider, one) = (vault.provider_at(&proxy.address()), vault.reference("one"));
        let before = vault.asked("one");
        let (load, seen) = start(&provider, &one);
        tokio::time::sleep(Duration::from_millis(500)).await;
        let started = Instant::now();
        tokio::task::block_in_place(|| harm(&mut vault, &proxy));
        seen.failure().await;
        let told = ended(&provider, &one, load, &seen).await;
        let figures = seen.figures(&provider, vault.asked("one").saturating_sub(before), started.elapsed());
        tell(&row(&vault, id, "0 wrong, 0 late, well again", async { told }).await.with(figures));
    }
    Ok(())
}

impl Seen {
    /// Waits for the first failure, for 5 s at most: a fault of the network shows at the next
    /// connection, and a read in flight may be past it.
    async fn failure(&self) {
        for _ in 0..250 {
            if !self.kinds.lock().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What is bounded is what leaves for the server, whatever it answers.
    fn figures(&self, provider: &far_providers::Vault, asked: usize, took: Duration) -> String {
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        let (metrics, secs) = (provider.metrics(), took.as_secs_f64());
        format!(
            "{} values and errors {:?} for {TASKS} tasks; well again after {secs:.1} s; {} attempts in all, by the server's log {asked} reads",
            count(&self.right),
            self.kinds.lock(),
            metrics.attempts(),
        )
    }
}

type Load = Vec<tokio::task::JoinHandle<()>>;

fn start(provider: &Arc<far_providers::Vault>, one: &far_core::provider::Reference) -> (Load, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let task = || {
        let (provider, one, seen) = (provider.clone(), one.clone(), seen.clone());
        tokio::spawn(async move {
            while !seen.stopped.load(Ordering::Relaxed) {
                let started = Instant::now();
                match provider.get_secret(&one, &VersionSelector::Current).await {
                    Ok(fetched) if fetched.value.expose() == b"one-1" => seen.right.fetch_add(1, Ordering::Relaxed),
                    Ok(_) => seen.wrong.fetch_add(1, Ordering::Relaxed),
                    Err(error) => usize::from(seen.kinds.lock().insert(error.kind())),
                };
                seen.late.fetch_add(usize::from(started.elapsed() > LONGEST), Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    };
    ((0..TASKS).map(|_| task()).collect(), seen)
}

/// Waits until the backend answers again, and says what came of the load.
async fn ended(
    provider: &Arc<far_providers::Vault>,
    one: &far_core::provider::Reference,
    load: Load,
    seen: &Seen,
) -> String {
    let mut well = "not well again";
    for _ in 0..100 {
        if provider.get_secret(one, &VersionSelector::Current).await.is_ok() {
            well = "well again";
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    seen.stopped.store(true, Ordering::Relaxed);
    for task in load {
        task.await.unwrap();
    }
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    if count(&seen.right) == 0 || seen.kinds.lock().is_empty() {
        return format!("nothing to see: {} values, errors {:?}", count(&seen.right), seen.kinds.lock());
    }
    format!("{} wrong, {} late, {well}", count(&seen.wrong), count(&seen.late))
}
