//! A bitmap of the granules in use.

/// A bitmap that allocates runs of granules.
pub(super) struct Bitmap {
    /// One bit per granule, lowest first; set while the granule is in use.
    words: Box<[u64]>,
}

const BITS: usize = u64::BITS as usize;

impl Bitmap {
    /// Creates a bitmap of free granules. The number is rounded down to whole words of 64.
    pub(super) fn new(granules: usize) -> Self {
        Self { words: vec![0; granules / BITS].into_boxed_slice() }
    }

    /// Takes the first run of `count` free granules, and returns its start.
    pub(super) fn take(&mut self, count: usize) -> Option<usize> {
        let start = self.first_free(count)?;
        self.set(start, count, true);
        Some(start)
    }

    /// Frees a run.
    pub(super) fn free(&mut self, start: usize, count: usize) {
        self.set(start, count, false);
    }

    /// Returns true if a granule is free.
    #[cfg(test)]
    pub(super) fn is_free(&self, granule: usize) -> bool {
        self.words[granule / BITS] & (1 << (granule % BITS)) == 0
    }

    fn first_free(&self, count: usize) -> Option<usize> {
        let mut free = 0;
        for (index, word) in self.words.iter().enumerate() {
            if *word == u64::MAX {
                free = 0;
                continue;
            }
            for bit in 0..BITS {
                free = if word & (1 << bit) == 0 { free + 1 } else { 0 };
                if free >= count {
                    return (index * BITS + bit + 1).checked_sub(count);
                }
            }
        }
        None
    }

    fn set(&mut self, start: usize, count: usize, taken: bool) {
        let end = start.saturating_add(count);
        let mut at = start;
        while at < end {
            let Some(word) = self.words.get_mut(at / BITS) else { return };
            let first = at % BITS;
            let bits = (BITS - first).min(end - at);
            let mask = (u64::MAX >> (BITS - bits)) << first;
            debug_assert_eq!(*word & mask, if taken { 0 } else { mask }, "a granule is taken once and freed once");
            *word = if taken { *word | mask } else { *word & !mask };
            at += bits;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GRANULES: usize = 4 * BITS;

    /// A run length to take, or the index of a taken run to free.
    #[derive(Clone, Debug)]
    enum Step {
        Take(usize),
        Free(prop::sample::Index),
    }

    fn step() -> impl Strategy<Value = Step> {
        let take = prop_oneof![1..4_usize, 1..200_usize].prop_map(Step::Take);
        prop_oneof![3 => take, 2 => any::<prop::sample::Index>().prop_map(Step::Free)]
    }

    proptest! {
        #[test]
        fn runs_are_first_fit_and_never_overlap(steps in prop::collection::vec(step(), 1..120)) {
            let mut bitmap = Bitmap::new(GRANULES);
            let mut model = [false; GRANULES];
            let mut taken: Vec<(usize, usize)> = Vec::new();
            for step in steps {
                match step {
                    Step::Take(count) => {
                        let fits = |start: &usize| model[*start..*start + count].iter().all(|taken| !taken);
                        let expected = (0..=GRANULES - count).find(fits);
                        prop_assert_eq!(bitmap.take(count), expected);
                        if let Some(start) = expected {
                            model[start..start + count].fill(true);
                            taken.push((start, count));
                        }
                    }
                    Step::Free(which) if !taken.is_empty() => {
                        let (start, count) = taken.swap_remove(which.index(taken.len()));
                        bitmap.free(start, count);
                        model[start..start + count].fill(false);
                    }
                    Step::Free(_) => {}
                }
                for (granule, taken) in model.iter().enumerate() {
                    prop_assert_eq!(bitmap.is_free(granule), !taken);
                }
            }
        }
    }

    #[test]
    fn oversized_run_is_not_found() {
        assert_eq!(Bitmap::new(GRANULES).take(GRANULES), Some(0));
        assert_eq!(Bitmap::new(GRANULES).take(GRANULES + 1), None);
        assert_eq!(Bitmap::new(0).take(1), None);
    }
}
