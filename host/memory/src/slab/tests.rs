use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;

use super::*;

/// One full chunk and a smaller one.
const BUDGET: usize = CHUNK + PAGES;

/// Creates slabs of both kinds, as far as the kernel supports them.
fn slabs(budget: usize) -> Vec<Slab> {
    let kinds = [Backing::MemfdSecret, Backing::Locked];
    let slabs: Vec<_> = kinds.into_iter().filter(|kind| Pages::map(*kind, PAGES).is_ok()).collect();
    assert!(slabs.contains(&Backing::Locked), "locked pages are unavailable");
    slabs.into_iter().map(|kind| Slab::new(kind, budget)).collect()
}

impl Slab {
    /// Returns the free granules that contain a nonzero byte, each with its chunk.
    fn dirty_granules(&self) -> Vec<(usize, usize)> {
        let state = self.state.lock();
        let mut found = Vec::new();
        for (index, chunk) in state.chunks.iter().enumerate() {
            for granule in (0..chunk.pages.len() / GRANULE).filter(|granule| chunk.bitmap.is_free(*granule)) {
                // SAFETY: the granule is in the chunk, and no slot takes it while the state is
                // locked.
                let bytes = unsafe {
                    slice::from_raw_parts(chunk.pages.start().add(granule * GRANULE).as_ptr().cast_const(), GRANULE)
                };
                if bytes.iter().any(|byte| *byte != 0) {
                    found.push((index, granule));
                }
            }
        }
        found
    }

    /// Writes into free memory.
    fn dirty(&self) {
        let state = self.state.lock();
        let chunk = &state.chunks[0];
        assert!(chunk.bitmap.is_free(40));
        // SAFETY: the granule is in the chunk, and no slot takes it while the state is locked.
        unsafe { chunk.pages.start().add(40 * GRANULE + 17).write(1) };
    }
}

fn filled(slab: &Slab, len: usize, byte: u8) -> Result<Slot<'_>, OutOfLockedMemory> {
    let mut slot = slab.allocate(len)?;
    assert_eq!(slot.bytes().len(), len);
    assert!(slot.bytes().iter().all(|byte| *byte == 0), "a new slot contains only zeros");
    assert_eq!(slot.start.as_ptr().addr() % if len == 0 { 1 } else { GRANULE }, 0);
    slot.bytes_mut().fill(byte);
    Ok(slot)
}

fn holds(slot: &Slot<'_>, byte: u8) -> bool {
    slot.bytes().iter().all(|other| *other == byte)
}

#[derive(Clone, Debug)]
enum Step {
    Allocate(usize),
    Free(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    let len = prop_oneof![4 => 0..200_usize, 2 => 200..9_000_usize, 1 => 9_000..=PAGES];
    prop_oneof![3 => len.prop_map(Step::Allocate), 2 => any::<prop::sample::Index>().prop_map(Step::Free)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn slots_are_zeroed_and_never_overlap(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        for slab in slabs(BUDGET) {
            let mut held: Vec<(Slot<'_>, u8)> = Vec::new();
            for (number, step) in steps.iter().enumerate() {
                let byte = u8::try_from(1 + number).unwrap();
                match step {
                    Step::Allocate(len) => held.extend(filled(&slab, *len, byte).ok().map(|slot| (slot, byte))),
                    Step::Free(which) if !held.is_empty() => drop(held.swap_remove(which.index(held.len()))),
                    Step::Free(_) => {}
                }
                prop_assert!(held.iter().all(|(slot, byte)| holds(slot, *byte)), "slots do not overlap");
                let usage = slab.usage();
                prop_assert!(usage.used <= usage.locked && usage.locked <= usage.budget);
                prop_assert_eq!(usage.used, held.iter().map(|(slot, _)| slot.footprint()).sum::<usize>());
            }
            drop(held);
            prop_assert_eq!(slab.usage().used, 0);
            prop_assert_eq!(slab.dirty_granules(), []);
        }
    }
}

#[test]
fn values_use_best_backing() {
    let has_secret = Pages::map(Backing::MemfdSecret, PAGES).is_ok();
    assert_eq!(backing(), if has_secret { Backing::MemfdSecret } else { Backing::Locked });
    let value = crate::SecretBytes::copy_of(b"value").unwrap();
    assert!(usage().used > 0 && usage().locked > 0);
    let mapping = mapping(value.expose());
    assert_eq!(mapping.contains("secretmem"), has_secret, "the kernel's name of such pages: {mapping}");
}

/// Returns the line of `/proc/self/maps` for the mapping of these bytes.
fn mapping(bytes: &[u8]) -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let number = |text: &str| usize::from_str_radix(text, 16).unwrap();
    let has = |line: &&str| {
        let (start, end) = line.split_once(' ').and_then(|(range, _)| range.split_once('-')).unwrap();
        (number(start)..number(end)).contains(&bytes.as_ptr().addr())
    };
    maps.lines().find(has).unwrap().to_owned()
}

#[test]
fn dirty_granule_is_detected() {
    for slab in slabs(BUDGET) {
        drop(filled(&slab, 1, 1));
        slab.dirty();
        assert_eq!(slab.dirty_granules(), [(0, 40)]);
    }
}

#[test]
fn freed_slot_is_wiped_alone() {
    for slab in slabs(BUDGET) {
        let [one, two, three] = [1, 2, 3].map(|byte| filled(&slab, 1_000, byte).unwrap());
        drop(two);
        assert_eq!(slab.dirty_granules(), []);
        assert!(holds(&one, 1) && holds(&three, 3));
        // A panic while a value is written leaves no bytes behind.
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _slot = filled(&slab, 1_000, 9).unwrap();
            panic!("halfway");
        }));
        assert!(unwound.is_err());
        assert_eq!(slab.dirty_granules(), []);
        assert_eq!(slab.usage().used, one.footprint() + three.footprint());
    }
}

#[test]
fn full_slab_recovers_after_free() {
    for slab in slabs(BUDGET + PAGES - 1) {
        let taken = (0..=BUDGET / PAGES).map_while(|_| filled(&slab, PAGES, 5).ok());
        let mut held: Vec<_> = taken.collect();
        assert_eq!(held.len(), BUDGET / PAGES, "the slots use exactly the budget");
        assert_eq!(slab.usage(), Usage { used: BUDGET, locked: BUDGET, budget: BUDGET });
        assert_eq!(slab.allocate(1).err(), Some(OutOfLockedMemory));
        assert!(slab.allocate(0).is_ok(), "an empty slot needs no memory");
        drop(held.swap_remove(2));
        let short: Vec<_> = (0..PAGES / GRANULE).map(|_| filled(&slab, 1, 6).unwrap()).collect();
        assert_eq!(slab.allocate(1).err(), Some(OutOfLockedMemory));
        assert!(held.iter().all(|slot| holds(slot, 5)));
        drop(short);
        assert!(filled(&slab, PAGES, 7).is_ok());
    }
}

#[test]
fn small_budget_rounds_to_pages() {
    for slab in slabs(PAGES) {
        assert!(filled(&slab, PAGES, 1).is_ok());
    }
    for slab in slabs(PAGES - 1) {
        assert_eq!(slab.allocate(1).err(), Some(OutOfLockedMemory));
        assert_eq!(slab.usage().locked, 0);
    }
}

#[test]
fn failed_mapping_has_no_fallback() {
    let slab = Slab { backing: Backing::Locked, budget: usize::MAX & !(PAGES - 1), state: Mutex::default() };
    assert_eq!(slab.allocate((usize::MAX >> 1) - PAGES).err(), Some(OutOfLockedMemory));
    assert_eq!(slab.usage().locked, 0);
    assert!(slab.allocate(1).is_ok());
}

#[test]
fn threads_share_slab() {
    const THREADS: u8 = 8;
    for slab in slabs(BUDGET) {
        std::thread::scope(|scope| {
            for thread in 1..=THREADS {
                let slab = &slab;
                scope.spawn(move || {
                    let mut held = std::collections::VecDeque::new();
                    for turn in 0..400_usize {
                        let len = turn * usize::from(thread) * 37 % 3_000;
                        held.extend(filled(slab, len, thread));
                        assert!(held.iter().all(|slot| holds(slot, thread)));
                        if turn % 3 == 0 || held.len() > 8 {
                            held.pop_front();
                        }
                    }
                });
            }
        });
        assert_eq!(slab.usage().used, 0);
        assert_eq!(slab.dirty_granules(), []);
    }
}
