//! Revocations during an outage of the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use far_core::AgentId;
use far_core::provider::{LeaseId, SecretOwner};

use super::*;

const REVOKE_LEASE: &str = "POST /v1/sys/leases/revoke";
const REVOKE_TOKEN: &str = "POST /v1/auth/token/revoke-accessor";

struct World {
    server: MockServer,
    vault: Vault,
    files: Files,
    /// True while revocations succeed.
    revocable: Arc<AtomicBool>,
}

impl World {
    /// Starts a server with leases of `ttl` seconds, which replies to revocations with `refusal`.
    /// Retries begin after `rest`.
    async fn start(ttl: u64, refusal: Reply, reset_timeout: Duration) -> Self {
        Self::start_with(ttl, refusal, quick(reset_timeout)).await
    }

    async fn start_with(ttl: u64, refusal: Reply, settings: Settings) -> Self {
        let revocable = Arc::new(AtomicBool::new(false));
        let succeeds = revocable.clone();
        let server = MockServer::start(move |request| match &*request.line {
            "GET /v1/auth/token/lookup-self" => Reply::Json(200, r#"{"data":{"ttl":0}}"#.to_owned()),
            "POST /v1/auth/token/create" => {
                let child = r#"{"client_token":"child","accessor":"acc","lease_duration":600,"renewable":true}"#;
                Reply::Json(200, format!(r#"{{"auth":{child}}}"#))
            }
            "GET /v1/db/creds/app" => {
                let lease = format!(r#""lease_id":"db/creds/app/1","lease_duration":{ttl},"renewable":true"#);
                Reply::Json(200, format!(r#"{{{lease},"data":{{"password":"{CANARY}"}}}}"#))
            }
            REVOKE_LEASE | REVOKE_TOKEN if succeeds.load(Ordering::SeqCst) => Reply::Json(204, String::new()),
            REVOKE_LEASE | REVOKE_TOKEN => refusal.clone(),
            _ => Reply::Json(404, r#"{"errors":[]}"#.to_owned()),
        })
        .await;
        let files = Files::new();
        let mut config = config(&server.address, Auth::Token { file: files.write("token", "t0ken\n") });
        config.mounts = config.mounts.with("db", Engine::Database).unwrap();
        let journal =
            LeaseJournalConfig { folder: files.0.path().join("leases"), agent_id: AgentId::parse("local").unwrap() };
        let id = ProviderId::parse("vault").unwrap();
        let vault = Vault::with_settings(id, config, Vec::new(), Some(&journal), settings).unwrap();
        Self { server, vault, files, revocable }
    }

    async fn get(&self, owner: &SecretOwner) -> LeaseId {
        let reference = Reference::new("db/creds/app#password");
        let fetched = self.vault.issue(&reference, &VersionSelector::Current, owner).await.unwrap();
        fetched.lease.unwrap().id
    }

    fn request_counts(&self) -> [usize; 2] {
        [REVOKE_LEASE, REVOKE_TOKEN].map(|line| self.server.requests(line).len())
    }

    /// Returns true if the journal directory contains only the key.
    fn is_clean(&self) -> bool {
        fs::read_dir(self.files.0.path().join("leases")).unwrap().count() == 1
    }

    async fn wait_until(&self, condition: impl Fn(&Self) -> bool) {
        let wait = async {
            while !condition(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap();
    }
}

/// The circuit never opens, so that each retry is visible.
fn quick(reset_timeout: Duration) -> Settings {
    Settings { max_retries: 0, failure_threshold: 1000, reset_timeout, ..Settings::default() }
}

fn bad_gateway() -> Reply {
    Reply::Json(502, CANARY.to_owned())
}

const SOON: Duration = Duration::from_millis(20);
const NEVER: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn failed_revoke_all_is_retried() {
    for refusal in
        [bad_gateway(), Reply::Json(503, r#"{"errors":["sealed"]}"#.to_owned()), Reply::Json(429, "{}".to_owned())]
    {
        let world = World::start(600, refusal.clone(), SOON).await;
        let owner = SecretOwner::random().unwrap();
        world.get(&owner).await;
        assert!(world.vault.revoke_all(&owner).await.is_err(), "{refusal:?}");
        assert!(!world.is_clean());
        world.wait_until(|world| world.request_counts().iter().all(|count| *count > 2)).await;
        world.revocable.store(true, Ordering::SeqCst);
        world.wait_until(World::is_clean).await;
        let counts = world.request_counts();
        world.vault.close().await.unwrap();
        assert_eq!(world.request_counts(), counts, "no revocation is pending");
    }
}

#[tokio::test]
async fn failed_release_is_retried() {
    let world = World::start(600, bad_gateway(), SOON).await;
    let owner = SecretOwner::random().unwrap();
    let lease = world.get(&owner).await;
    assert_eq!(world.vault.release(&lease).await, Err(ProviderError::Unavailable));
    world.wait_until(|world| world.request_counts()[0] > 2).await;
    assert_eq!(world.request_counts()[1], 0, "the owner's token remains");
    world.revocable.store(true, Ordering::SeqCst);
    let journal = world.files.0.path().join("leases");
    let crossed_out = || {
        let paths = fs::read_dir(&journal).unwrap().map(|entry| entry.unwrap().path());
        paths.filter(|path| !path.ends_with("key")).any(|path| fs::read_to_string(path).unwrap().contains("ended"))
    };
    world.wait_until(|_| crossed_out()).await;
    world.vault.revoke_all(&owner).await.unwrap();
    assert!(world.is_clean());
}

#[tokio::test]
async fn expired_lease_stays_journaled_without_retry() {
    let world = World::start(1, bad_gateway(), SOON).await;
    let owner = SecretOwner::random().unwrap();
    world.get(&owner).await;
    world.vault.revoke_all(&owner).await.unwrap_err();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let [before, tokens] = world.request_counts();
    // One retry may have been in flight.
    world.wait_until(|world| world.request_counts()[1] > tokens + 1).await;
    assert!(world.request_counts()[0] <= before + 1 && !world.is_clean());
}

#[tokio::test]
async fn rejected_revocation_is_not_retried() {
    let world = World::start(600, Reply::Json(403, r#"{"errors":["permission denied"]}"#.to_owned()), SOON).await;
    let owner = SecretOwner::random().unwrap();
    world.get(&owner).await;
    assert_eq!(world.vault.revoke_all(&owner).await, Err(ProviderError::Denied));
    let counts = world.request_counts();
    world.revocable.store(true, Ordering::SeqCst);
    world.vault.close().await.unwrap();
    assert_eq!(world.request_counts(), counts);
    assert!(!world.is_clean(), "the next process retries");
}

#[tokio::test]
async fn first_retry_round_revokes_everything() {
    // The circuit opens at the first failure, and the second retry would exceed the limit below.
    let reset_timeout = Duration::from_secs(2);
    let world =
        World::start_with(600, bad_gateway(), Settings { failure_threshold: 1, reset_timeout, ..quick(reset_timeout) })
            .await;
    let owner = SecretOwner::random().unwrap();
    world.get(&owner).await;
    world.vault.revoke_all(&owner).await.unwrap_err();
    world.revocable.store(true, Ordering::SeqCst);
    let started = std::time::Instant::now();
    world.wait_until(World::is_clean).await;
    assert!(started.elapsed() < 3 * reset_timeout, "{:?}", started.elapsed());
}

#[tokio::test]
async fn close_retries_pending_revocations() {
    let world = World::start(600, bad_gateway(), NEVER).await;
    let owner = SecretOwner::random().unwrap();
    world.get(&owner).await;
    world.vault.revoke_all(&owner).await.unwrap_err();
    assert_eq!(world.vault.close().await, Err(ProviderError::Unavailable));
    assert_eq!(world.request_counts(), [2, 2]);
    world.revocable.store(true, Ordering::SeqCst);
    world.vault.close().await.unwrap();
    assert!(world.is_clean());
    assert_eq!(world.request_counts(), [3, 3]);
}

#[tokio::test]
async fn failed_revoke_for_is_retried() {
    let world = World::start(600, bad_gateway(), SOON).await;
    let owner = SecretOwner::random().unwrap();
    let lease = world.get(&owner).await;
    let reference = Reference::new("db/creds/app#username");
    assert_eq!(world.vault.revoke_for(&reference, &owner).await, Err(ProviderError::Unavailable));
    world.wait_until(|world| world.request_counts()[0] > 2).await;
    world.revocable.store(true, Ordering::SeqCst);
    // After the failure, the operator may retry, and the caller may release.
    assert_eq!(world.vault.revoke_for(&reference, &owner).await, Ok(()));
    assert_eq!(world.vault.release(&lease).await, Ok(()));
    assert_eq!(world.request_counts()[1], 0, "the owner's token remains");
    world.get(&owner).await;
    world.vault.revoke_all(&owner).await.unwrap();
    assert!(world.is_clean());
}
