//! An operator's refresh, rotation and revocation, and their effect on tasks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use far_core::broker::{Broker, BrokerSettings, Session};
use far_core::capability::{Capability, Catalog, DeclaredSecret, Grant};
use far_core::pal::Outcome;
use far_core::{AgentId, SecretName, SkillDigest, TaskContext, random_task_id};

use crate::traces::renderings::Renderings;
use crate::traces::world::World;

const NAMES: [&str; 2] = ["alpha", "beta"];

pub(crate) async fn all(world: &World, renderings: &Renderings) {
    let broker = Broker::new(world.providers(), world.pal.clone(), BrokerSettings::default()).unwrap();
    let (agent, catalog): (AgentId, _) = ("traces".parse().unwrap(), Arc::new(world.catalog.clone()));
    let session = admitted(&broker, &agent, &catalog).await;
    for name in NAMES {
        let handle = session.get(name, None).await.unwrap();
        let value = session.reveal(&handle).await.unwrap();
        assert!(!value.expose().is_empty());
        let (name, entry): (SecretName, _) = (name.parse().unwrap(), catalog.get(&name.parse().unwrap()).unwrap());
        renderings.object("kept", &broker.cached());
        renderings.object("described", &broker.describe(entry).await);
        renderings.object("refreshed", &broker.refresh(&name, &agent).await);
        renderings.object("rotated", &broker.rotate(&name, entry, &agent).await);
        renderings.object("replaced", &broker.reissue(&name, &agent).await);
        let again = session.get(name.as_str(), None).await.unwrap();
        renderings.object("revoked", &broker.revoke_secret(&name, entry, &agent).await);
        renderings.object("revoked again", &broker.revoke(&name, &agent).await);
        renderings.failed("revealed after", session.reveal(&again).await);
        renderings.object("handle", &handle);
    }
    renderings.object("listed", &session.list().await);
    renderings.failed("undeclared", session.get("gamma", None).await);
    renderings.failed("stopped", session.get("alpha", None).await);
    renderings.object("session", &session);
    renderings.object("stop", &session.stop_reason());
    renderings.object("redaction", session.redaction());
    renderings.object("context", session.context());
    renderings.object("broker", &broker);
    renderings.object("pal", broker.pal());
    renderings.object("finished", &session.finish(Outcome::ScopeViolation).await);
    broker.shutdown(&agent).await;
}

async fn admitted(broker: &Arc<Broker>, agent: &AgentId, catalog: &Arc<Catalog>) -> Session {
    let (skill_digest, now) = (SkillDigest::of(b"a skill"), Instant::now());
    let grants = ["alpha:sign,reveal,refresh", "beta:reveal"].map(|text| text.parse::<Grant>().unwrap());
    let declared = grants.iter().map(|grant| DeclaredSecret {
        name: grant.secret().clone(),
        terms: grant.terms().clone(),
        reason: "a test".to_owned(),
        optional: false,
    });
    let declared: Vec<_> = declared.collect();
    let context = TaskContext {
        task_id: random_task_id().unwrap(),
        agent_id: agent.clone(),
        skill: None,
        skill_digest,
        capability: Capability::new(&declared, &grants, catalog, &skill_digest, now).unwrap(),
        egress: Vec::new(),
        listed: Vec::new(),
        records: u64::MAX,
        deadline: now + Duration::from_secs(3600),
    };
    let session = broker.admit(context).await.unwrap();
    session.start().await.unwrap();
    session
}
