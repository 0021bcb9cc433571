//! What the next run must know: what servers made for tasks and has not been ended, should this run be killed.
//!
//! Without a folder for it nothing is made for a task, and people are told; everything else goes on.

use std::iter;
use std::sync::Arc;
use std::time::Duration;

use far_core::AgentId;
use far_providers::vault::{LedgerConfig, LedgerError, Recovered, Vault};
use serde_json::json;
use tokio::time::timeout;

use crate::config::{FarToml, environment};
use crate::escape::{escape, escape_json};
use crate::output;

/// How long a run waits for what earlier ones left to be ended, and at its own end for what its tasks shared.
const LONGEST: Duration = Duration::from_secs(5);

/// Why nothing is made for tasks.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("neither [agent] state nor XDG_STATE_HOME nor HOME says where to write down what is to be ended")]
    Nowhere,
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Where the ledger is: as the file says, or as is usual.
pub(crate) fn ledger(config: &FarToml, agent_id: &AgentId) -> Result<LedgerConfig, Unusable> {
    let folder = config.state.clone().or_else(|| Some(environment::state_home()?.join("far")));
    let folder = folder.ok_or(Unusable::Nowhere)?.join("leases");
    Ok(LedgerConfig { folder, agent_id: agent_id.clone() })
}

/// Says that nothing is made for tasks.
pub(crate) fn warn(why: &Unusable, json: bool) {
    let causes = iter::successors(std::error::Error::source(why), |error| error.source());
    let why = causes.fold(why.to_string(), |why, cause| format!("{why}: {cause}"));
    say("state.unusable", &format!("secrets that a server makes are refused: {why}"), json);
}

/// Ends what earlier runs left; what cannot be ended is told, and is no reason for a task not to run.
pub(crate) async fn recover(vaults: &[Arc<Vault>], json: bool) {
    for vault in vaults {
        let Ok(Recovered { failed, unsound, .. }) = timeout(LONGEST, vault.recover()).await else {
            say("leases.kept", "what an earlier run left could not be ended in time; the next run tries again", json);
            continue;
        };
        if failed > 0 {
            let what = format!("{failed} of what an earlier run left could not be ended; the next run tries again");
            say("leases.kept", &what, json);
        }
        if unsound > 0 {
            let what = format!(
                "{unsound} of the files that earlier runs left are not as they were written: nothing is ended by what is not"
            );
            say("leases.unsound", &what, json);
        }
    }
}

/// Ends what tasks shared, and what is not ended yet. What cannot be, the next run ends.
pub(crate) async fn close(vaults: &[Arc<Vault>]) {
    for vault in vaults {
        let _ = timeout(LONGEST, vault.close()).await;
    }
}

/// Says on stderr what does not keep a task from running, and goes on.
pub(crate) fn say(event: &str, what: &str, json: bool) {
    let line = if json {
        escape_json(&json!({ "v": 1, "event": event, "error": what }).to_string())
    } else {
        format!("warning: {}", escape(what))
    };
    output::stderr(&format!("{line}\n"));
}
