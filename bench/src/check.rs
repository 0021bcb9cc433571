//! P1: what the capability check costs, alone.
//!
//! That it allocates nothing is not measured here but tested, in `host/core/tests/isolated/allocation.rs`.

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
/// How many checks a turn makes: each grant of the largest task once, and the others' as often as it takes.
const CHECKS: usize = 10_000;
/// How many rounds there are in place of one: turns this short are seldom interrupted, and enough of them are not.
const TIMES_ROUNDS: usize = 10;
/// Visits all of any of the sizes, in an order that no cache foresees.
const STRIDE: usize = 7_919;
const BELOW: f64 = 100.0;
/// A thousand times as many grants: other names collide, and other lines of a cache are used.
const FLAT: f64 = 1.25;
/// No dearer, within what two rounds of one thing differ by.
const NO_DEARER: f64 = 1.1;

pub(crate) fn rows(rounds: usize) -> Result<Vec<Row>, Error> {
    let now = Instant::now();
    let [ten, hundred, thousand, most] = SIZES.map(|grants| Granted::new(grants, now));
    let (ten, hundred, thousand, most) = (ten?, hundred?, thousand?, most?);
    let strangers = names("yek", CHECKS)?;
    let (inside, outside) = ("https://api.example.com/v1/a", "https://api.example.com/v2");
    let (inside, outside) = (Request::new("GET", inside)?, Request::new("GET", outside)?);
    let (current, seventh) = (VersionSelector::Current, VersionSelector::Exactly(Version::parse("7")?));
    let sign = Purpose::Sign;
    // Ten of the most, that lie apart: what is near a processor for ten grants is so for these.
    let few: Vec<_> = most.names.iter().step_by(CHECKS / ten.names.len()).cloned().collect();

    let [all_ten, all_hundred, all_thousand, all_most, some, sealed, undeclared, operation, version, destination] =
        alternate(
            rounds * TIMES_ROUNDS,
            [
                ten.turn(&ten.names, &current, sign, None),
                hundred.turn(&hundred.names, &current, sign, None),
                thousand.turn(&thousand.names, &current, sign, None),
                most.turn(&most.names, &current, sign, None),
                most.turn(&few, &current, sign, None),
                most.turn(&most.names, &current, Purpose::Seal(&inside, Some(&Placement::Authorization)), None),
                most.turn(&strangers, &current, sign, Some(DenyReason::Undeclared)),
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
    let row = |what: &str, ours: &Samples, target| {
        let (what, ours) = (format!("check, {what}"), ours.clone());
        Row { id: "P1", what, ours, floor: None, target }
    };
    let against = |row, name, floor: &Samples| Row { floor: Some((name, floor.clone())), ..row };
    let denied = |what, ours, name, floor| against(row(what, ours, Target::Ratio(NO_DEARER)), name, floor);
    Ok(vec![
        row("10 grants, all asked for", &all_ten, Target::Below(BELOW)),
        row("100 grants, all asked for", &all_hundred, Target::Below(BELOW)),
        row("1,000 grants, all asked for", &all_thousand, Target::Below(BELOW)),
        row("10,000 grants, all asked for", &all_most, Target::Below(BELOW)),
        against(row("10,000 grants, ten asked for", &some, Target::Ratio(FLAT)), "10 grants", &all_ten),
        denied("denied: undeclared", &undeclared, "a grant", &all_most),
        denied("denied: operation", &operation, "a grant", &all_most),
        denied("denied: version", &version, "a grant", &all_most),
        denied("denied: destination", &destination, "a grant to seal", &sealed),
    ])
}

/// A task with so many grants.
struct Granted {
    capability: Capability,
    names: Vec<SecretName>,
    now: Instant,
}

impl Granted {
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
                reason: "it is measured".to_owned(),
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

    /// Checks [`CHECKS`] times, over all the names. The answer is looked at: a check that says something else is an
    /// error, and one that nobody looks at might not be made.
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
            if checks == CHECKS { Ok(time / checks as f64) } else { Err("a check gave another answer".into()) }
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
    fn an_answer_that_is_not_expected_is_an_error() {
        let task = Granted::new(10, Instant::now()).unwrap();
        let turn = |expected| task.turn(&task.names, &VersionSelector::Current, Purpose::Sign, expected)();
        assert!(turn(None).is_ok());
        assert!(turn(Some(DenyReason::Operation)).is_err());
    }
}
