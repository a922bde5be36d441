//! Burn rates.

use super::Tally;
use crate::{Error, model::Objective};
use std::fmt;

/// How many times faster than allowed the error budget is being spent: finite, not negative.
///
/// At 1 the budget lasts exactly the period (SRE Workbook, ch. 5).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct BurnRate(f64);

impl BurnRate {
    /// The burn rate b = (B/N)/β of `tally`, or `None` without events.
    ///
    /// | events | burn rate |
    /// |---|---|
    /// | none | `None` |
    /// | none bad | 0 |
    /// | all bad | 1/β, the largest there is |
    ///
    /// ```
    /// use slo_core::math::{BurnRate, Tally};
    ///
    /// let burn = BurnRate::of(Tally::new(1_000, 5)?, "99.9%".parse()?).unwrap();
    /// assert_eq!(burn.value(), 5.0);
    /// assert_eq!(burn.to_string(), "5×");
    /// assert_eq!(BurnRate::of(Tally::EMPTY, "99.9%".parse()?), None);
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[must_use]
    pub fn of(tally: Tally, objective: Objective) -> Option<Self> {
        if tally.total() == 0 {
            return None;
        }
        let budget = objective.budget();
        // B·q and p·N stay below 2^104 for every objective and every count.
        let spent = u128::from(tally.bad()) * budget.denominator();
        let allowed = budget.numerator() * u128::from(tally.total());
        Some(Self(spent as f64 / allowed as f64))
    }

    /// A rate that was measured elsewhere, such as one that Prometheus recorded.
    ///
    /// # Errors
    /// A negative or infinite number, or NaN.
    pub fn new(rate: f64) -> Result<Self, Error> {
        if rate.is_finite() && rate >= 0.0 {
            return Ok(Self(rate));
        }
        Err(Error::new(format!("{rate} is not a burn rate")).with_hint("write a number that is zero or more"))
    }

    /// The rate as a number.
    #[must_use]
    pub const fn value(self) -> f64 {
        self.0
    }
}

impl fmt::Display for BurnRate {
    /// Rounded to three digits or to hundredths: `14.4×`, `1000×`, `0.05×`, `<0.01×`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = match self.0 {
            rate if rate >= 99.95 => 0,
            rate if rate >= 9.995 => 1,
            rate if rate > 0.0 && rate < 0.005 => return f.write_str("<0.01×"),
            _ => 2,
        };
        let text = format!("{:.decimals$}", self.0);
        let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        write!(f, "{text}×")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_for_people() {
        for (total, bad, text) in [
            (10_000, 144, "14.4×"),
            (1_000, 1_000, "1000×"),
            (100_000, 5, "0.05×"),
            (1, 0, "0×"),
            (1_000_000, 4, "<0.01×"),
            (1_000, 100, "100×"),
        ] {
            let burn = BurnRate::of(Tally::new(total, bad).unwrap(), "99.9%".parse().unwrap()).unwrap();
            assert_eq!(burn.to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_no_rate() {
        for rate in [-0.1, f64::NAN, f64::INFINITY] {
            assert!(BurnRate::new(rate).is_err(), "{rate}");
        }
        assert_eq!(BurnRate::new(14.4).map(BurnRate::value), Ok(14.4));
    }

    #[test]
    fn stays_finite_at_the_extremes() {
        let strictest = "99.9999999999%".parse().unwrap();
        let burn = BurnRate::of(Tally::new(u64::MAX, u64::MAX).unwrap(), strictest).unwrap();
        assert!((burn.value() - 1e12).abs() < 1.0);
    }
}
