//! The capability check costs the same whatever a task was granted, and allocates nothing.
#![expect(unsafe_code, reason = "an allocator that counts has to be an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use far_core::capability::{Access, Capability, Decision, DenyReason, Grant, Placement, Purpose, Scope, Target};
use far_core::{SecretName, SkillDigest, Version, VersionSelector};

use crate::shared::{catalog, declared, entry, name, terms};

/// The system's allocator, counting for each thread how often it was asked for memory.
struct Counting;

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    ASKED.with(|asked| asked.set(asked.get() + 1));
}

// SAFETY: every call goes to the system's allocator as it came. The counter is a thread-local without destructor and
// with a constant start: reading it neither allocates nor fails, in no phase of a thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ASKED.get();
    work();
    ASKED.get() - before
}

const TERMS: &str = "seal,sign@https://api.example.com/v1";

/// A task with so many grants: `key-0`, `key-1`, … .
fn capability(grants: usize, now: Instant) -> Capability {
    let names: Vec<_> = (0..grants).map(|number| format!("key-{number}")).collect();
    let declared: Vec<_> = names.iter().map(|name| declared(name, terms(TERMS))).collect();
    let granted = names.iter().map(|text| Grant::new(name(text), terms(TERMS)));
    // The first one ends after a second.
    let lengths = std::iter::once(Duration::from_secs(1)).chain(std::iter::repeat(Duration::MAX));
    let granted: Vec<_> = granted.zip(lengths).map(|(grant, length)| grant.with_expiry(length)).collect();
    let catalog = catalog(names.iter().map(|name| entry(name, Scope::Task, terms(TERMS))));
    Capability::new(&declared, &granted, &catalog, &SkillDigest::of(b"skill"), now).unwrap()
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(black_box(Box::new(1)))), 1);
    assert_eq!(allocations(|| assert_eq!(black_box(1), 1)), 0);
}

#[test]
fn a_check_allocates_nothing_whatever_its_answer() {
    let now = Instant::now();
    let (inside, outside) = ("https://api.example.com/v1/a", "https://api.example.com/v2");
    let (inside, outside) = (Target::new("GET", inside).unwrap(), Target::new("GET", outside).unwrap());
    let (current, seventh) = (VersionSelector::Current, VersionSelector::Exactly(Version::parse("7").unwrap()));
    let (known, ended, unknown) = (name("key-5"), name("key-0"), name("nobodys"));
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

/// A few names, so many grants apart.
fn names(stem: &str, apart: usize) -> Vec<SecretName> {
    (1..9).map(|number| name(&format!("{stem}-{}", number * apart))).collect()
}

/// The time that checks of these secrets take, one after the other.
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

/// The best of many rounds, in which all take turns: what a busy machine adds, it adds to some rounds of each.
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
fn a_check_takes_as_long_with_ten_thousand_grants_as_with_ten() {
    let now = Instant::now();
    let (few, many) = (capability(10, now), capability(10_000, now));
    let (few_names, many_names) = (names("key", 1), names("key", 1_111));
    let strangers = names("nobodys", 1);
    let [granted_few, granted_many, denied_few, denied_many] = best([
        Box::new(|| time(&few, &few_names, Purpose::Sign, now)),
        Box::new(|| time(&many, &many_names, Purpose::Sign, now)),
        Box::new(|| time(&few, &strangers, Purpose::Sign, now)),
        Box::new(|| time(&many, &strangers, Purpose::Sign, now)),
    ]);
    assert!(granted_many < granted_few * 5, "granted: {granted_few:?} with 10, {granted_many:?} with 10,000");
    assert!(denied_many < denied_few * 5, "denied: {denied_few:?} with 10, {denied_many:?} with 10,000");
}

#[test]
fn a_denial_is_no_dearer_than_a_grant() {
    let now = Instant::now();
    let capability = capability(10_000, now);
    let (names, strangers) = (names("key", 1_111), names("nobodys", 1));
    let inside = Target::new("GET", "https://api.example.com/v1/a").unwrap();
    let outside = Target::new("GET", "https://api.example.com/v2").unwrap();
    let [granted, undeclared, operation, sealed, elsewhere] = best([
        Box::new(|| time(&capability, &names, Purpose::Sign, now)),
        Box::new(|| time(&capability, &strangers, Purpose::Sign, now)),
        Box::new(|| time(&capability, &names, Purpose::Reveal, now)),
        Box::new(|| time(&capability, &names, Purpose::Seal(&inside, Some(&Placement::Authorization)), now)),
        Box::new(|| time(&capability, &names, Purpose::Seal(&outside, Some(&Placement::Authorization)), now)),
    ]);
    assert!(undeclared <= granted * 3, "granted {granted:?}, undeclared {undeclared:?}");
    assert!(operation <= granted * 3, "granted {granted:?}, without the operation {operation:?}");
    assert!(elsewhere <= sealed * 3, "granted {sealed:?}, elsewhere {elsewhere:?}");
}
