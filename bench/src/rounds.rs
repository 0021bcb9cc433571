//! Rounds in which several measurements take turns, and their statistics.
//!
//! A shared machine is slow at times, for all measurements alike. Figures are therefore compared
//! within a round, and the median of the rounds decides.

use std::array;

use crate::Error;

/// A measurement that repeats its operation and returns the nanoseconds of one repetition.
pub(crate) type Turn<'a> = Box<dyn FnMut() -> Result<f64, Error> + 'a>;

/// Runs each measurement once per round, after a warm-up. The order rotates, so that no measurement
/// always benefits from warm caches.
pub(crate) fn alternate<const N: usize>(rounds: usize, mut turns: [Turn<'_>; N]) -> Result<[Samples; N], Error> {
    for turn in &mut turns {
        turn()?;
    }
    let mut samples: [Samples; N] = array::from_fn(|_| Samples(Vec::with_capacity(rounds)));
    for round in 0..rounds {
        for position in 0..N {
            let index = (round + position) % N;
            if let (Some(turn), Some(samples)) = (turns.get_mut(index), samples.get_mut(index)) {
                samples.0.push(turn()?);
            }
        }
    }
    Ok(samples)
}

/// One figure for each round.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// Returns the number of rounds.
    pub(crate) fn rounds(&self) -> usize {
        self.0.len()
    }

    /// Returns the median, or the larger of two middle figures.
    pub(crate) fn median(&self) -> f64 {
        let sorted = self.sorted();
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// Returns the minimum and the maximum.
    pub(crate) fn spread(&self) -> (f64, f64) {
        let sorted = self.sorted();
        let ends = sorted.first().zip(sorted.last());
        ends.map_or((f64::NAN, f64::NAN), |(min, max)| (*min, *max))
    }

    /// Divides by the other figures, round by round.
    pub(crate) fn ratio_to(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(own, other)| own / other).collect())
    }

    /// Subtracts the other figures, round by round.
    pub(crate) fn excess_over(&self, other: &Self) -> Self {
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
    fn measurements_take_turns_in_rotating_order() {
        let seen = RefCell::new(String::new());
        let turn = |name: char, figure: f64| -> Turn<'_> {
            let seen = &seen;
            Box::new(move || {
                seen.borrow_mut().push(name);
                Ok(figure)
            })
        };
        let [one, other] = alternate(3, [turn('a', 1.0), turn('b', 2.0)]).unwrap();
        assert_eq!(seen.take(), "ab abbaab".replace(' ', ""), "the warm-up does not count");
        assert_eq!((one.rounds(), other.rounds()), (3, 3));
        assert_eq!(other.ratio_to(&one).median(), 2.0);
    }

    #[test]
    fn failed_turn_ends_all_rounds() {
        let failing: Turn<'_> = Box::new(|| Err("broken".into()));
        assert!(alternate(3, [failing]).is_err());
    }

    #[test]
    fn slow_round_changes_only_the_spread() {
        let samples: Samples = [3.0, 1.0, 2.0, 1000.0, 2.5].into_iter().collect();
        assert_eq!(samples.median(), 2.5);
        assert_eq!(samples.spread(), (1.0, 1000.0));
    }

    #[test]
    fn figures_are_compared_within_a_round() {
        let [ours, floor]: [Samples; 2] =
            [[10.0, 300.0, 20.0], [5.0, 150.0, 20.0]].map(|all| all.into_iter().collect());
        assert_eq!(ours.ratio_to(&floor), [2.0, 2.0, 1.0].into_iter().collect());
        assert_eq!(ours.excess_over(&floor), [5.0, 150.0, 0.0].into_iter().collect());
    }
}
