//! Letting a task in: grants become a capability, and what can be known before the skill runs is refused here.

use std::collections::HashSet;

use far_core::capability::{Capability, Declaration, DeclaredSecret, Destination, Operation};
use far_core::{TaskContext, TaskId, clock};

use crate::limits::Limits;
use crate::runtime::Runtime;
use crate::skill::Identity;
use crate::task::{Job, Refusal};

impl Runtime {
    /// Who the task is, what it may use, and when it ends.
    pub(crate) fn admit(&self, task_id: TaskId, identity: &Identity, job: &Job) -> Result<TaskContext, Refusal> {
        self.check_limits(job)?;
        let now = clock::now();
        let deadline = now.checked_add(job.limits.timeout).ok_or(Refusal::Limit("timeout"))?;
        let declared = declared(identity.declaration.as_ref());
        let skill_digest = identity.digest;
        let capability = Capability::new(declared, &job.grants, &self.catalog, &skill_digest, now)?;
        self.check_capability(identity, declared, &capability)?;
        Ok(TaskContext {
            task_id,
            agent_id: self.agent_id.clone(),
            skill: identity.name().cloned(),
            skill_digest,
            capability,
            egress: self.egress(job),
            listed: self.egress.clone(),
            records: job.limits.records,
            deadline,
        })
    }

    /// Where requests without a secret may go: what was granted of what the operator lets.
    fn egress(&self, job: &Job) -> Vec<Destination> {
        // Most are written as the operator writes them, and are found without being compared with every other.
        let written: HashSet<_> = self.egress.iter().map(Destination::as_str).collect();
        let is_let =
            |destination: &&Destination| written.contains(destination.as_str()) || destination.is_within(&self.egress);
        job.egress.iter().filter(is_let).cloned().collect()
    }

    fn check_limits(&self, job: &Job) -> Result<(), Refusal> {
        let limits = &job.limits;
        if let Some(name) = limits.out_of_bounds(&Limits::max_with_memory(self.max_memory)) {
            return Err(Refusal::Limit(name));
        }
        let (length, limit) = (job.input.len(), limits.input);
        if length > limit { Err(Refusal::InputTooLarge { length, limit }) } else { Ok(()) }
    }

    fn check_capability(
        &self,
        identity: &Identity,
        declared: &[DeclaredSecret],
        capability: &Capability,
    ) -> Result<(), Refusal> {
        if let Some(gap) = capability.gaps(declared).next() {
            return Err(gap.into());
        }
        if identity.reveals && !capability.permits().any(|(_, permit)| permit.operations.contains(Operation::Reveal)) {
            return Err(Refusal::Reveal);
        }
        match capability.permits().find(|(_, permit)| !self.broker.has_provider(&permit.provider)) {
            Some((secret, permit)) => {
                Err(Refusal::Provider { secret: secret.clone(), provider: permit.provider.clone() })
            }
            None => Ok(()),
        }
    }
}

/// No declaration, no secrets.
fn declared(declaration: Option<&Declaration>) -> &[DeclaredSecret] {
    declaration.map_or(&[], |declaration| &declaration.secrets)
}
