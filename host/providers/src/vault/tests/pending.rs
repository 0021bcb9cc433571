//! What could not be ended while the server was away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use far_core::AgentId;
use far_core::provider::{LeaseId, SecretOwner};

use super::*;

const REVOKE: &str = "POST /v1/sys/leases/revoke";
const ACCESSOR: &str = "POST /v1/auth/token/revoke-accessor";

struct World {
    server: Scripted,
    vault: Vault,
    files: Files,
    /// What is to be ended is, only while this is so.
    ends: Arc<AtomicBool>,
}

impl World {
    /// Leases last so many seconds; what is to be ended is answered so, at first; what is pending is tried after `rest`.
    async fn start(lasts: u64, refusal: Reply, rest: Duration) -> Self {
        Self::start_with(lasts, refusal, quick(rest)).await
    }

    async fn start_with(lasts: u64, refusal: Reply, settings: Settings) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let ending = ends.clone();
        let server = Scripted::start(move |request| match &*request.line {
            "GET /v1/auth/token/lookup-self" => Reply::Json(200, r#"{"data":{"ttl":0}}"#.to_owned()),
            "POST /v1/auth/token/create" => {
                let child = r#"{"client_token":"child","accessor":"acc","lease_duration":600,"renewable":true}"#;
                Reply::Json(200, format!(r#"{{"auth":{child}}}"#))
            }
            "GET /v1/db/creds/app" => {
                let lease = format!(r#""lease_id":"db/creds/app/1","lease_duration":{lasts},"renewable":true"#);
                Reply::Json(200, format!(r#"{{{lease},"data":{{"password":"{CANARY}"}}}}"#))
            }
            REVOKE | ACCESSOR if ending.load(Ordering::SeqCst) => Reply::Json(204, String::new()),
            REVOKE | ACCESSOR => refusal.clone(),
            _ => Reply::Json(404, r#"{"errors":[]}"#.to_owned()),
        })
        .await;
        let files = Files::new();
        let mut config = config(&server.address, Auth::Token { file: files.write("token", "t0ken\n") });
        config.mounts = config.mounts.with("db", Engine::Database).unwrap();
        let ledger = LedgerConfig { folder: files.0.path().join("leases"), agent_id: AgentId::parse("local").unwrap() };
        let id = ProviderId::parse("vault").unwrap();
        let vault = Vault::with_settings(id, config, Vec::new(), Some(&ledger), settings).unwrap();
        Self { server, vault, files, ends }
    }

    async fn get(&self, owner: &SecretOwner) -> LeaseId {
        let reference = Reference::new("db/creds/app#password");
        let fetched = self.vault.issue(&reference, &VersionSelector::Current, owner).await.unwrap();
        fetched.lease.unwrap().id
    }

    fn asked(&self) -> [usize; 2] {
        [REVOKE, ACCESSOR].map(|line| self.server.asked(line).len())
    }

    /// Whether nothing is written down any more: the key is there alone.
    fn is_clean(&self) -> bool {
        fs::read_dir(self.files.0.path().join("leases")).unwrap().count() == 1
    }

    async fn wait_until(&self, is_so: impl Fn(&Self) -> bool) {
        let wait = async {
            while !is_so(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap();
    }
}

/// A circuit that opens would hide how often something is tried.
fn quick(rest: Duration) -> Settings {
    Settings { retries: 0, failures: 1000, rest, ..Settings::default() }
}

fn away() -> Reply {
    Reply::Json(502, CANARY.to_owned())
}

const SOON: Duration = Duration::from_millis(20);
const NEVER: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn what_a_holder_had_is_ended_when_the_server_is_back() {
    for refusal in [away(), Reply::Json(503, r#"{"errors":["sealed"]}"#.to_owned()), Reply::Json(429, "{}".to_owned())]
    {
        let world = World::start(600, refusal.clone(), SOON).await;
        let owner = SecretOwner::random().unwrap();
        world.get(&owner).await;
        assert!(world.vault.revoke_all(&owner).await.is_err(), "{refusal:?}");
        assert!(!world.is_clean());
        world.wait_until(|world| world.asked().iter().all(|asked| *asked > 2)).await;
        world.ends.store(true, Ordering::SeqCst);
        world.wait_until(World::is_clean).await;
        let asked = world.asked();
        world.vault.close().await.unwrap();
        assert_eq!(world.asked(), asked, "nothing is left to try");
    }
}

#[tokio::test]
async fn what_was_given_back_is_ended_when_the_server_is_back() {
    let world = World::start(600, away(), SOON).await;
    let owner = SecretOwner::random().unwrap();
    let lease = world.get(&owner).await;
    assert_eq!(world.vault.release(&lease).await, Err(ProviderError::Unavailable));
    world.wait_until(|world| world.asked()[0] > 2).await;
    assert_eq!(world.asked()[1], 0, "its owner goes on");
    world.ends.store(true, Ordering::SeqCst);
    let ledger = world.files.0.path().join("leases");
    let crossed_out = || {
        let paths = fs::read_dir(&ledger).unwrap().map(|entry| entry.unwrap().path());
        paths.filter(|path| !path.ends_with("key")).any(|path| fs::read_to_string(path).unwrap().contains("ended"))
    };
    world.wait_until(|_| crossed_out()).await;
    world.vault.revoke_all(&owner).await.unwrap();
    assert!(world.is_clean());
}

#[tokio::test]
async fn a_lease_whose_time_is_over_is_not_tried_any_more_and_stays_written_down() {
    let world = World::start(1, away(), SOON).await;
    let owner = SecretOwner::random().unwrap();
    world.get(&owner).await;
    world.vault.revoke_all(&owner).await.unwrap_err();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let [before, tokens] = world.asked();
    // One try may have been under way.
    world.wait_until(|world| world.asked()[1] > tokens + 1).await;
    assert!(world.asked()[0] <= before + 1 && !world.is_clean());
}

#[tokio::test]
async fn what_the_server_refuses_is_not_tried_again() {
    let world = World::start(600, Reply::Json(403, r#"{"errors":["permission denied"]}"#.to_owned()), SOON).await;
    let owner = SecretOwner::random().unwrap();
    world.get(&owner).await;
    assert_eq!(world.vault.revoke_all(&owner).await, Err(ProviderError::Denied));
    let asked = world.asked();
    world.ends.store(true, Ordering::SeqCst);
    world.vault.close().await.unwrap();
    assert_eq!(world.asked(), asked);
    assert!(!world.is_clean(), "the next start tries");
}

#[tokio::test]
async fn all_of_it_is_ended_by_the_first_try_after_the_circuit_was_open() {
    // Open from the first failure on; the second try would come too late.
    let rest = Duration::from_secs(2);
    let world = World::start_with(600, away(), Settings { failures: 1, rest, ..quick(rest) }).await;
    let owner = SecretOwner::random().unwrap();
    world.get(&owner).await;
    world.vault.revoke_all(&owner).await.unwrap_err();
    world.ends.store(true, Ordering::SeqCst);
    let started = std::time::Instant::now();
    world.wait_until(World::is_clean).await;
    assert!(started.elapsed() < 3 * rest, "{:?}", started.elapsed());
}

#[tokio::test]
async fn closing_tries_what_is_left() {
    let world = World::start(600, away(), NEVER).await;
    let owner = SecretOwner::random().unwrap();
    world.get(&owner).await;
    world.vault.revoke_all(&owner).await.unwrap_err();
    assert_eq!(world.vault.close().await, Err(ProviderError::Unavailable));
    assert_eq!(world.asked(), [2, 2]);
    world.ends.store(true, Ordering::SeqCst);
    world.vault.close().await.unwrap();
    assert!(world.is_clean());
    assert_eq!(world.asked(), [3, 3]);
}

#[tokio::test]
async fn what_could_not_be_taken_back_is_told_and_ended_when_the_server_is_back() {
    let world = World::start(600, away(), SOON).await;
    let owner = SecretOwner::random().unwrap();
    let lease = world.get(&owner).await;
    let reference = Reference::new("db/creds/app#username");
    assert_eq!(world.vault.revoke_for(&reference, &owner).await, Err(ProviderError::Unavailable));
    world.wait_until(|world| world.asked()[0] > 2).await;
    world.ends.store(true, Ordering::SeqCst);
    // Whoever is told that it failed may try again, and whoever had it may give it back.
    assert_eq!(world.vault.revoke_for(&reference, &owner).await, Ok(()));
    assert_eq!(world.vault.release(&lease).await, Ok(()));
    assert_eq!(world.asked()[1], 0, "its owner goes on");
    world.get(&owner).await;
    world.vault.revoke_all(&owner).await.unwrap();
    assert!(world.is_clean());
}
