//! `far secrets rotate`.

use far_core::broker::{OperatorError, RotationReport};
use far_core::provider::ProviderError;

use super::operator::Operator;
use super::report::{BackendOutcome, ChangeReport, merge_outcomes, reread_outcomes};
use crate::messages::failure::Failure;

/// Creates one version in the backend. Then every process reads it, or reissues a dynamic secret.
/// Processes do so after an error too, because the backend may have created the version.
pub(super) async fn run(operator: &Operator<'_>) -> Result<ChangeReport, Failure> {
    let Operator { name, entry, broker, processes, agent_id, .. } = operator;
    let provider = entry.provider.clone();
    // Later failures of the audit log do not undo the request.
    broker.record_operator_request(name, entry, agent_id).await?;
    let backend = match broker.rotate(name, entry, agent_id).await {
        Ok(RotationReport { version: Some(version), .. }) => BackendOutcome::NewVersion(version),
        Ok(_) if broker.describe(entry).await.is_ok_and(|described| described.leased) => BackendOutcome::Dynamic,
        Ok(_) | Err(OperatorError::Provider(ProviderError::Unsupported)) => BackendOutcome::RotationUnsupported,
        Err(OperatorError::Provider(ProviderError::NotFound)) => {
            return Err(Failure::SecretNotFound { provider, reference: operator.reference.clone() });
        }
        Err(OperatorError::Provider(error)) => BackendOutcome::RotationUnknown(error),
        Err(OperatorError::Audit(error)) => BackendOutcome::RotationUnrecorded(error),
        Err(_) => BackendOutcome::RotationUnknown(ProviderError::OutOfLockedMemory),
    };
    // A process has either a dynamic or a static secret.
    let (replaced, read) = (processes.reissue(name).await, processes.refresh(name).await);
    let processes = merge_outcomes(&reread_outcomes(replaced), reread_outcomes(read));
    // The denial may concern reading the new version, so processes were asked first.
    if matches!(backend, BackendOutcome::RotationUnknown(ProviderError::Denied)) {
        return Err(Failure::BackendDenied { provider });
    }
    Ok(ChangeReport { action: "rotated", name: name.clone(), provider, backend, processes })
}
