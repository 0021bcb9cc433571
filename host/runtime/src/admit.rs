//! Letting a task in: grants become a capability, and what can be known before the skill runs is refused here.

use far_core::capability::{Capability, Destination, Operation};
use far_core::declaration::{Declaration, DeclaredSecret};
use far_core::guard::Guard;
use far_core::{TaskContext, TaskId};
use tokio::time::Instant;

use crate::runtime::Runtime;
use crate::task::{Refusal, Task};

impl Runtime {
    /// Who the task is, what it may use, and when it ends.
    pub(crate) fn admit(&self, task_id: TaskId, task: &Task) -> Result<TaskContext, Refusal> {
        self.check_limits(task)?;
        let now = Instant::now();
        let deadline = now.checked_add(task.limits.timeout).ok_or(Refusal::Limit("timeout"))?;
        let declaration = task.skill.declaration();
        let declared = declared(declaration);
        let skill_digest = task.skill.digest();
        let capability = Capability::new(declared, &task.grants, &self.catalog, &skill_digest, now.into_std())?;
        self.check_capability(task, declared, &capability)?;
        Ok(TaskContext {
            task_id,
            agent_id: self.agent_id.clone(),
            skill: declaration.map(|declaration| declaration.name.clone()),
            skill_digest,
            capability,
            egress: self.egress(task),
            listed: self.egress.clone(),
            records: task.limits.records,
            deadline: deadline.into_std(),
        })
    }

    /// Where requests without a secret may go: what was granted of what the operator lets.
    fn egress(&self, task: &Task) -> Vec<Destination> {
        let is_let = |destination: &&Destination| destination.is_within(&self.egress);
        task.egress.iter().filter(is_let).cloned().collect()
    }

    fn check_limits(&self, task: &Task) -> Result<(), Refusal> {
        let limits = &task.limits;
        let none = [
            ("timeout", limits.timeout.is_zero()),
            ("memory", limits.memory == 0 || limits.memory > self.max_memory),
            ("input", limits.input == 0 || limits.input > self.max_memory),
            ("output", limits.output == 0 || limits.output > self.max_memory),
            ("log", limits.log == 0 || limits.log > self.max_memory),
            ("host-calls", limits.host_calls == 0),
            ("records", limits.records == 0),
            ("requests", limits.requests == 0),
            ("request-body", limits.request_body == 0 || limits.request_body > self.max_memory),
            ("response-body", limits.response_body == 0 || limits.response_body > self.max_memory),
        ];
        if let Some((name, _)) = none.into_iter().find(|(_, bad)| *bad) {
            return Err(Refusal::Limit(name));
        }
        let (length, limit) = (task.input.len(), limits.input);
        if length > limit && Guard::Input.stands() { Err(Refusal::InputTooLarge { length, limit }) } else { Ok(()) }
    }

    fn check_capability(
        &self,
        task: &Task,
        declared: &[DeclaredSecret],
        capability: &Capability,
    ) -> Result<(), Refusal> {
        if let Some(gap) = capability.gaps(declared).next() {
            return Err(gap.into());
        }
        if Guard::RevealImport.stands()
            && task.skill.reveals()
            && !capability.permits().any(|(_, permit)| permit.operations.contains(Operation::Reveal))
        {
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
