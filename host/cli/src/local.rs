//! The agent and the backend of a command without a configuration.

use std::path::Path;

use far_core::capability::NameError;
use far_core::{AgentId, ProviderId};

use crate::config::{ProviderConfig, ProviderKind};
use crate::messages::failure::Failure;

/// The agent's id where no configuration gives one.
const AGENT: &str = "local";
/// What the provider is called where no configuration gives it a name.
const DOTENV: &str = "dotenv";

/// The agent's id where no configuration gives one.
///
/// # Errors
///
/// None in practice: the name is a constant.
pub(crate) fn agent_id() -> Result<AgentId, Failure> {
    AgentId::parse(AGENT).map_err(fixed)
}

/// The one backend of who runs a skill by hand: the `.env` that was named, or the one in the working directory.
///
/// # Errors
///
/// None in practice: the name is a constant.
pub(crate) fn provider(env_file: Option<&Path>) -> Result<ProviderConfig, Failure> {
    let path = env_file.unwrap_or(Path::new(".env")).to_owned();
    let id = ProviderId::parse(DOTENV).map_err(fixed)?;
    Ok(ProviderConfig { id, kind: ProviderKind::Dotenv { path } })
}

/// For names that are written in this file.
fn fixed(error: NameError) -> Failure {
    Failure::arguments(error.to_string())
}
