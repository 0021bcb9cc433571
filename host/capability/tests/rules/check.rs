//! What a task may use is what is declared, granted and permitted: all three, and nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use far_capability::{
    Access, Capability, CapabilityError, Catalog, CatalogEntry, CatalogError, Decision, DeclaredSecret, DenyReason,
    Gap, Grant, Operation, Operations, Placement, Purpose, Scope, SkillDigest, Target, Terms, Version, VersionRule,
    VersionSelector,
};
use proptest::prelude::*;
use proptest::sample::subsequence;

use crate::shared::{catalog, declared, entry, grant, name, terms};

const EVERYTHING: &str = "seal,sign,reveal,refresh@https://api.example.com";

/// What a check came to, without the permit.
#[derive(Debug, PartialEq)]
enum Answer {
    Allowed,
    Expired,
    Denied(DenyReason),
}
use Answer::{Allowed, Denied, Expired};

struct Joined(Capability, Instant);

impl Joined {
    fn new(declared: &[DeclaredSecret], grants: &[Grant], catalog: &Arc<Catalog>) -> Self {
        let now = Instant::now();
        Self(Capability::new(declared, grants, catalog, &SkillDigest::of(b"skill"), now).unwrap(), now)
    }

    /// One secret, `key`, on these terms of the author, the scheduler and the operator.
    fn of(declares: &str, grants: Grant, permits: &str) -> Self {
        let catalog = catalog([entry("key", Scope::Task, terms(permits))]);
        Self::new(&[declared("key", terms(declares))], &[grants], &catalog)
    }

    fn ask(&self, secret: &str, version: &VersionSelector, purpose: Purpose<'_>, after: Duration) -> Answer {
        match self.0.check(&Access { secret: &name(secret), version, purpose, derived: false }, self.1 + after) {
            Decision::Allowed(_) => Allowed,
            Decision::Expired => Expired,
            Decision::Denied(reason) => Denied(reason),
        }
    }

    fn check(&self, secret: &str, purpose: Purpose<'_>) -> Answer {
        self.ask(secret, &VersionSelector::Current, purpose, Duration::ZERO)
    }

    fn check_version(&self, version: &str) -> Answer {
        let version = VersionSelector::Exactly(Version::parse(version).unwrap());
        self.ask("key", &version, Purpose::Get, Duration::ZERO)
    }
}

fn purposes(target: &Target) -> [Purpose<'_>; 4] {
    [Purpose::Seal(target, Some(&Placement::Authorization)), Purpose::Sign, Purpose::Reveal, Purpose::Refresh]
}

#[test]
fn a_secret_is_declared_and_granted_and_permitted() {
    let all = || terms(EVERYTHING);
    let granted = |secret: &str| Grant::new(name(secret), all());
    let joined = Joined::new(
        &[declared("all", all()), declared("ungranted", all()), declared("unpermitted", all())],
        &[granted("all"), granted("undeclared"), granted("unpermitted")],
        &catalog(["all", "undeclared", "ungranted"].map(|secret| entry(secret, Scope::Task, all()))),
    );
    let target = Target::new("GET", "https://api.example.com/").unwrap();
    for purpose in purposes(&target).into_iter().chain([Purpose::Get]) {
        assert_eq!(joined.check("all", purpose), Allowed, "{purpose:?}");
        assert_eq!(joined.check("undeclared", purpose), Denied(DenyReason::Undeclared), "{purpose:?}");
        assert_eq!(joined.check("nobodys", purpose), Denied(DenyReason::Undeclared), "{purpose:?}");
        assert_eq!(joined.check("ungranted", purpose), Denied(DenyReason::Ungranted), "{purpose:?}");
        assert_eq!(joined.check("unpermitted", purpose), Denied(DenyReason::NotPermitted), "{purpose:?}");
    }
}

#[test]
fn an_operation_that_one_of_the_three_lacks_is_denied() {
    let (both, one) = ("sign,reveal", "sign");
    for (declares, grants, permits) in [(one, both, both), (both, one, both), (both, both, one)] {
        let joined = Joined::of(declares, grant(&format!("key:{grants}")), permits);
        assert_eq!(joined.check("key", Purpose::Sign), Allowed);
        assert_eq!(joined.check("key", Purpose::Get), Allowed);
        assert_eq!(
            joined.check("key", Purpose::Reveal),
            Denied(DenyReason::Operation),
            "{declares} {grants} {permits}"
        );
    }
}

#[test]
fn a_handle_needs_an_operation_that_all_three_have() {
    let joined = Joined::of("sign,reveal", grant("key:sign,refresh"), "reveal,refresh");
    assert_eq!(joined.check("key", Purpose::Get), Denied(DenyReason::Operation));
    assert_eq!(joined.0.permits().count(), 0, "nothing may be done, so nothing is listed");
}

#[test]
fn a_destination_is_covered_by_each_of_the_three() {
    let (wide, narrow) = ("seal@https://*.example.com", "seal@https://api.example.com/v1");
    let inside = Target::new("GET", "https://api.example.com/v1/user").unwrap();
    let outside = Target::new("GET", "https://api.example.com/v2").unwrap();
    for (declares, grants, permits) in [(narrow, wide, wide), (wide, narrow, wide), (wide, wide, narrow)] {
        let joined = Joined::of(declares, grant(&format!("key:{grants}")), permits);
        assert_eq!(joined.check("key", Purpose::Seal(&inside, Some(&Placement::Authorization))), Allowed);
        let answer = joined.check("key", Purpose::Seal(&outside, Some(&Placement::Authorization)));
        assert_eq!(answer, Denied(DenyReason::Destination), "{declares} {grants} {permits}");
    }
}

#[test]
fn a_secret_kept_for_some_skills_is_permitted_to_no_other() {
    let skills = |skills: Option<&[&[u8]]>| {
        let (name, entry) = entry("key", Scope::Task, terms("sign"));
        let skills = skills.map(|skills| skills.iter().map(|skill| SkillDigest::of(skill)).collect::<Vec<_>>());
        let catalog = catalog([(name, entry.with_skills(skills))]);
        Joined::new(&[declared("key", terms("sign"))], &[grant("key:sign")], &catalog).check("key", Purpose::Sign)
    };
    assert_eq!(skills(None), Allowed);
    assert_eq!(skills(Some(&[b"other", b"skill"])), Allowed);
    assert_eq!(skills(Some(&[b"other"])), Denied(DenyReason::NotPermitted));
    assert_eq!(skills(Some(&[])), Denied(DenyReason::NotPermitted));
}

#[test]
fn a_version_is_one_that_the_grant_covers() {
    let with = |rule| Joined::of("sign", grant("key:sign").with_versions(rule), "sign");
    let seven = || vec![Version::parse("7").unwrap()];
    for (rule, seventh, eighth) in [
        (VersionRule::Current, Denied(DenyReason::Version), Denied(DenyReason::Version)),
        (VersionRule::Listed(seven()), Allowed, Denied(DenyReason::Version)),
        (VersionRule::Any, Allowed, Allowed),
    ] {
        let joined = with(rule);
        assert_eq!(joined.check("key", Purpose::Get), Allowed, "the current one");
        assert_eq!(joined.check_version("7"), seventh);
        assert_eq!(joined.check_version("8"), eighth);
    }
    let joined = Joined::of("sign", grant("key:sign"), "sign");
    assert_eq!(joined.check_version("7"), Denied(DenyReason::Version), "a grant is for the current one by itself");
}

#[test]
fn a_grant_that_ended_is_expired_and_no_denial() {
    let second = Duration::from_secs(1);
    let joined = Joined::of("sign,reveal", grant("key:sign").with_expiry(second), "sign,reveal");
    let ask = |purpose, after| joined.ask("key", &VersionSelector::Current, purpose, after);
    for purpose in [Purpose::Get, Purpose::Sign] {
        assert_eq!(ask(purpose, second - Duration::from_nanos(1)), Allowed);
        assert_eq!(ask(purpose, second), Expired);
        assert_eq!(ask(purpose, second * 1000), Expired, "it does not come back");
    }
    assert_eq!(ask(Purpose::Reveal, second), Denied(DenyReason::Operation), "a denial stays one");
}

#[test]
fn a_grant_without_an_end_that_can_be_told_has_none() {
    let year = Duration::from_secs(366 * 24 * 60 * 60);
    for grant in [grant("key:sign"), grant("key:sign").with_expiry(Duration::MAX)] {
        let joined = Joined::of("sign", grant, "sign");
        assert_eq!(joined.ask("key", &VersionSelector::Current, Purpose::Sign, year), Allowed);
    }
}

#[test]
fn two_grants_of_one_secret_are_refused() {
    let declared = [declared("key", terms("sign"))];
    let catalog = catalog([entry("key", Scope::Task, terms("sign"))]);
    for second in ["key:sign", "key:reveal"] {
        let grants = [grant("key:sign"), grant("other:sign"), grant(second)];
        let joined = Capability::new(&declared, &grants, &catalog, &SkillDigest::of(b"skill"), Instant::now());
        assert_eq!(joined.err(), Some(CapabilityError::AmbiguousGrant(name("key"))), "{second}");
    }
}

#[test]
fn a_catalog_has_a_secret_once_and_not_for_no_time() {
    let (name, key) = entry("key", Scope::Task, terms("sign"));
    let mut catalog = Catalog::new();
    let never = key.clone().with_ttl(Duration::ZERO);
    assert_eq!(catalog.insert(name.clone(), never), Err(CatalogError::NoTime(name.clone())));
    catalog.insert(name.clone(), key.clone()).unwrap();
    let wider = CatalogEntry::new(key.provider, key.reference, terms(EVERYTHING));
    assert_eq!(catalog.insert(name.clone(), wider), Err(CatalogError::Twice(name.clone())));
    assert_eq!(catalog.get(&name).unwrap().terms, terms("sign"), "the first stays");
}

#[test]
fn a_catalog_of_grants_permits_what_they_grant() {
    let grants = [grant("key:sign")];
    let catalog = Arc::new(Catalog::of_grants(&grants, &"memory".parse().unwrap()).unwrap());
    let wishes = ["key", "other"].map(|secret| declared(secret, terms("sign,reveal")));
    let joined = Joined::new(&wishes, &[grant("key:sign,reveal"), grant("other:sign")], &catalog);
    assert_eq!(joined.check("key", Purpose::Sign), Allowed);
    assert_eq!(joined.check("key", Purpose::Reveal), Denied(DenyReason::Operation));
    assert_eq!(joined.check("other", Purpose::Sign), Denied(DenyReason::NotPermitted));
}

#[test]
fn gaps_are_of_required_secrets_and_include_a_lacking_operation() {
    let optional = |secret: DeclaredSecret| DeclaredSecret { optional: true, ..secret };
    let both = || terms("sign,reveal");
    let wishes = [
        declared("whole", both()),
        declared("ungranted", both()),
        optional(declared("wish", both())),
        declared("unpermitted", both()),
        declared("half", both()),
        optional(declared("half-a-wish", both())),
    ];
    let grants = ["whole:sign,reveal", "unpermitted:sign,reveal", "half:sign,refresh", "half-a-wish:sign"].map(grant);
    let names = ["whole", "ungranted", "wish", "half", "half-a-wish"];
    let joined = Joined::new(&wishes, &grants, &catalog(names.map(|name| entry(name, Scope::Task, terms(EVERYTHING)))));
    let gap = |secret, reason| Gap { secret: name(secret), operations: both().operations(), reason };
    let expected = [
        gap("ungranted", DenyReason::Ungranted),
        gap("unpermitted", DenyReason::NotPermitted),
        gap("half", DenyReason::Operation),
    ];
    assert_eq!(joined.0.gaps(&wishes).collect::<Vec<_>>(), expected);
    let stranger = [declared("stranger", both())];
    assert_eq!(joined.0.gaps(&stranger).collect::<Vec<_>>(), [gap("stranger", DenyReason::Undeclared)]);
}

#[test]
fn a_name_is_listed_if_the_author_or_the_operator_wrote_it() {
    let catalog = catalog([entry("permitted", Scope::Task, terms("sign"))]);
    let joined = Joined::new(&[declared("declared", terms("sign"))], &[grant("granted:sign")], &catalog);
    for (secret, listed) in [("declared", true), ("permitted", true), ("granted", false), ("guests", false)] {
        assert_eq!(joined.0.lists(&name(secret)), listed, "{secret}");
    }
}

/// Any operations, at least one.
fn some_operations() -> impl Strategy<Value = Operations> {
    subsequence(&Operation::ALL, 1..=4).prop_map(Operations::from_iter)
}

fn any_operations() -> impl Strategy<Value = Operations> {
    subsequence(&Operation::ALL, 0..=4).prop_map(Operations::from_iter)
}

fn everywhere(operations: Operations) -> Terms {
    let seals = operations.contains(Operation::Seal);
    Terms::new(operations, seals.then(|| "https://api.example.com".parse().unwrap()).into_iter().collect()).unwrap()
}

fn join(declares: Operations, grants: Operations, permits: Operations) -> Joined {
    let catalog = catalog([entry("key", Scope::Task, everywhere(permits))]);
    Joined::new(&[declared("key", everywhere(declares))], &[Grant::new(name("key"), everywhere(grants))], &catalog)
}

proptest! {
    #[test]
    fn nothing_is_allowed_that_one_of_the_three_lacks_and_all_else_is(
        three in [some_operations(), some_operations(), some_operations()],
    ) {
        let joined = join(three[0], three[1], three[2]);
        let target = Target::new("GET", "https://api.example.com/").unwrap();
        let mut any = false;
        for purpose in purposes(&target) {
            let all_have = three.iter().all(|operations| operations.contains(purpose.operation().unwrap()));
            let expected = if all_have { Allowed } else { Denied(DenyReason::Operation) };
            prop_assert_eq!(joined.check("key", purpose), expected);
            any |= all_have;
        }
        prop_assert_eq!(joined.check("key", Purpose::Get) == Allowed, any);
        prop_assert_eq!(joined.0.permits().count(), usize::from(any));
    }

    #[test]
    fn narrowing_one_of_the_three_allows_nothing_more(
        three in [some_operations(), some_operations(), some_operations()],
        narrower in some_operations(),
        which in 0_usize..3,
    ) {
        let mut narrowed = three;
        narrowed[which] = three[which].intersection(narrower);
        prop_assume!(!narrowed[which].is_empty());
        let before = join(three[0], three[1], three[2]);
        let after = join(narrowed[0], narrowed[1], narrowed[2]);
        let target = Target::new("GET", "https://api.example.com/").unwrap();
        for purpose in purposes(&target).into_iter().chain([Purpose::Get]) {
            prop_assert!(after.check("key", purpose) != Allowed || before.check("key", purpose) == Allowed);
        }
    }

    #[test]
    fn an_intersection_is_what_both_have(one in any_operations(), other in any_operations()) {
        let both = one.intersection(other);
        prop_assert!(one.contains_all(both) && other.contains_all(both));
        for operation in Operation::ALL {
            prop_assert_eq!(both.contains(operation), one.contains(operation) && other.contains(operation));
        }
    }
}

#[test]
fn a_value_is_kept_for_an_hour_unless_something_else_is_said() {
    assert_eq!(CatalogEntry::DEFAULT_TTL, Duration::from_secs(3600));
}
