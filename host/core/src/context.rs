//! Who a task is, and what it may use. Made at admission; a guest has no way to set any of it.

use std::time::Instant;

use far_capability::{AgentId, Capability, Destination, SkillDigest, SkillName, TaskId};

/// One admitted task.
#[derive(Debug)]
pub struct TaskContext {
    /// The task.
    pub task_id: TaskId,
    /// The agent that runs it.
    pub agent_id: AgentId,
    /// The skill's name, as declared; none without a declaration.
    pub skill: Option<SkillName>,
    /// The skill's identity.
    pub skill_digest: SkillDigest,
    /// What the task may use.
    pub capability: Capability,
    /// Where it may send requests without a secret.
    pub egress: Vec<Destination>,
    /// Destinations that the operator lists in addition. Events name them, in place of the hash
    /// that stands for a host that only a guest chose.
    pub listed: Vec<Destination>,
    /// How many events the task may have recorded; what must be recorded is, beyond that too.
    pub records: u64,
    /// When the task ends, whatever it does.
    pub deadline: Instant,
}
