//! What the next run must know: what servers made for tasks and has not been ended, should this run be killed; and where those that
//! run can be asked.
//!
//! Without a folder for it nothing is made for a task, and nobody can ask; people are told, and everything else goes on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use far_core::AgentId;
use far_core::pal::{Event, LeaseRecovery, Pal, Subject};
use far_core::provider::SecretProvider;
use far_providers::vault::{LedgerConfig, Recovered, Vault};
use tokio::time::timeout;

use crate::config::{FarToml, environment};
use crate::messages::notice::{Notice, StateUnusable};
use crate::output::printer::Printer;

/// How long a run waits for what earlier ones left to be ended, and at its own end for what its tasks shared.
const LONGEST: Duration = Duration::from_secs(5);

/// Where what processes of an agent must know is: as the file says, or as is usual.
pub(crate) fn folder(config: &FarToml) -> Option<PathBuf> {
    config.state.clone().or_else(|| Some(environment::state_home()?.join("far")))
}

/// Where the ledger is.
pub(crate) fn ledger(config: &FarToml, agent_id: &AgentId) -> Result<LedgerConfig, StateUnusable> {
    let folder = folder(config).ok_or(StateUnusable::Nowhere)?.join("leases");
    Ok(LedgerConfig { folder, agent_id: agent_id.clone() })
}

/// Ends what earlier runs left, and records it; what cannot be ended is told, and is no reason for a task not to run.
pub(crate) async fn recover(vaults: &[Arc<Vault>], agent_id: &AgentId, pal: &Pal, printer: &Printer) {
    let agent = Arc::new(Subject::agent(agent_id.clone()));
    for vault in vaults {
        let Ok(Recovered { ended, failed, unsound, .. }) = timeout(LONGEST, vault.recover()).await else {
            pal.note(&agent, Event::leases_recovered(vault.id(), LeaseRecovery::Failed(None)));
            printer.notice(&Notice::leases_late());
            continue;
        };
        if ended > 0 {
            pal.note(&agent, Event::leases_recovered(vault.id(), LeaseRecovery::Revoked(number(ended))));
        }
        if failed > 0 {
            pal.note(&agent, Event::leases_recovered(vault.id(), LeaseRecovery::Failed(Some(number(failed)))));
            printer.notice(&Notice::leases_kept(failed));
        }
        if unsound > 0 {
            pal.note(&agent, Event::leases_recovered(vault.id(), LeaseRecovery::UnsoundLedger(number(unsound))));
            printer.notice(&Notice::leases_unsound(unsound));
        }
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Ends what tasks shared, and what is not ended yet. What cannot be, the next run ends.
pub(crate) async fn close(vaults: &[Arc<Vault>]) {
    for vault in vaults {
        let _ = timeout(LONGEST, vault.close()).await;
    }
}
