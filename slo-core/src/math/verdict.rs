//! Counts that are only known within bounds, and comparisons with them.

use super::Tally;
use crate::{
    Error,
    model::{Objective, Ratio},
};

/// A tally that is only known within bounds.
///
/// For example for a threshold between two buckets, or at the edge of a window.
///
/// ```
/// use slo_core::math::{Tally, TallyRange, Verdict};
///
/// // Between 10 and 50 of 1,000 requests were slow; 14.4 times a budget of 0.1 % is allowed.
/// let slow = TallyRange::new(Tally::new(1_000, 10)?, Tally::new(1_000, 50)?)?;
/// assert_eq!(slow.exceeds("0.0144".parse()?), Verdict::Indeterminate);
/// assert_eq!(slow.exceeds("0.05".parse()?), Verdict::No);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TallyRange {
    // Neither count of `at_least` is above that of `at_most`.
    at_least: Tally,
    at_most: Tally,
}

/// Whether something holds, as far as is known from bounds.
///
/// Closed: there is no fourth answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum Verdict {
    /// It holds for all values within the bounds.
    Yes,
    /// It holds for no value within the bounds.
    No,
    /// It holds for some values within the bounds.
    Indeterminate,
}

impl TallyRange {
    /// The tallies between `at_least` and `at_most`, count by count.
    ///
    /// # Errors
    /// A lower bound above the upper one.
    pub fn new(at_least: Tally, at_most: Tally) -> Result<Self, Error> {
        if at_least.total() > at_most.total() || at_least.bad() > at_most.bad() {
            return Err(Error::new(format!("{at_least:?} is not below {at_most:?}")));
        }
        Ok(Self { at_least, at_most })
    }

    /// A tally that is known exactly.
    #[must_use]
    pub const fn exactly(tally: Tally) -> Self {
        Self { at_least: tally, at_most: tally }
    }

    /// The lower bound of both counts.
    #[must_use]
    pub const fn at_least(self) -> Tally {
        self.at_least
    }

    /// The upper bound of both counts.
    #[must_use]
    pub const fn at_most(self) -> Tally {
        self.at_most
    }

    /// Both ranges together; the bounds of a sum are the sums of the bounds.
    ///
    /// # Errors
    /// More events than 64 bits hold.
    pub fn checked_add(self, other: Self) -> Result<Self, Error> {
        Ok(Self {
            at_least: self.at_least.checked_add(other.at_least)?,
            at_most: self.at_most.checked_add(other.at_most)?,
        })
    }

    /// The lowest and the highest error ratio, or `None` where there are certainly no events.
    ///
    /// The lowest has the fewest bad of the most events, the highest the most bad of the fewest events: at
    /// most 1.
    #[must_use]
    pub fn error_ratios(self) -> Option<(f64, f64)> {
        let (low, high) = self.extremes()?;
        Some((low.to_f64(), high.to_f64()))
    }

    /// The lowest and the highest burn rate, or `None` where there are certainly no events.
    #[must_use]
    pub fn burn_rates(self, objective: Objective) -> Option<(f64, f64)> {
        let (low, high) = self.error_ratios()?;
        let budget = objective.budget().to_f64();
        Some((low / budget, high / budget))
    }

    /// Whether the share of bad events is above `threshold`; `No` where there are certainly no events.
    #[must_use]
    pub fn exceeds(self, threshold: Ratio) -> Verdict {
        let Some((low, high)) = self.extremes() else {
            return Verdict::No;
        };
        match (low > threshold, high > threshold) {
            (true, true) => Verdict::Yes,
            (false, false) => Verdict::No,
            _ => Verdict::Indeterminate,
        }
    }

    /// `[B_lo/N_hi, B_hi/N_lo]`, at most 1.
    fn extremes(self) -> Option<(Ratio, Ratio)> {
        let lowest = Ratio::new(self.at_least.bad().into(), self.at_most.total().into()).ok()?;
        let highest =
            Ratio::new(self.at_most.bad().into(), self.at_least.total().into()).unwrap_or(Ratio::ONE);
        Some((lowest, highest.min(Ratio::ONE)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_events_is_no() {
        let none = TallyRange::exactly(Tally::EMPTY);
        assert_eq!((none.exceeds(Ratio::ZERO), none.error_ratios()), (Verdict::No, None));
        let perhaps = TallyRange::new(Tally::EMPTY, Tally::new(5, 5).unwrap()).unwrap();
        assert_eq!(perhaps.exceeds(Ratio::HALF), Verdict::Indeterminate);
        assert!(TallyRange::new(Tally::new(2, 1).unwrap(), Tally::new(1, 1).unwrap()).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn never_contradicts_a_tally_within(
            counts in prop::array::uniform4(0..1_000_u64), threshold in 0..100_u128
        ) {
            let [total, bad, more_good, more_bad] = counts;
            let at_least = Tally::new(total + bad, bad).unwrap();
            let at_most = Tally::new(total + bad + more_good + more_bad, bad + more_bad).unwrap();
            let within = Tally::new(total + bad + more_good / 2 + more_bad / 3, bad + more_bad / 3).unwrap();
            let threshold = Ratio::new(threshold, 100).unwrap();
            match TallyRange::new(at_least, at_most).unwrap().exceeds(threshold) {
                Verdict::Yes => prop_assert!(within.exceeds(threshold)),
                Verdict::No => prop_assert!(!within.exceeds(threshold)),
                Verdict::Indeterminate => {}
            }
        }
    }
}
