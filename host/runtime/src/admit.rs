//! Admission of tasks: intersects the grants into a capability, and refuses invalid tasks before
//! the skill runs.

use std::collections::HashSet;

use far_core::capability::{Capability, Declaration, DeclaredSecret, Destination, Operation};
use far_core::{TaskContext, TaskId, clock};

use crate::limits::Limits;
use crate::runtime::Runtime;
use crate::skill::Identity;
use crate::task::{Refusal, TaskSpec};

impl Runtime {
    /// Checks a task, and returns its context: identity, capability and deadline.
    pub(crate) fn admit(&self, task_id: TaskId, identity: &Identity, spec: &TaskSpec) -> Result<TaskContext, Refusal> {
        self.check_limits(spec)?;
        let now = clock::now();
        let deadline = now.checked_add(spec.limits.timeout).ok_or(Refusal::Limit("timeout"))?;
        let declared = declared(identity.declaration.as_ref());
        let skill_digest = identity.digest;
        let capability = Capability::new(declared, &spec.grants, &self.catalog, &skill_digest, now)?;
        self.check_capability(identity, declared, &capability)?;
        Ok(TaskContext {
            task_id,
            agent_id: self.agent_id.clone(),
            skill: identity.name().cloned(),
            skill_digest,
            capability,
            egress: self.egress(spec),
            listed: self.egress.clone(),
            records: spec.limits.records,
            deadline,
        })
    }

    /// Returns the destinations of requests without a secret: the task's, as far as the operator
    /// permits them.
    fn egress(&self, spec: &TaskSpec) -> Vec<Destination> {
        // Most destinations equal one of the operator's; the set avoids a comparison with each.
        let written: HashSet<_> = self.egress.iter().map(Destination::as_str).collect();
        let is_permitted =
            |destination: &&Destination| written.contains(destination.as_str()) || destination.is_within(&self.egress);
        spec.egress.iter().filter(is_permitted).cloned().collect()
    }

    fn check_limits(&self, spec: &TaskSpec) -> Result<(), Refusal> {
        let limits = &spec.limits;
        if let Some(name) = limits.out_of_bounds(&Limits::max_with_memory(self.max_memory)) {
            return Err(Refusal::Limit(name));
        }
        let (length, limit) = (spec.input.len(), limits.input);
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

/// Returns the declared secrets; none without a declaration.
fn declared(declaration: Option<&Declaration>) -> &[DeclaredSecret] {
    declaration.map_or(&[], |declaration| &declaration.secrets)
}
