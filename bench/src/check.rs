//! P1: the cost of the capability check alone.
//!
//! `host/core/tests/isolated/allocation.rs` tests that the check allocates nothing.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use far_core::capability::{
    Access, Capability, Catalog, CatalogEntry, Decision, DeclaredSecret, DenyReason, Grant, Placement, Purpose,
    Target as Request,
};
use far_core::provider::Reference;
use far_core::{SecretName, SkillDigest, Version, VersionSelector};

use crate::Error;
use crate::host::nanoseconds;
use crate::rounds::{Samples, Turn, alternate};
use crate::row::{Row, Target};

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
/// The number of checks in a turn. The largest task checks each grant once; smaller ones repeat.
const CHECKS: usize = 10_000;
/// The multiplier of the number of rounds. The scheduler interrupts few turns as short as these.
const ROUND_FACTOR: usize = 10;
/// A step that visits all grants of any size, in an order that no cache predicts.
const STRIDE: usize = 7_919;
/// The limit of a check, in nanoseconds.
const MAX_NANOSECONDS: f64 = 100.0;
/// The limit of the ratio for a thousand times as many grants, which use other cache lines.
const MAX_GROWTH: f64 = 1.25;
/// The limit of the ratio for a denied check, with a margin for noise.
const MAX_DENIED: f64 = 1.1;

pub(crate) fn rows(rounds: usize) -> Result<Vec<Row>, Error> {
    let now = Instant::now();
    let [ten, hundred, thousand, most] = SIZES.map(|grants| GrantedTask::new(grants, now));
    let (ten, hundred, thousand, most) = (ten?, hundred?, thousand?, most?);
    let undeclared_names = names("yek", CHECKS)?;
    let (inside, outside) = ("https://api.example.com/v1/a", "https://api.example.com/v2");
    let (inside, outside) = (Request::new("GET", inside)?, Request::new("GET", outside)?);
    let (current, seventh) = (VersionSelector::Current, VersionSelector::Exactly(Version::parse("7")?));
    let sign = Purpose::Sign;
    // Ten names that lie apart, so that they fit into the caches as ten grants do.
    let few: Vec<_> = most.names.iter().step_by(CHECKS / ten.names.len()).cloned().collect();

    let [all_ten, all_hundred, all_thousand, all_most, some, sealed, undeclared, operation, version, destination] =
        alternate(
            rounds * ROUND_FACTOR,
            [
                ten.turn(&ten.names, &current, sign, None),
                hundred.turn(&hundred.names, &current, sign, None),
                thousand.turn(&thousand.names, &current, sign, None),
                most.turn(&most.names, &current, sign, None),
                most.turn(&few, &current, sign, None),
                most.turn(&most.names, &current, Purpose::Seal(&inside, Some(&Placement::Authorization)), None),
                most.turn(&undeclared_names, &current, sign, Some(DenyReason::Undeclared)),
                most.turn(&most.names, &current, Purpose::Reveal, Some(DenyReason::Operation)),
                most.turn(&most.names, &seventh, sign, Some(DenyReason::Version)),
                most.turn(
                    &most.names,
                    &current,
                    Purpose::Seal(&outside, Some(&Placement::Authorization)),
                    Some(DenyReason::Destination),
                ),
            ],
        )?;
    let row = |name: &str, ours: &Samples, target| {
        let (name, ours) = (format!("check, {name}"), ours.clone());
        Row { id: "P1", name, ours, floor: None, target }
    };
    let against = |row, name, floor: &Samples| Row { floor: Some((name, floor.clone())), ..row };
    let denied = |case, ours, name, floor| against(row(case, ours, Target::Ratio(MAX_DENIED)), name, floor);
    Ok(vec![
        row("10 grants, all asked for", &all_ten, Target::Below(MAX_NANOSECONDS)),
        row("100 grants, all asked for", &all_hundred, Target::Below(MAX_NANOSECONDS)),
        row("1,000 grants, all asked for", &all_thousand, Target::Below(MAX_NANOSECONDS)),
        row("10,000 grants, all asked for", &all_most, Target::Below(MAX_NANOSECONDS)),
        against(row("10,000 grants, ten asked for", &some, Target::Ratio(MAX_GROWTH)), "10 grants", &all_ten),
        denied("denied: undeclared", &undeclared, "a grant", &all_most),
        denied("denied: operation", &operation, "a grant", &all_most),
        denied("denied: version", &version, "a grant", &all_most),
        denied("denied: destination", &destination, "a grant to seal", &sealed),
    ])
}

/// A task with a number of grants.
struct GrantedTask {
    capability: Capability,
    names: Vec<SecretName>,
    now: Instant,
}

impl GrantedTask {
    fn new(grants: usize, now: Instant) -> Result<Self, Error> {
        let names = names("key", grants)?;
        let mut catalog = Catalog::new();
        let (mut declared, mut granted) = (Vec::new(), Vec::new());
        for name in &names {
            let grant: Grant = format!("{name}:seal,sign@https://api.example.com/v1").parse()?;
            let terms = grant.terms().clone();
            declared.push(DeclaredSecret {
                name: name.clone(),
                terms: terms.clone(),
                reason: "measurement".to_owned(),
                optional: false,
            });
            let entry = CatalogEntry::new("memory".parse()?, Reference::named(name), terms);
            catalog.insert(name.clone(), entry)?;
            granted.push(grant);
        }
        let digest = SkillDigest::of(b"skill");
        let capability = Capability::new(&declared, &granted, &Arc::new(catalog), &digest, now)?;
        Ok(Self { capability, names, now })
    }

    /// Returns a turn of [`CHECKS`] checks over all names.
    ///
    /// Any other decision than the expected one is an error. Comparing the decisions also keeps the
    /// compiler from removing the checks.
    fn turn<'a>(
        &'a self,
        names: &'a [SecretName],
        version: &'a VersionSelector,
        purpose: Purpose<'a>,
        expected: Option<DenyReason>,
    ) -> Turn<'a> {
        let shuffled = (0..CHECKS).filter_map(|number| names.get(number * STRIDE % names.len()));
        let secrets: Vec<_> = shuffled.collect();
        Box::new(move || {
            let mut as_expected = 0;
            let started = Instant::now();
            for secret in &secrets {
                let access = Access { secret, version, purpose, derived: false };
                as_expected += usize::from(match self.capability.check(black_box(&access), self.now) {
                    Decision::Allowed(_) => expected.is_none(),
                    Decision::Denied(reason) => expected == Some(reason),
                    Decision::Expired => false,
                });
            }
            let time = nanoseconds(started.elapsed());
            let checks = black_box(as_expected);
            if checks == CHECKS {
                Ok(time / checks as f64)
            } else {
                Err("a check returned an unexpected decision".into())
            }
        })
    }
}

fn names(stem: &str, count: usize) -> Result<Vec<SecretName>, Error> {
    (0..count).map(|number| Ok(format!("{stem}-{number}").parse()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grant_is_visited() {
        for size in SIZES {
            let visited: std::collections::BTreeSet<_> = (0..CHECKS).map(|number| number * STRIDE % size).collect();
            assert_eq!(visited.len(), size);
        }
    }

    #[test]
    fn unexpected_decision_is_an_error() {
        let task = GrantedTask::new(10, Instant::now()).unwrap();
        let turn = |expected| task.turn(&task.names, &VersionSelector::Current, Purpose::Sign, expected)();
        assert!(turn(None).is_ok());
        assert!(turn(Some(DenyReason::Operation)).is_err());
    }
}
