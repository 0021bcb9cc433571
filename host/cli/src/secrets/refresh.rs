//! `far secrets refresh`.

use super::operator::Operator;
use super::report::{BackendOutcome, ChangeReport, reread_outcomes};
use crate::messages::failure::Failure;

/// Makes every process read the secret again, and reports the version of the backend.
pub(super) async fn run(operator: &Operator<'_>) -> Result<ChangeReport, Failure> {
    let Operator { name, entry, broker, .. } = operator;
    broker.record_operator_request(name, entry, &operator.agent_id).await?;
    let processes = reread_outcomes(operator.processes.refresh(name).await);
    let backend = match broker.describe(entry).await {
        Ok(described) if described.leased => BackendOutcome::Dynamic,
        Ok(described) => described.version.map_or(BackendOutcome::VersionUnknown(None), BackendOutcome::CurrentVersion),
        Err(error) => BackendOutcome::VersionUnknown(Some(error)),
    };
    Ok(ChangeReport { action: "refreshed", name: name.clone(), provider: entry.provider.clone(), backend, processes })
}
