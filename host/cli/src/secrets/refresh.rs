//! `far secrets refresh`.

use super::operator::Operator;
use super::report::{Backend, Report, rereads};
use crate::messages::failure::Failure;

/// Has every process read the secret again, and says which version its backend has.
pub(super) async fn run(operator: &Operator<'_>) -> Result<Report, Failure> {
    let Operator { name, entry, broker, .. } = operator;
    broker.announce(name, entry, &operator.agent_id).await?;
    let processes = rereads(operator.processes.refresh(name).await);
    let backend = match broker.describe(entry).await {
        Ok(described) if described.leased => Backend::MadeForEach,
        Ok(described) => described.version.map_or(Backend::Unsaid(None), Backend::Has),
        Err(error) => Backend::Unsaid(Some(error)),
    };
    Ok(Report { done: "refreshed", name: name.clone(), provider: entry.provider.clone(), backend, processes })
}
