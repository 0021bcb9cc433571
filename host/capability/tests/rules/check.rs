//! A task may use a secret if and only if it is declared, granted and permitted.

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

/// A decision without its permit.
#[derive(Debug, PartialEq)]
enum Answer {
    Allowed,
    Expired,
    Denied(DenyReason),
}
use Answer::{Allowed, Denied, Expired};

struct Fixture(Capability, Instant);

impl Fixture {
    fn new(declared: &[DeclaredSecret], grants: &[Grant], catalog: &Arc<Catalog>) -> Self {
        let now = Instant::now();
        Self(Capability::new(declared, grants, catalog, &SkillDigest::of(b"skill"), now).unwrap(), now)
    }

    /// Joins one secret, `key`, by its declared, granted and permitted terms.
    fn of(declares: &str, grants: Grant, permits: &str) -> Self {
        let catalog = catalog([entry("key", Scope::Task, terms(permits))]);
        Self::new(&[declared("key", terms(declares))], &[grants], &catalog)
    }

    fn check_at(&self, secret: &str, version: &VersionSelector, purpose: Purpose<'_>, after: Duration) -> Answer {
        match self.0.check(&Access { secret: &name(secret), version, purpose, derived: false }, self.1 + after) {
            Decision::Allowed(_) => Allowed,
            Decision::Expired => Expired,
            Decision::Denied(reason) => Denied(reason),
        }
    }

    fn check(&self, secret: &str, purpose: Purpose<'_>) -> Answer {
        self.check_at(secret, &VersionSelector::Current, purpose, Duration::ZERO)
    }

    fn check_version(&self, version: &str) -> Answer {
        let version = VersionSelector::Exactly(Version::parse(version).unwrap());
        self.check_at("key", &version, Purpose::Get, Duration::ZERO)
    }
}

fn purposes(target: &Target) -> [Purpose<'_>; 4] {
    [Purpose::Seal(target, Some(&Placement::Authorization)), Purpose::Sign, Purpose::Reveal, Purpose::Refresh]
}

#[test]
fn secret_needs_declaration_grant_and_permission() {
    let all = || terms(EVERYTHING);
    let granted = |secret: &str| Grant::new(name(secret), all());
    let joined = Fixture::new(
        &[declared("all", all()), declared("ungranted", all()), declared("unpermitted", all())],
        &[granted("all"), granted("undeclared"), granted("unpermitted")],
        &catalog(["all", "undeclared", "ungranted"].map(|secret| entry(secret, Scope::Task, all()))),
    );
    let target = Target::new("GET", "https://api.example.com/").unwrap();
    for purpose in purposes(&target).into_iter().chain([Purpose::Get]) {
        assert_eq!(joined.check("all", purpose), Allowed, "{purpose:?}");
        assert_eq!(joined.check("undeclared", purpose), Denied(DenyReason::Undeclared), "{purpose:?}");
        assert_eq!(joined.check("unknown", purpose), Denied(DenyReason::Undeclared), "{purpose:?}");
        assert_eq!(joined.check("ungranted", purpose), Denied(DenyReason::Ungranted), "{purpose:?}");
        assert_eq!(joined.check("unpermitted", purpose), Denied(DenyReason::NotPermitted), "{purpose:?}");
    }
}

#[test]
fn operation_missing_in_one_is_denied() {
    let (both, one) = ("sign,reveal", "sign");
    for (declares, grants, permits) in [(one, both, both), (both, one, both), (both, both, one)] {
        let joined = Fixture::of(declares, grant(&format!("key:{grants}")), permits);
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
fn handle_requires_common_operation() {
    let joined = Fixture::of("sign,reveal", grant("key:sign,refresh"), "reveal,refresh");
    assert_eq!(joined.check("key", Purpose::Get), Denied(DenyReason::Operation));
    assert_eq!(joined.0.permits().count(), 0, "a secret without an operation is not listed");
}

#[test]
fn destination_must_be_covered_by_all() {
    let (wide, narrow) = ("seal@https://*.example.com", "seal@https://api.example.com/v1");
    let inside = Target::new("GET", "https://api.example.com/v1/user").unwrap();
    let outside = Target::new("GET", "https://api.example.com/v2").unwrap();
    for (declares, grants, permits) in [(narrow, wide, wide), (wide, narrow, wide), (wide, wide, narrow)] {
        let joined = Fixture::of(declares, grant(&format!("key:{grants}")), permits);
        assert_eq!(joined.check("key", Purpose::Seal(&inside, Some(&Placement::Authorization))), Allowed);
        let answer = joined.check("key", Purpose::Seal(&outside, Some(&Placement::Authorization)));
        assert_eq!(answer, Denied(DenyReason::Destination), "{declares} {grants} {permits}");
    }
}

#[test]
fn entry_permits_listed_skills_only() {
    let skills = |skills: Option<&[&[u8]]>| {
        let (name, entry) = entry("key", Scope::Task, terms("sign"));
        let skills = skills.map(|skills| skills.iter().map(|skill| SkillDigest::of(skill)).collect::<Vec<_>>());
        let catalog = catalog([(name, entry.with_skills(skills))]);
        Fixture::new(&[declared("key", terms("sign"))], &[grant("key:sign")], &catalog).check("key", Purpose::Sign)
    };
    assert_eq!(skills(None), Allowed);
    assert_eq!(skills(Some(&[b"other", b"skill"])), Allowed);
    assert_eq!(skills(Some(&[b"other"])), Denied(DenyReason::NotPermitted));
    assert_eq!(skills(Some(&[])), Denied(DenyReason::NotPermitted));
}

#[test]
fn version_must_be_covered_by_grant() {
    let with = |rule| Fixture::of("sign", grant("key:sign").with_versions(rule), "sign");
    let seven = || vec![Version::parse("7").unwrap()];
    for (rule, seventh, eighth) in [
        (VersionRule::Current, Denied(DenyReason::Version), Denied(DenyReason::Version)),
        (VersionRule::Listed(seven()), Allowed, Denied(DenyReason::Version)),
        (VersionRule::Any, Allowed, Allowed),
    ] {
        let joined = with(rule);
        assert_eq!(joined.check("key", Purpose::Get), Allowed, "the current version");
        assert_eq!(joined.check_version("7"), seventh);
        assert_eq!(joined.check_version("8"), eighth);
    }
    let joined = Fixture::of("sign", grant("key:sign"), "sign");
    assert_eq!(
        joined.check_version("7"),
        Denied(DenyReason::Version),
        "a grant covers only the current version by default"
    );
}

#[test]
fn ended_grant_is_expired_not_denied() {
    let second = Duration::from_secs(1);
    let joined = Fixture::of("sign,reveal", grant("key:sign").with_expiry(second), "sign,reveal");
    let check_after = |purpose, after| joined.check_at("key", &VersionSelector::Current, purpose, after);
    for purpose in [Purpose::Get, Purpose::Sign] {
        assert_eq!(check_after(purpose, second - Duration::from_nanos(1)), Allowed);
        assert_eq!(check_after(purpose, second), Expired);
        assert_eq!(check_after(purpose, second * 1000), Expired, "the expiry is final");
    }
    assert_eq!(check_after(Purpose::Reveal, second), Denied(DenyReason::Operation), "a denial precedes the expiry");
}

#[test]
fn grant_without_representable_end_never_expires() {
    let year = Duration::from_secs(366 * 24 * 60 * 60);
    for grant in [grant("key:sign"), grant("key:sign").with_expiry(Duration::MAX)] {
        let joined = Fixture::of("sign", grant, "sign");
        assert_eq!(joined.check_at("key", &VersionSelector::Current, Purpose::Sign, year), Allowed);
    }
}

#[test]
fn two_grants_of_secret_are_rejected() {
    let declared = [declared("key", terms("sign"))];
    let catalog = catalog([entry("key", Scope::Task, terms("sign"))]);
    for second in ["key:sign", "key:reveal"] {
        let grants = [grant("key:sign"), grant("other:sign"), grant(second)];
        let joined = Capability::new(&declared, &grants, &catalog, &SkillDigest::of(b"skill"), Instant::now());
        assert_eq!(joined.err(), Some(CapabilityError::AmbiguousGrant(name("key"))), "{second}");
    }
}

#[test]
fn catalog_rejects_duplicates_and_zero_ttl() {
    let (name, key) = entry("key", Scope::Task, terms("sign"));
    let mut catalog = Catalog::new();
    let never = key.clone().with_ttl(Duration::ZERO);
    assert_eq!(catalog.insert(name.clone(), never), Err(CatalogError::ZeroTtl(name.clone())));
    catalog.insert(name.clone(), key.clone()).unwrap();
    let wider = CatalogEntry::new(key.provider, key.reference, terms(EVERYTHING));
    assert_eq!(catalog.insert(name.clone(), wider), Err(CatalogError::Duplicate(name.clone())));
    assert_eq!(catalog.get(&name).unwrap().terms, terms("sign"), "the first entry stays");
}

#[test]
fn catalog_of_grants_permits_granted_secrets() {
    let grants = [grant("key:sign")];
    let catalog = Arc::new(Catalog::of_grants(&grants, &"memory".parse().unwrap()).unwrap());
    let requested = ["key", "other"].map(|secret| declared(secret, terms("sign,reveal")));
    let joined = Fixture::new(&requested, &[grant("key:sign,reveal"), grant("other:sign")], &catalog);
    assert_eq!(joined.check("key", Purpose::Sign), Allowed);
    assert_eq!(joined.check("key", Purpose::Reveal), Denied(DenyReason::Operation));
    assert_eq!(joined.check("other", Purpose::Sign), Denied(DenyReason::NotPermitted));
}

#[test]
fn gaps_cover_required_secrets_and_operations() {
    let optional = |secret: DeclaredSecret| DeclaredSecret { optional: true, ..secret };
    let both = || terms("sign,reveal");
    let requested = [
        declared("whole", both()),
        declared("ungranted", both()),
        optional(declared("wish", both())),
        declared("unpermitted", both()),
        declared("half", both()),
        optional(declared("half-a-wish", both())),
    ];
    let grants = ["whole:sign,reveal", "unpermitted:sign,reveal", "half:sign,refresh", "half-a-wish:sign"].map(grant);
    let names = ["whole", "ungranted", "wish", "half", "half-a-wish"];
    let joined =
        Fixture::new(&requested, &grants, &catalog(names.map(|name| entry(name, Scope::Task, terms(EVERYTHING)))));
    let gap = |secret, reason| Gap { secret: name(secret), operations: both().operations(), reason };
    let expected = [
        gap("ungranted", DenyReason::Ungranted),
        gap("unpermitted", DenyReason::NotPermitted),
        gap("half", DenyReason::Operation),
    ];
    assert_eq!(joined.0.gaps(&requested).collect::<Vec<_>>(), expected);
    let unknown = [declared("unknown", both())];
    assert_eq!(joined.0.gaps(&unknown).collect::<Vec<_>>(), [gap("unknown", DenyReason::Undeclared)]);
}

#[test]
fn declared_and_permitted_names_are_listed() {
    let catalog = catalog([entry("permitted", Scope::Task, terms("sign"))]);
    let joined = Fixture::new(&[declared("declared", terms("sign"))], &[grant("granted:sign")], &catalog);
    for (secret, listed) in [("declared", true), ("permitted", true), ("granted", false), ("guests", false)] {
        assert_eq!(joined.0.is_listed(&name(secret)), listed, "{secret}");
    }
}

/// Generates one operation or more.
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

fn join(declares: Operations, grants: Operations, permits: Operations) -> Fixture {
    let catalog = catalog([entry("key", Scope::Task, everywhere(permits))]);
    Fixture::new(&[declared("key", everywhere(declares))], &[Grant::new(name("key"), everywhere(grants))], &catalog)
}

proptest! {
    #[test]
    fn capability_is_intersection_of_operations(
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
    fn narrowing_never_allows_more(
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
    fn intersection_has_common_operations(one in any_operations(), other in any_operations()) {
        let both = one.intersection(other);
        prop_assert!(one.contains_all(both) && other.contains_all(both));
        for operation in Operation::ALL {
            prop_assert_eq!(both.contains(operation), one.contains(operation) && other.contains(operation));
        }
    }
}

#[test]
fn default_ttl_is_one_hour() {
    assert_eq!(CatalogEntry::DEFAULT_TTL, Duration::from_secs(3600));
}
