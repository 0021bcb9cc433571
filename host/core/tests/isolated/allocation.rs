//! The capability check takes constant time for any number of grants, and does not allocate.
#![expect(unsafe_code, reason = "a counting allocator implements an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use far_core::capability::{Access, Capability, Decision, DenyReason, Grant, Placement, Purpose, Scope, Target};
use far_core::{SecretName, SkillDigest, Version, VersionSelector};

use crate::shared::{catalog, declared, entry, name, terms};

/// The system allocator, with a count of allocations for each thread.
struct CountingAllocator;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.with(|count| count.set(count.get() + 1));
}

// SAFETY: every call is forwarded unchanged to the system allocator. The counter is a thread-local
// with a constant initializer and without a destructor, so access never allocates or fails.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller upholds the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller upholds the contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller upholds the contract.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller upholds the contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

const TERMS: &str = "seal,sign@https://api.example.com/v1";

/// Returns the capability of a task with grants for `key-0`, `key-1`, ….
/// The first grant expires after a second.
fn capability(grants: usize, now: Instant) -> Capability {
    let names: Vec<_> = (0..grants).map(|number| format!("key-{number}")).collect();
    let declared: Vec<_> = names.iter().map(|name| declared(name, terms(TERMS))).collect();
    let granted = names.iter().map(|text| Grant::new(name(text), terms(TERMS)));
    let lengths = std::iter::once(Duration::from_secs(1)).chain(std::iter::repeat(Duration::MAX));
    let granted: Vec<_> = granted.zip(lengths).map(|(grant, length)| grant.with_expiry(length)).collect();
    let catalog = catalog(names.iter().map(|name| entry(name, Scope::Task, terms(TERMS))));
    Capability::new(&declared, &granted, &catalog, &SkillDigest::of(b"skill"), now).unwrap()
}

#[test]
fn allocations_are_counted() {
    assert_eq!(allocations(|| drop(black_box(Box::new(1)))), 1);
    assert_eq!(allocations(|| assert_eq!(black_box(1), 1)), 0);
}

#[test]
fn check_never_allocates() {
    let now = Instant::now();
    let (inside, outside) = ("https://api.example.com/v1/a", "https://api.example.com/v2");
    let (inside, outside) = (Target::new("GET", inside).unwrap(), Target::new("GET", outside).unwrap());
    let (current, seventh) = (VersionSelector::Current, VersionSelector::Exactly(Version::parse("7").unwrap()));
    let (known, ended, unknown) = (name("key-5"), name("key-0"), name("unknown"));
    for grants in [10, 1_000, 10_000] {
        let capability = capability(grants, now);
        let check = |secret, version, purpose| {
            let mut answer = None;
            let later = now + Duration::from_secs(2);
            let access = Access { secret, version, purpose, derived: false };
            let count = allocations(|| answer = Some(capability.check(black_box(&access), later)));
            assert_eq!(count, 0, "{grants} grants, {access:?}");
            answer.unwrap()
        };
        for purpose in [Purpose::Get, Purpose::Sign, Purpose::Seal(&inside, Some(&Placement::Authorization))] {
            assert!(matches!(check(&known, &current, purpose), Decision::Allowed(_)));
            assert!(matches!(check(&ended, &current, purpose), Decision::Expired));
            assert!(matches!(check(&unknown, &current, purpose), Decision::Denied(DenyReason::Undeclared)));
            assert!(matches!(check(&known, &seventh, purpose), Decision::Denied(DenyReason::Version)));
        }
        let denied = check(&known, &current, Purpose::Reveal);
        assert!(matches!(denied, Decision::Denied(DenyReason::Operation)));
        let denied = check(&known, &current, Purpose::Seal(&outside, Some(&Placement::Authorization)));
        assert!(matches!(denied, Decision::Denied(DenyReason::Destination)));
    }
}

/// Returns 8 names, `step` grants apart.
fn names(stem: &str, step: usize) -> Vec<SecretName> {
    (1..9).map(|number| name(&format!("{stem}-{}", number * step))).collect()
}

/// Measures checks of these secrets.
fn time(capability: &Capability, secrets: &[SecretName], purpose: Purpose<'_>, now: Instant) -> Duration {
    let started = Instant::now();
    for _ in 0..500 {
        for secret in secrets {
            let access = Access { secret, version: &VersionSelector::Current, purpose, derived: false };
            black_box(capability.check(black_box(&access), now));
        }
    }
    started.elapsed()
}

/// Returns the minimum over many interleaved rounds, which excludes delays of a busy machine.
fn best<const N: usize>(mut timed: [Box<dyn FnMut() -> Duration + '_>; N]) -> [Duration; N] {
    let mut best = [Duration::MAX; N];
    for _ in 0..60 {
        for (best, time) in best.iter_mut().zip(&mut timed) {
            *best = time().min(*best);
        }
    }
    best
}

#[test]
fn check_time_is_independent_of_grants() {
    let now = Instant::now();
    let (few, many) = (capability(10, now), capability(10_000, now));
    let (few_names, many_names) = (names("key", 1), names("key", 1_111));
    let unknown = names("unknown", 1);
    let [granted_few, granted_many, denied_few, denied_many] = best([
        Box::new(|| time(&few, &few_names, Purpose::Sign, now)),
        Box::new(|| time(&many, &many_names, Purpose::Sign, now)),
        Box::new(|| time(&few, &unknown, Purpose::Sign, now)),
        Box::new(|| time(&many, &unknown, Purpose::Sign, now)),
    ]);
    assert!(granted_many < granted_few * 5, "granted: {granted_few:?} with 10, {granted_many:?} with 10,000");
    assert!(denied_many < denied_few * 5, "denied: {denied_few:?} with 10, {denied_many:?} with 10,000");
}

#[test]
fn denial_is_as_fast_as_grant() {
    let now = Instant::now();
    let capability = capability(10_000, now);
    let (names, unknown) = (names("key", 1_111), names("unknown", 1));
    let inside = Target::new("GET", "https://api.example.com/v1/a").unwrap();
    let outside = Target::new("GET", "https://api.example.com/v2").unwrap();
    let [granted, undeclared, operation, sealed, elsewhere] = best([
        Box::new(|| time(&capability, &names, Purpose::Sign, now)),
        Box::new(|| time(&capability, &unknown, Purpose::Sign, now)),
        Box::new(|| time(&capability, &names, Purpose::Reveal, now)),
        Box::new(|| time(&capability, &names, Purpose::Seal(&inside, Some(&Placement::Authorization)), now)),
        Box::new(|| time(&capability, &names, Purpose::Seal(&outside, Some(&Placement::Authorization)), now)),
    ]);
    assert!(undeclared <= granted * 3, "granted {granted:?}, undeclared {undeclared:?}");
    assert!(operation <= granted * 3, "granted {granted:?}, without the operation {operation:?}");
    assert!(elsewhere <= sealed * 3, "granted {sealed:?}, elsewhere {elsewhere:?}");
}
