//! Records: events with their subject and their position in the log.

use std::sync::Arc;

use far_capability::{AgentId, SkillDigest, SkillName, TaskId};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::Event;
use super::timestamp::rfc3339;
use crate::context::TaskContext;

/// The task or the agent that an event is about.
#[derive(Clone, Debug, Serialize)]
pub struct Subject {
    /// The task; `None` for an action of the agent.
    pub task_id: Option<TaskId>,
    /// The agent.
    pub agent_id: AgentId,
    /// The skill's declared name.
    pub skill: Option<SkillName>,
    /// The skill's identity; `None` for an action of the agent.
    pub skill_digest: Option<SkillDigest>,
}

impl Subject {
    /// Returns the subject of an action of the agent.
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
    /// The version of the format: 1.
    pub v: u8,
    /// The sequence number, from 1, in steps of 1, within one process.
    pub seq: u64,
    /// The wall-clock time, for display only.
    #[serde(serialize_with = "rfc3339")]
    pub ts: Timestamp,
    /// The subject.
    #[serde(flatten, serialize_with = "shared")]
    pub subject: Arc<Subject>,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

/// The meaning of each field of every record, by its name. The fields of the event follow them.
pub const RECORD_FIELDS: [(&str, &str); 7] = [
    ("v", "The version of the format: 1."),
    ("seq", "The sequence number, from 1, in steps of 1, within one process."),
    ("ts", "The wall-clock time, for display only."),
    ("task_id", "The task; `null` for an action of the agent."),
    ("agent_id", "The agent."),
    ("skill", "The declared name of the skill; `null` if it has none."),
    ("skill_digest", "The digest of the skill; `null` for an action of the agent."),
];

fn shared<S: Serializer>(subject: &Arc<Subject>, serializer: S) -> Result<S::Ok, S::Error> {
    subject.as_ref().serialize(serializer)
}
