//! Records: an event, its subject and its place in the log.

use std::sync::Arc;

use far_capability::{AgentId, SkillDigest, SkillName, TaskId};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::Event;
use super::timestamp::rfc3339;
use crate::context::TaskContext;

/// Whom an event is about.
#[derive(Clone, Debug, Serialize)]
pub struct Subject {
    /// The task; none for what the agent does by itself.
    pub task_id: Option<TaskId>,
    /// The agent.
    pub agent_id: AgentId,
    /// The skill's declared name.
    pub skill: Option<SkillName>,
    /// The skill's identity; none for what the agent does by itself.
    pub skill_digest: Option<SkillDigest>,
}

impl Subject {
    /// An agent that does something by itself.
    pub fn agent(agent_id: AgentId) -> Self {
        Self { task_id: None, agent_id, skill: None, skill_digest: None }
    }
}

impl From<&TaskContext> for Subject {
    fn from(context: &TaskContext) -> Self {
        Self {
            task_id: Some(context.task_id.clone()),
            agent_id: context.agent_id.clone(),
            skill: context.skill.clone(),
            skill_digest: Some(context.skill_digest),
        }
    }
}

/// One line of the PAL.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// The version of this form: 1.
    pub v: u8,
    /// Counts up by one from 1, within one process.
    pub seq: u64,
    /// When, by the wall clock; for display, nothing is decided by it.
    #[serde(serialize_with = "rfc3339")]
    pub ts: Timestamp,
    /// Whom it is about.
    #[serde(flatten, serialize_with = "shared")]
    pub subject: Arc<Subject>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

fn shared<S: Serializer>(subject: &Arc<Subject>, serializer: S) -> Result<S::Ok, S::Error> {
    subject.as_ref().serialize(serializer)
}
