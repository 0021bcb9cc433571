//! `far secrets revoke`.

use far_core::broker::OperatorError;
use far_core::provider::ProviderError;

use super::operator::Operator;
use super::report::{BackendOutcome, ChangeReport, merge_outcomes, wipe_outcomes};
use crate::messages::failure::Failure;

/// Makes every process wipe the secret and revoke its leases. Then the backend revokes the current
/// version, and processes wipe values fetched meanwhile.
pub(super) async fn run(operator: &Operator<'_>) -> Result<ChangeReport, Failure> {
    let Operator { name, entry, broker, agent_id, .. } = operator;
    broker.record_operator_request(name, entry, agent_id).await?;
    let mut processes = wipe_outcomes(operator.processes.wipe(name).await);
    // Queried first: after the revocation the backend may have no metadata.
    let leased = broker.describe(entry).await.is_ok_and(|described| described.leased);
    let backend = match broker.revoke_secret(name, entry, agent_id).await {
        Ok(revoked) => match revoked.backend {
            Ok(version) => BackendOutcome::Revoked(version),
            Err(ProviderError::Unsupported) if leased => BackendOutcome::Dynamic,
            Err(ProviderError::Unsupported) => BackendOutcome::RevocationUnsupported,
            Err(ProviderError::NotFound) => BackendOutcome::NotFound,
            Err(ProviderError::VersionGone(how)) => BackendOutcome::Gone(how),
            Err(error) => BackendOutcome::Failed(error),
        },
        Err(OperatorError::Audit(error)) => BackendOutcome::Unrecorded(error),
        Err(OperatorError::Provider(error)) => BackendOutcome::Failed(error),
        Err(_) => BackendOutcome::Failed(ProviderError::OutOfLockedMemory),
    };
    if !matches!(backend, BackendOutcome::Dynamic | BackendOutcome::RevocationUnsupported) {
        // A process may have cached a value before the backend revoked it.
        processes = merge_outcomes(&processes, wipe_outcomes(operator.processes.wipe(name).await));
    }
    Ok(ChangeReport { action: "revoked", name: name.clone(), provider: entry.provider.clone(), backend, processes })
}
