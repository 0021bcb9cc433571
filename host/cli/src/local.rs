//! The agent and the backend of commands without a configuration.

use std::path::Path;

use far_core::capability::NameError;
use far_core::{AgentId, ProviderId};

use crate::config::{ProviderConfig, ProviderKind};
use crate::messages::failure::Failure;

/// The default id of an agent.
const AGENT: &str = "local";
/// The id of the `.env` provider.
const DOTENV: &str = "dotenv";

/// Returns the default id of an agent.
///
/// # Errors
///
/// None in practice: the name is a constant.
pub(crate) fn agent_id() -> Result<AgentId, Failure> {
    AgentId::parse(AGENT).map_err(constant_error)
}

/// Returns the backend of a run without a configuration: `env_file`, or `.env` in the working
/// directory.
///
/// # Errors
///
/// None in practice: the name is a constant.
pub(crate) fn provider(env_file: Option<&Path>) -> Result<ProviderConfig, Failure> {
    let path = env_file.unwrap_or(Path::new(".env")).to_owned();
    let id = ProviderId::parse(DOTENV).map_err(constant_error)?;
    Ok(ProviderConfig { id, kind: ProviderKind::Dotenv { path } })
}

/// Converts an error in the constants of this file.
fn constant_error(error: NameError) -> Failure {
    Failure::arguments(error.to_string())
}
