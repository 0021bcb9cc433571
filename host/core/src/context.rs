//! The identity and the permissions of a task, set at admission. A guest cannot change them.

use std::time::Instant;

use far_capability::{AgentId, Capability, Destination, SkillDigest, SkillName, TaskId};

/// One admitted task.
#[derive(Debug)]
pub struct TaskContext {
    /// The task.
    pub task_id: TaskId,
    /// The agent that runs it.
    pub agent_id: AgentId,
    /// The name that the skill declares; `None` without a declaration.
    pub skill: Option<SkillName>,
    /// The digest of the skill.
    pub skill_digest: SkillDigest,
    /// The secrets that the task may use.
    pub capability: Capability,
    /// Destinations for requests without a secret.
    pub egress: Vec<Destination>,
    /// Further destinations that the operator lists. Events name them; they show a hash of any
    /// other host that a guest chose.
    pub listed: Vec<Destination>,
    /// The maximum number of records. Facts are recorded beyond it too.
    pub records: u64,
    /// The time at which the task ends at the latest.
    pub deadline: Instant,
}
