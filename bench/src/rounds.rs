//! Rounds in which several ways of doing one thing take turns, and what is said of them.
//!
//! A machine that others share is slow at times, and then for all that run at that time: so ways are compared within a
//! round, and the median of the rounds is what counts.

use std::array;

use crate::Error;

/// One round of one way: does it often, and answers with the nanoseconds that once took.
pub(crate) type Turn<'a> = Box<dyn FnMut() -> Result<f64, Error> + 'a>;

/// Has each way take a turn in every round, after one that does not count. Who goes first changes, so that none is
/// always the one to find the caches warm.
pub(crate) fn alternate<const N: usize>(rounds: usize, mut turns: [Turn<'_>; N]) -> Result<[Samples; N], Error> {
    for turn in &mut turns {
        turn()?;
    }
    let mut samples: [Samples; N] = array::from_fn(|_| Samples(Vec::with_capacity(rounds)));
    for round in 0..rounds {
        for place in 0..N {
            let way = (round + place) % N;
            if let (Some(turn), Some(samples)) = (turns.get_mut(way), samples.get_mut(way)) {
                samples.0.push(turn()?);
            }
        }
    }
    Ok(samples)
}

/// One figure of each round.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// How many rounds there were.
    pub(crate) fn rounds(&self) -> usize {
        self.0.len()
    }

    /// The one in the middle; of an even number, the larger of the two.
    pub(crate) fn median(&self) -> f64 {
        let sorted = self.sorted();
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// The least and the most.
    pub(crate) fn spread(&self) -> (f64, f64) {
        let sorted = self.sorted();
        let ends = sorted.first().zip(sorted.last());
        ends.map_or((f64::NAN, f64::NAN), |(least, most)| (*least, *most))
    }

    /// Round by round, how many times the other's figure this one's is.
    pub(crate) fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(own, other)| own / other).collect())
    }

    /// Round by round, by how much this one's figure is above the other's.
    pub(crate) fn above(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(own, other)| own - other).collect())
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        Self(figures.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn ways_take_turns_and_none_is_always_first() {
        let seen = RefCell::new(String::new());
        let turn = |name: char, figure: f64| -> Turn<'_> {
            let seen = &seen;
            Box::new(move || {
                seen.borrow_mut().push(name);
                Ok(figure)
            })
        };
        let [one, other] = alternate(3, [turn('a', 1.0), turn('b', 2.0)]).unwrap();
        assert_eq!(seen.take(), "ab abbaab".replace(' ', ""), "the first of each does not count");
        assert_eq!((one.rounds(), other.rounds()), (3, 3));
        assert_eq!(other.over(&one).median(), 2.0);
    }

    #[test]
    fn a_turn_that_fails_ends_it() {
        let failing: Turn<'_> = Box::new(|| Err("broken".into()));
        assert!(alternate(3, [failing]).is_err());
    }

    #[test]
    fn one_slow_round_moves_the_spread_and_not_the_median() {
        let samples: Samples = [3.0, 1.0, 2.0, 1000.0, 2.5].into_iter().collect();
        assert_eq!(samples.median(), 2.5);
        assert_eq!(samples.spread(), (1.0, 1000.0));
    }

    #[test]
    fn figures_are_compared_within_their_round() {
        let [ours, floor]: [Samples; 2] =
            [[10.0, 300.0, 20.0], [5.0, 150.0, 20.0]].map(|all| all.into_iter().collect());
        assert_eq!(ours.over(&floor), [2.0, 2.0, 1.0].into_iter().collect());
        assert_eq!(ours.above(&floor), [5.0, 150.0, 0.0].into_iter().collect());
    }
}
