//! `far secrets rotate`.

use far_core::broker::{OperatorError, Rotated};
use far_core::provider::ProviderError;

use super::operator::Operator;
use super::report::{Backend, Report, both, rereads};
use crate::messages::failure::Failure;

/// Has the backend make a version, once, and then every process read it, or have another made of what was made for it. So do they
/// where nobody knows whether the backend made one: it may have, and its answer been lost.
pub(super) async fn run(operator: &Operator<'_>) -> Result<Report, Failure> {
    let Operator { name, entry, broker, processes, agent_id, .. } = operator;
    let provider = entry.provider.clone();
    // What fails for the log afterwards has been asked for.
    broker.announce(name, entry, agent_id).await?;
    let backend = match broker.rotate(name, entry, agent_id).await {
        Ok(Rotated { version: Some(version), .. }) => Backend::Made(version),
        Ok(_) if broker.describe(entry).await.is_ok_and(|described| described.leased) => Backend::MadeForEach,
        Ok(_) | Err(OperatorError::Provider(ProviderError::Unsupported)) => Backend::MakesNone,
        Err(OperatorError::Provider(ProviderError::NotFound)) => {
            return Err(Failure::Absent { provider, reference: operator.called.clone() });
        }
        Err(OperatorError::Provider(error)) => Backend::MayHaveMade(error),
        Err(OperatorError::Audit(error)) => Backend::MadeUnrecorded(error),
        Err(_) => Backend::MayHaveMade(ProviderError::OutOfLockedMemory),
    };
    // A process has one or the other of a secret.
    let (replaced, read) = (processes.replace(name).await, processes.refresh(name).await);
    let processes = both(&rereads(replaced), rereads(read));
    // What was denied may be to read the new one: they were asked all the same.
    if matches!(backend, Backend::MayHaveMade(ProviderError::Denied)) {
        return Err(Failure::Denied { provider });
    }
    Ok(Report { done: "rotated", name: name.clone(), provider, backend, processes })
}
