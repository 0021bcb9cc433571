//! What the next run must know: what servers made for tasks and has not been ended, should this run be killed; and where those that
//! run can be asked.
//!
//! Without a folder for it nothing is made for a task, and nobody can ask; people are told, and everything else goes on.

use std::iter;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use far_core::pal::{Cause, Event, EventKind, Outcome, Pal, Reason, Subject};
use far_core::provider::SecretProvider;
use far_core::{AgentId, ProviderId};
use far_files::TrustError;
use far_providers::vault::{LedgerConfig, Recovered, Vault};
use serde_json::json;
use tokio::time::timeout;

use crate::config::{FarToml, environment};
use crate::control::ControlError;
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
    Ledger(#[from] TrustError),
}

/// Where what processes of an agent must know is: as the file says, or as is usual.
pub(crate) fn folder(config: &FarToml) -> Option<PathBuf> {
    config.state.clone().or_else(|| Some(environment::state_home()?.join("far")))
}

/// Where the ledger is.
pub(crate) fn ledger(config: &FarToml, agent_id: &AgentId) -> Result<LedgerConfig, Unusable> {
    let folder = folder(config).ok_or(Unusable::Nowhere)?.join("leases");
    Ok(LedgerConfig { folder, agent_id: agent_id.clone() })
}

/// Says that nothing is made for tasks.
pub(crate) fn warn(why: &Unusable, json: bool) {
    say("state.unusable", &format!("secrets that a server makes are refused: {}", with_causes(why)), json);
}

/// Says that the process does not listen.
pub(crate) fn warn_unheard(why: &ControlError, json: bool) {
    let what = format!("'far secrets' does not reach this process: {}", with_causes(why));
    say("control.unusable", &what, json);
}

fn with_causes(why: &dyn std::error::Error) -> String {
    let causes = iter::successors(why.source(), |error| error.source());
    causes.fold(why.to_string(), |why, cause| format!("{why}: {cause}"))
}

/// Ends what earlier runs left, and records it; what cannot be ended is told, and is no reason for a task not to run.
pub(crate) async fn recover(vaults: &[Arc<Vault>], agent_id: &AgentId, pal: &Pal, json: bool) {
    let agent = Arc::new(Subject::agent(agent_id.clone()));
    for vault in vaults {
        let Ok(Recovered { ended, failed, unsound, .. }) = timeout(LONGEST, vault.recover()).await else {
            pal.note(&agent, left(vault.id(), Outcome::Failed, None));
            say("leases.kept", "what an earlier run left could not be ended in time; the next run tries again", json);
            continue;
        };
        if ended > 0 {
            pal.note(&agent, left(vault.id(), Outcome::Completed, Some(ended)));
        }
        if failed > 0 {
            pal.note(&agent, left(vault.id(), Outcome::Failed, Some(failed)));
            let what = format!("{failed} of what an earlier run left could not be ended; the next run tries again");
            say("leases.kept", &what, json);
        }
        if unsound > 0 {
            let mut event = left(vault.id(), Outcome::Failed, Some(unsound));
            event.reason = Some(Reason::Token("unsound-ledger"));
            pal.note(&agent, event);
            let what = format!(
                "{unsound} of the files that earlier runs left are not as they were written: nothing is ended by what is not"
            );
            say("leases.unsound", &what, json);
        }
    }
}

/// The event of what processes left that are no more: so many leases and tokens, or files of them, where that is known.
fn left(provider: &ProviderId, outcome: Outcome, count: Option<usize>) -> Event {
    let mut event = Event::new(EventKind::SecretRevoked);
    event.provider = Some(provider.clone());
    event.cause = Some(Cause::Recovery);
    event.outcome = Some(outcome);
    event.count = count.and_then(|count| u64::try_from(count).ok());
    event
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
