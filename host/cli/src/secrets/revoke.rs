//! `far secrets revoke`.

use far_core::broker::OperatorError;
use far_core::provider::ProviderError;

use super::operator::Operator;
use super::report::{Backend, Did, Report};
use crate::control::Asked;
use crate::failure::Failure;

/// Has every process wipe the secret and end what was made for it, then the backend revoke the current version.
pub(super) async fn run(operator: &Operator) -> Result<Report, Failure> {
    let Operator { name, entry, broker, agent_id, .. } = operator;
    broker.announce(name, entry, agent_id).await?;
    let wiped = |Asked { process, answer }: Asked<usize>| Asked { process, answer: answer.map(Did::Wiped) };
    let processes = operator.processes.wipe(name).await.into_iter().map(wiped).collect();
    // Asked before: afterwards there may be nothing left to tell it by.
    let leased = broker.describe(entry).await.is_ok_and(|described| described.leased);
    let backend = match broker.revoke_secret(name, entry, agent_id).await {
        Ok(revoked) => match revoked.backend {
            Ok(version) => Backend::Revoked(version),
            Err(ProviderError::Unsupported) if leased => Backend::MadeForEach,
            Err(ProviderError::Unsupported) => Backend::DoesNotRevoke,
            Err(ProviderError::NotFound) => Backend::HasNone,
            Err(error) => Backend::Failed(error),
        },
        Err(OperatorError::Audit(error)) => Backend::Unrecorded(error),
        Err(OperatorError::Provider(error)) => Backend::Failed(error),
        Err(_) => Backend::Failed(ProviderError::OutOfLockedMemory),
    };
    Ok(Report { done: "revoked", name: name.clone(), provider: entry.provider.clone(), backend, processes })
}
