//! Chance that is the same every time.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::policy::{mix, unit};

/// A row of numbers that follows from a seed and from what it is thrown for.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64, purpose: u64, number: u64) -> Self {
        Self(mix(mix(seed ^ mix(purpose)) ^ number))
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0 = mix(self.0);
        self.0
    }

    /// A duration within the range; its start where the range is empty.
    pub(super) fn within(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        let spread = range.end().saturating_sub(*range.start());
        *range.start() + spread.mul_f64(unit(self.number()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same() {
        let range = Duration::from_secs(8)..=Duration::from_secs(15);
        let row = |seed, number| {
            let mut dice = Dice::new(seed, 1, number);
            [dice.within(&range), dice.within(&range)]
        };
        assert_eq!(row(7, 0), row(7, 0));
        assert_ne!(row(7, 0), row(8, 0));
        assert_ne!(row(7, 0), row(7, 1));
        assert!(row(7, 0).iter().all(|throw| range.contains(throw)));
    }
}
