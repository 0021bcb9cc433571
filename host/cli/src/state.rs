//! The state folder: lease journals for later runs, and control sockets.
//!
//! Without a state folder, dynamic secrets and the control socket are disabled, with a warning.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use far_core::AgentId;
use far_core::pal::{Event, LeaseRecovery, Pal, Subject};
use far_core::provider::SecretProvider;
use far_providers::vault::{LeaseJournalConfig, LeaseRecoveryReport, Vault};
use tokio::time::timeout;

use crate::config::{FarToml, environment};
use crate::messages::notice::{Notice, StateError};
use crate::output::printer::Printer;

/// The timeout for revoking leases, of earlier runs at the start and of shared secrets at the end.
const REVOCATION_TIMEOUT: Duration = Duration::from_secs(5);

/// Returns the state folder: the configured one, or the default.
pub(crate) fn folder(config: &FarToml) -> Option<PathBuf> {
    config.state.clone().or_else(|| Some(environment::state_home()?.join("far")))
}

/// Returns the configuration of the lease journal.
pub(crate) fn lease_journal(config: &FarToml, agent_id: &AgentId) -> Result<LeaseJournalConfig, StateError> {
    let folder = folder(config).ok_or(StateError::Nowhere)?.join("leases");
    Ok(LeaseJournalConfig { folder, agent_id: agent_id.clone() })
}

/// Revokes leases of earlier runs, and records the result. A failure is only a warning.
pub(crate) async fn recover(vaults: &[Arc<Vault>], agent_id: &AgentId, pal: &Pal, printer: &Printer) {
    let agent = Arc::new(Subject::agent(agent_id.clone()));
    for vault in vaults {
        let Ok(LeaseRecoveryReport { revoked, failed, unverified, .. }) =
            timeout(REVOCATION_TIMEOUT, vault.recover()).await
        else {
            pal.note(&agent, Event::leases_recovered(vault.id(), LeaseRecovery::Failed(None)));
            printer.notice(&Notice::leases_timed_out());
            continue;
        };
        if revoked > 0 {
            pal.note(&agent, Event::leases_recovered(vault.id(), LeaseRecovery::Revoked(number(revoked))));
        }
        if failed > 0 {
            pal.note(&agent, Event::leases_recovered(vault.id(), LeaseRecovery::Failed(Some(number(failed)))));
            printer.notice(&Notice::leases_not_revoked(failed));
        }
        if unverified > 0 {
            pal.note(&agent, Event::leases_recovered(vault.id(), LeaseRecovery::CorruptJournal(number(unverified))));
            printer.notice(&Notice::journals_unverified(unverified));
        }
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Revokes the remaining leases. The next run retries failures.
pub(crate) async fn close(vaults: &[Arc<Vault>]) {
    for vault in vaults {
        let _ = timeout(REVOCATION_TIMEOUT, vault.close()).await;
    }
}
