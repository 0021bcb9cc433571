//! `far secrets rotate`.

use far_core::broker::OperatorError;
use far_core::provider::ProviderError;

use super::operator::Operator;
use super::report::{Backend, Report, both, rereads};
use crate::failure::Failure;

/// Has the backend make a version, once, and then every process read it, or have another made of what was made for it.
pub(super) async fn run(operator: &Operator) -> Result<Report, Failure> {
    let Operator { name, entry, broker, processes, .. } = operator;
    let provider = entry.provider.clone();
    let rotated = broker.rotate(name, entry, &operator.agent_id).await.map_err(|error| match error {
        OperatorError::Provider(ProviderError::Denied) => Failure::Denied { provider: provider.clone() },
        OperatorError::Provider(ProviderError::NotFound) => {
            Failure::Absent { provider: provider.clone(), reference: operator.called.clone() }
        }
        OperatorError::Provider(source) => Failure::Unreached { provider: provider.clone(), source },
        OperatorError::Audit(error) => Failure::Unrecorded(error),
        _ => Failure::Unreached { provider: provider.clone(), source: ProviderError::OutOfLockedMemory },
    })?;
    let backend = match rotated.version {
        Some(version) => Backend::Made(version),
        None if broker.describe(entry).await.is_ok_and(|described| described.leased) => Backend::MadeForEach,
        None => Backend::MakesNone,
    };
    // A process has one or the other of a secret.
    let (replaced, read) = (processes.replace(name).await, processes.refresh(name).await);
    let processes = both(&rereads(replaced), rereads(read));
    Ok(Report { done: "rotated", name: name.clone(), provider, backend, processes })
}
