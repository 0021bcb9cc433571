//! What a check found, as data.

use std::collections::HashMap;

use far_core::broker::{Repeats, reach};
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

/// All that is said of a configuration.
pub(super) struct Overview {
    pub(super) agent_id: Option<AgentId>,
    pub(super) swap_allowed: bool,
    pub(super) wasi: Wasi,
    pub(super) repeats: Repeats,
    pub(super) egress: EgressConfig,
    /// The variables that name authorities for servers that the configuration names none for.
    pub(super) authorities: Option<String>,
    /// What is wrong with it.
    pub(super) no_egress: Option<Failure>,
    pub(super) providers: Vec<Backend>,
    /// In the order of their names.
    pub(super) secrets: Vec<Permitted>,
}

/// A backend, and how it answered.
pub(super) struct Backend {
    pub(super) id: ProviderId,
    pub(super) state: State,
}

/// How a backend answered.
pub(super) enum State {
    /// It has these.
    Lists(Vec<Reference>),
    /// It was reached, and does not say what it has.
    Reached(ProviderError),
    /// It could not be opened.
    Refused(Failure),
    /// It gave no answer that is one.
    Unreached(ProviderError),
}

/// What is permitted of one secret.
pub(super) struct Permitted {
    pub(super) name: SecretName,
    pub(super) entry: CatalogEntry,
    /// What it is called in its backend; of what is made of a key, what that is called.
    pub(super) called: Reference,
    /// Whether its backend has it, where that is known.
    pub(super) present: Option<bool>,
}

impl Overview {
    /// Opens and asks every backend, one after the other.
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
            .map(|(name, entry)| Permitted {
                name: name.clone(),
                entry: entry.clone(),
                called: config.called(entry).clone(),
                present: match listed.get(&entry.provider) {
                    Some(State::Lists(references)) => Some(references.contains(&entry.reference)),
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
            no_egress: egress::of(&config.egress).err(),
            egress: config.egress.clone(),
            authorities: Authorities::origin(),
            providers: backends,
            secrets,
        }
    }

    /// The exit code: of what is wrong, before what may be right again without anybody's doing.
    pub(super) fn code(&self) -> u8 {
        let refused = self.providers.iter().any(|backend| matches!(backend.state, State::Refused(_)));
        if refused || self.no_egress.is_some() || self.secrets.iter().any(|secret| secret.present == Some(false)) {
            return exit::USAGE;
        }
        let unreached = self.providers.iter().any(|backend| matches!(backend.state, State::Unreached(_)));
        if unreached { exit::UNAVAILABLE } else { 0 }
    }

    /// What is wrong, each with the next step, and what it is about; empty if nothing is.
    pub(super) fn explanations(&self) -> Vec<(String, Explanation)> {
        let backends = self.providers.iter().filter_map(|Backend { id, state }| match state {
            State::Lists(_) | State::Reached(_) => None,
            State::Refused(failure) => Some((id.to_string(), Explanation::of_failure(failure))),
            State::Unreached(error) => {
                let failure = Failure::Unreached { provider: id.clone(), source: *error };
                Some((id.to_string(), Explanation::of_failure(&failure)))
            }
        });
        let absent = self.secrets.iter().filter(|secret| secret.present == Some(false)).map(|secret| {
            let entry = &secret.entry;
            let failure =
                Failure::Absent { provider: entry.provider.clone(), reference: secret.called.as_str().to_owned() };
            (secret.name.to_string(), Explanation::of_failure(&failure))
        });
        let egress = self.no_egress.iter().map(|failure| ("egress".to_owned(), Explanation::of_failure(failure)));
        egress.chain(backends).chain(absent).collect()
    }
}

async fn state(config: &ProviderConfig, catalog: &Catalog, recipes: &[RecipeConfig]) -> State {
    let provider = match providers::open(config, catalog, recipes) {
        Ok(provider) => provider,
        Err(failure) => return State::Refused(failure),
    };
    match reach(&*provider).await {
        Ok(references) => State::Lists(references),
        // Whoever answers so is there, and may well have rights to read what it does not list.
        Err(error @ (ProviderError::Unsupported | ProviderError::Denied)) => State::Reached(error),
        Err(error) => State::Unreached(error),
    }
}
