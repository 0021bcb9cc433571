//! Only one of two racing threads gets the last use of a grant.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use far_core::broker::{Broker, BrokerSettings, Handle, Session};
use far_core::capability::{Capability, Scope};
use far_core::pal::Pal;
use far_core::provider::Reference;
use far_core::{SkillDigest, TaskContext, Version, random_task_id};
use futures_util::FutureExt;
use tokio::time::Instant;

use crate::memory_provider::MemoryProvider;
use crate::shared::{catalog, declared, entry, grant, terms};

/// A task that may reveal a secret once, and the point where the two threads meet.
struct Race {
    task: Session,
    handle: Handle,
    there: AtomicU32,
}

async fn races(number: u32) -> Vec<Race> {
    let backend = MemoryProvider::new("memory".parse().unwrap());
    backend.set(&Reference::new("key"), &Version::parse("1").unwrap(), b"value").unwrap();
    let broker = Broker::new([Arc::new(backend) as _], Pal::builder().build(), BrokerSettings::default()).unwrap();
    let catalog = catalog([entry("key", Scope::Agent, terms("reveal"))]);
    let (declared, grants) = ([declared("key", terms("reveal"))], [grant("key:reveal").with_max_uses(NonZeroU32::MIN)]);
    let (skill_digest, now) = (SkillDigest::of(b"skill"), Instant::now().into_std());
    let mut races = Vec::new();
    for _ in 0..number {
        let context = TaskContext {
            task_id: random_task_id().unwrap(),
            agent_id: "agent".parse().unwrap(),
            skill: None,
            skill_digest,
            capability: Capability::new(&declared, &grants, &catalog, &skill_digest, now).unwrap(),
            egress: Vec::new(),
            listed: Vec::new(),
            records: u64::MAX,
            deadline: now,
        };
        let task = broker.admit(context).await.unwrap();
        task.start().await.unwrap();
        let handle = task.get("key", None).await.unwrap();
        races.push(Race { task, handle, there: AtomicU32::new(0) });
    }
    races
}

impl Race {
    /// Waits briefly for the other thread, which may have no processor. Then takes the use, if it
    /// can.
    fn run(&self) -> bool {
        self.there.fetch_add(1, Ordering::AcqRel);
        for _ in 0..500 {
            if self.there.load(Ordering::Acquire) == 2 {
                break;
            }
            std::hint::spin_loop();
        }
        self.task.reveal(&self.handle).now_or_never().unwrap().is_ok()
    }
}

#[tokio::test]
async fn last_use_has_one_winner() {
    // Many rounds, because the threads run in parallel in some rounds only. Few tasks a round,
    // because each has keys in locked memory, which is scarce.
    for _ in 0..120 {
        let races = races(250).await;
        let run = || -> Vec<bool> { races.iter().map(Race::run).collect() };
        let (one, other) = std::thread::scope(|scope| {
            let other = scope.spawn(run);
            (run(), other.join().unwrap())
        });
        let winners = one.iter().zip(&other).map(|(one, other)| u32::from(*one) + u32::from(*other));
        assert_eq!(winners.filter(|winners| *winners != 1).count(), 0);
    }
}
