//! Attacks of hostile skills on the host. Each attack has a twin with the missing grant, which
//! succeeds.
//!
//! The number in a case's id is its kind, stable across versions. `cargo xtask attacks` runs all
//! cases and prints the expected and actual outcomes. `tests/mutations.toml` maps the guards of the
//! host to cases. `cargo xtask mutants` removes one guard at a time and expects its cases to fail.

mod artifacts;
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
mod summary;
mod trial;
mod versions;

use std::time::Duration;

pub use trial::{Outcome, Trial};

/// The time limit of a trial with all guards. A slower trial hangs.
pub const LONGEST: Duration = Duration::from_secs(60);

/// One attack.
pub struct Case {
    /// The id.
    pub id: &'static str,
    /// A description of the attempt.
    pub description: &'static str,
    /// The attack.
    pub attack: Trial,
    /// The same or nearly the same action, with the permission for it.
    pub twin: Trial,
}

/// Returns every attack, sorted by id.
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
        artifacts::cases(),
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
    fn case_ids_are_unique() {
        let cases = cases();
        assert!(cases.iter().zip(cases.iter().skip(1)).all(|(one, next)| one.id != next.id));
        assert!(cases.iter().all(|case| case.id.split_once('-').is_some_and(|(kind, _)| kind.parse::<u8>().is_ok())));
    }
}
