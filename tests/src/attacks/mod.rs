//! Hostile skills, and the host that must survive them: case by case, each with a twin that was granted what the attacker
//! was not, and succeeds.
//!
//! The number that a case's name begins with is its kind's, the same through all versions. `cargo xtask attacks` runs all of
//! them and prints what was expected and seen. `tests/mutations.toml` lists the guards of the host with the cases that each
//! stands against: `cargo xtask mutants` removes one guard at a time, and expects those cases to fail.

mod artefacts;
mod audit;
mod bounds;
mod components;
mod credentials;
mod cuts;
mod egress;
mod exchanges;
mod handles;
mod hosts;
mod lifetime;
mod loading;
mod memory;
mod names;
mod output;
mod outside_run;
mod records;
mod resources;
mod routes;
mod scope;
mod told;
mod trial;
mod versions;

use std::time::Duration;

pub use trial::{Outcome, Trial};

/// Longer than any trial takes with all guards: what takes longer hangs.
pub const LONGEST: Duration = Duration::from_secs(60);

/// One attack.
pub struct Case {
    /// Its name.
    pub id: &'static str,
    /// What is attempted.
    pub what: &'static str,
    /// The attempt.
    pub attack: Trial,
    /// The same, or as near as can be, by one who may.
    pub twin: Trial,
}

/// Every attack, in the order of their names.
pub fn cases() -> Vec<Case> {
    let mut cases: Vec<_> = [
        scope::cases(),
        names::cases(),
        handles::cases(),
        outside_run::cases(),
        lifetime::cases(),
        versions::cases(),
        memory::cases(),
        resources::cases(),
        components::cases(),
        loading::cases(),
        audit::cases(),
        bounds::cases(),
        records::cases(),
        output::cases(),
        credentials::cases(),
        cuts::cases(),
        egress::cases(),
        exchanges::cases(),
        hosts::cases(),
        routes::cases(),
        artefacts::cases(),
    ]
    .into_iter()
    .flatten()
    .collect();
    cases.sort_by_key(|case| case.id);
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_cases_have_one_name() {
        let cases = cases();
        assert!(cases.iter().zip(cases.iter().skip(1)).all(|(one, next)| one.id != next.id));
        assert!(cases.iter().all(|case| case.id.split_once('-').is_some_and(|(kind, _)| kind.parse::<u8>().is_ok())));
    }
}
