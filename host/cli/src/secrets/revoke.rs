//! `far secrets revoke`.

use far_core::broker::OperatorError;
use far_core::provider::ProviderError;

use super::operator::Operator;
use super::report::{Backend, Report, both, wipes};
use crate::messages::failure::Failure;

/// Has every process wipe the secret and end what was made for it, then the backend revoke the current version, and processes wipe
/// what they were given meanwhile.
pub(super) async fn run(operator: &Operator<'_>) -> Result<Report, Failure> {
    let Operator { name, entry, broker, agent_id, .. } = operator;
    broker.announce(name, entry, agent_id).await?;
    let mut processes = wipes(operator.processes.wipe(name).await);
    // Asked before: afterwards there may be nothing left to tell it by.
    let leased = broker.describe(entry).await.is_ok_and(|described| described.leased);
    let backend = match broker.revoke_secret(name, entry, agent_id).await {
        Ok(revoked) => match revoked.backend {
            Ok(version) => Backend::Revoked(version),
            Err(ProviderError::Unsupported) if leased => Backend::MadeForEach,
            Err(ProviderError::Unsupported) => Backend::DoesNotRevoke,
            Err(ProviderError::NotFound) => Backend::HasNone,
            Err(ProviderError::VersionGone(how)) => Backend::Gone(how),
            Err(error) => Backend::Failed(error),
        },
        Err(OperatorError::Audit(error)) => Backend::Unrecorded(error),
        Err(OperatorError::Provider(error)) => Backend::Failed(error),
        Err(_) => Backend::Failed(ProviderError::OutOfLockedMemory),
    };
    if !matches!(backend, Backend::MadeForEach | Backend::DoesNotRevoke) {
        // What was asked for while the backend had not revoked it yet was given out, and is kept.
        processes = both(&processes, wipes(operator.processes.wipe(name).await));
    }
    Ok(Report { done: "revoked", name: name.clone(), provider: entry.provider.clone(), backend, processes })
}
