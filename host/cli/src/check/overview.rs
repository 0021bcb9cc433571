//! The results of a check.

use std::collections::HashMap;

use far_core::broker::{RepeatRecording, probe};
use far_core::capability::{Catalog, CatalogEntry};
use far_core::provider::{ProviderError, Reference};
use far_core::{AgentId, ProviderId, SecretName};
use far_runtime::Wasi;

use crate::authorities::Authorities;
use crate::config::{EgressConfig, FarToml, ProviderConfig, RecipeConfig};
use crate::egress;
use crate::exit;
use crate::messages::explanation::Explanation;
use crate::messages::failure::Failure;
use crate::providers;

/// The results of checking a configuration.
pub(super) struct Overview {
    pub(super) agent_id: Option<AgentId>,
    pub(super) swap_allowed: bool,
    pub(super) wasi: Wasi,
    pub(super) repeats: RepeatRecording,
    pub(super) egress: EgressConfig,
    /// The environment variables that name authorities, for servers without a configured `ca-file`.
    pub(super) authorities: Option<String>,
    /// The error of the `[egress]` table.
    pub(super) egress_error: Option<Failure>,
    pub(super) providers: Vec<Backend>,
    /// Sorted by name.
    pub(super) secrets: Vec<PermittedSecret>,
}

/// A backend and its state.
pub(super) struct Backend {
    pub(super) id: ProviderId,
    pub(super) state: BackendState,
}

/// The state of a backend.
pub(super) enum BackendState {
    /// The backend listed these secrets.
    Listing(Vec<Reference>),
    /// The backend is reachable, but does not list its secrets.
    Unlistable(ProviderError),
    /// The backend could not be opened.
    OpenFailed(Failure),
    /// The backend is unreachable, or its response is invalid.
    Unreachable(ProviderError),
}

/// A permitted secret.
pub(super) struct PermittedSecret {
    pub(super) name: SecretName,
    pub(super) entry: CatalogEntry,
    /// The reference in the backend. For an exchanged key, the reference of the key.
    pub(super) reference: Reference,
    /// True if the backend has the secret, `None` if that is unknown.
    pub(super) present: Option<bool>,
}

impl Overview {
    /// Opens and queries every backend in turn.
    pub(super) async fn of(config: &FarToml) -> Self {
        let mut backends = Vec::new();
        for provider in &config.providers {
            backends.push(Backend {
                id: provider.id.clone(),
                state: state(provider, &config.catalog, &config.recipes).await,
            });
        }
        let listed: HashMap<_, _> = backends.iter().map(|backend| (&backend.id, &backend.state)).collect();
        let mut secrets: Vec<_> = config
            .catalog
            .iter()
            .map(|(name, entry)| PermittedSecret {
                name: name.clone(),
                entry: entry.clone(),
                reference: config.backend_reference(entry).clone(),
                present: match listed.get(&entry.provider) {
                    Some(BackendState::Listing(references)) => Some(references.contains(&entry.reference)),
                    _ => None,
                },
            })
            .collect();
        secrets.sort_by(|one, other| one.name.cmp(&other.name));
        Self {
            agent_id: config.agent_id.clone(),
            swap_allowed: config.swap_allowed,
            wasi: config.wasi,
            repeats: config.repeats,
            egress_error: egress::of(&config.egress).err(),
            egress: config.egress.clone(),
            authorities: Authorities::origin(),
            providers: backends,
            secrets,
        }
    }

    /// Returns the exit code. Permanent errors take precedence over transient ones.
    pub(super) fn code(&self) -> u8 {
        let refused = self.providers.iter().any(|backend| matches!(backend.state, BackendState::OpenFailed(_)));
        if refused || self.egress_error.is_some() || self.secrets.iter().any(|secret| secret.present == Some(false)) {
            return exit::USAGE;
        }
        let unreached = self.providers.iter().any(|backend| matches!(backend.state, BackendState::Unreachable(_)));
        if unreached { exit::UNAVAILABLE } else { 0 }
    }

    /// Returns the problems, each with its subject.
    pub(super) fn explanations(&self) -> Vec<(String, Explanation)> {
        let backends = self.providers.iter().filter_map(|Backend { id, state }| match state {
            BackendState::Listing(_) | BackendState::Unlistable(_) => None,
            BackendState::OpenFailed(failure) => Some((id.to_string(), Explanation::of_failure(failure))),
            BackendState::Unreachable(error) => {
                let failure = Failure::ProviderUnreachable { provider: id.clone(), source: *error };
                Some((id.to_string(), Explanation::of_failure(&failure)))
            }
        });
        let absent = self.secrets.iter().filter(|secret| secret.present == Some(false)).map(|secret| {
            let entry = &secret.entry;
            let failure = Failure::SecretNotFound {
                provider: entry.provider.clone(),
                reference: secret.reference.as_str().to_owned(),
            };
            (secret.name.to_string(), Explanation::of_failure(&failure))
        });
        let egress = self.egress_error.iter().map(|failure| ("egress".to_owned(), Explanation::of_failure(failure)));
        egress.chain(backends).chain(absent).collect()
    }
}

async fn state(config: &ProviderConfig, catalog: &Catalog, recipes: &[RecipeConfig]) -> BackendState {
    let provider = match providers::open(config, catalog, recipes) {
        Ok(provider) => provider,
        Err(failure) => return BackendState::OpenFailed(failure),
    };
    match probe(&*provider).await {
        Ok(references) => BackendState::Listing(references),
        // The backend is reachable, and may permit reads of secrets that it does not list.
        Err(error @ (ProviderError::Unsupported | ProviderError::Denied)) => BackendState::Unlistable(error),
        Err(error) => BackendState::Unreachable(error),
    }
}
