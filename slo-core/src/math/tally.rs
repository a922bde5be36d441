//! Counts of events.

use crate::{Error, model::Ratio};

/// How many events there were, and how many of them were bad.
///
/// Tallies are added; ratios never are. Adding is associative and commutative with
/// [`Tally::EMPTY`] as its identity, so shards and time slices merge in any order.
///
/// ```
/// use slo_core::math::Tally;
///
/// let day = Tally::new(1_000, 5)?;
/// let night = Tally::new(10, 5)?;
/// let both = day.checked_add(night)?;
/// assert_eq!((both.total(), both.bad()), (1_010, 10));
/// assert_eq!(both.error_ratio(), Some(10.0 / 1_010.0)); // not the mean of 0.005 and 0.5
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Tally {
    total: u64,
    // Never more than the total.
    bad: u64,
}

impl Tally {
    /// No events.
    pub const EMPTY: Self = Self { total: 0, bad: 0 };

    /// `total` events, of which `bad` were bad.
    ///
    /// # Errors
    /// More bad events than events.
    pub fn new(total: u64, bad: u64) -> Result<Self, Error> {
        if bad > total {
            return Err(Error::new(format!("{bad} bad events are more than the total of {total}"))
                .with_hint("check that both counts are of the same events"));
        }
        Ok(Self { total, bad })
    }

    /// `total` events, of which `good` were good.
    ///
    /// # Errors
    /// More good events than events, for example from two counters that were not read at the same moment.
    pub fn from_good(total: u64, good: u64) -> Result<Self, Error> {
        let bad = total.checked_sub(good).ok_or_else(|| {
            Error::new(format!("{good} good events are more than the total of {total}"))
                .with_hint("count the bad events instead of the good ones")
        })?;
        Self::new(total, bad)
    }

    /// `good` good and `bad` bad events.
    ///
    /// # Errors
    /// More events than 64 bits hold.
    pub fn from_good_and_bad(good: u64, bad: u64) -> Result<Self, Error> {
        let total = good.checked_add(bad);
        let total =
            total.ok_or_else(|| Error::new(format!("{good} and {bad} events are more than 64 bits hold")))?;
        Self::new(total, bad)
    }

    /// `total` events, of which `bad`, but at most all, were bad; and whether `bad` was too high.
    ///
    /// For counters that are not read at the same moment. Report it if `bad` was too high: otherwise it looks
    /// like an outage.
    #[must_use]
    pub fn clamped(total: u64, bad: u64) -> (Self, bool) {
        (Self { total, bad: bad.min(total) }, bad > total)
    }

    /// A tally from floats, such as Prometheus' samples.
    ///
    /// ```
    /// use slo_core::math::Tally;
    ///
    /// assert_eq!(Tally::from_floats(1_000.0, 5.0)?, Tally::new(1_000, 5)?);
    /// assert!(Tally::from_floats(f64::NAN, 0.0).is_err());
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Numbers that are negative, not whole, NaN, or 2⁵³ and above, where floats skip whole numbers; more bad
    /// events than events.
    pub fn from_floats(total: f64, bad: f64) -> Result<Self, Error> {
        const LIMIT: f64 = 9_007_199_254_740_992.0;
        let count = |name: &str, value: f64| {
            if !(0.0..LIMIT).contains(&value) || value.fract() != 0.0 {
                return Err(Error::new(format!("{name}: {value} is not a count of events"))
                    .with_hint("write a whole number from 0 up to below 2^53"));
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
            Ok(value as u64)
        };
        Self::new(count("total", total)?, count("bad", bad)?)
    }

    /// All events.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.total
    }

    /// The bad events.
    #[must_use]
    pub const fn bad(self) -> u64 {
        self.bad
    }

    /// The good events.
    #[must_use]
    pub const fn good(self) -> u64 {
        self.total - self.bad
    }

    /// Both tallies together.
    ///
    /// # Errors
    /// More events than 64 bits hold.
    pub fn checked_add(self, other: Self) -> Result<Self, Error> {
        match (self.total.checked_add(other.total), self.bad.checked_add(other.bad)) {
            (Some(total), Some(bad)) => Ok(Self { total, bad }),
            _ => Err(Error::new(format!(
                "{} and {} events are more than 64 bits hold",
                self.total, other.total
            ))),
        }
    }

    /// The events since `earlier`, if both are readings of the same growing counters.
    ///
    /// # Errors
    /// Counters that ran backwards.
    pub fn since(self, earlier: Self) -> Result<Self, Error> {
        let grown = (self.total.checked_sub(earlier.total), self.bad.checked_sub(earlier.bad));
        match grown {
            (Some(total), Some(bad)) => Self::new(total, bad),
            _ => Err(Error::new(format!("counters ran backwards: {earlier:?}, then {self:?}"))),
        }
    }

    /// The share of bad events, e = B/N, or `None` without events.
    #[must_use]
    pub fn error_ratio(self) -> Option<f64> {
        (self.total > 0).then(|| self.bad as f64 / self.total as f64)
    }

    /// The service level indicator, G/N, or `None` without events.
    #[must_use]
    pub fn sli(self) -> Option<f64> {
        (self.total > 0).then(|| self.good() as f64 / self.total as f64)
    }

    /// Whether the share of bad events is above `threshold`: exact, strict, false without events.
    ///
    /// ```
    /// use slo_core::math::Tally;
    ///
    /// let threshold = "0.003".parse()?; // 6 × 0.0005, which floats take for less than 3/1000
    /// assert!(!Tally::new(1_000, 3)?.exceeds(threshold));
    /// assert!(Tally::new(1_000, 4)?.exceeds(threshold));
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[must_use]
    pub fn exceeds(self, threshold: Ratio) -> bool {
        match (u64::try_from(threshold.numerator()), u64::try_from(threshold.denominator())) {
            // The usual case, in two products that cannot overflow.
            (Ok(p), Ok(q)) => u128::from(self.bad) * u128::from(q) > u128::from(p) * u128::from(self.total),
            _ => Ratio::new(self.bad.into(), self.total.into()).is_ok_and(|ratio| ratio > threshold),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigInt;
    use num_rational::BigRational;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_does_not_add_up() {
        assert!(Tally::new(1, 2).is_err());
        assert!(Tally::from_good(1, 2).is_err());
        assert!(Tally::from_good_and_bad(u64::MAX, 1).is_err());
        for (total, bad) in
            [(-1.0, 0.0), (1.5, 0.0), (9.1e15, 0.0), (f64::INFINITY, 0.0), (1.0, 2.0), (1.0, f64::NAN)]
        {
            assert!(Tally::from_floats(total, bad).is_err(), "{total} {bad}");
        }
        assert_eq!(Tally::clamped(5, 7), (Tally::new(5, 5).unwrap(), true));
        assert_eq!(Tally::from_good(5, 3), Tally::from_good_and_bad(3, 2));
        assert!(Tally::new(u64::MAX, 0).unwrap().checked_add(Tally::new(1, 0).unwrap()).is_err());
        assert!(Tally::new(5, 1).unwrap().since(Tally::new(6, 1).unwrap()).is_err());
        assert!(Tally::new(6, 1).unwrap().since(Tally::new(5, 2).unwrap()).is_err());
    }

    #[test]
    fn no_events_is_none() {
        assert_eq!(Tally::EMPTY.sli(), None);
        assert_eq!(Tally::EMPTY.error_ratio(), None);
        assert!(!Tally::EMPTY.exceeds(Ratio::ZERO));
    }

    fn tally() -> impl Strategy<Value = Tally> {
        (0..1_u64 << 60)
            .prop_flat_map(|total| (Just(total), 0..=total))
            .prop_map(|(n, b)| Tally::new(n, b).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn merges_in_any_order(a in tally(), b in tally(), c in tally()) {
            prop_assert_eq!(a.checked_add(b).unwrap(), b.checked_add(a).unwrap());
            let left = a.checked_add(b).unwrap().checked_add(c).unwrap();
            prop_assert_eq!(left, a.checked_add(b.checked_add(c).unwrap()).unwrap());
            prop_assert_eq!(a.checked_add(Tally::EMPTY).unwrap(), a);
            prop_assert_eq!(left.since(c).unwrap(), a.checked_add(b).unwrap());
        }

        #[test]
        fn compares_as_big_rationals_do(tally in tally(), p in 0..1_u64 << 60, q in 1..1_u64 << 60) {
            prop_assume!(tally.total() > 0);
            let threshold = BigRational::new(BigInt::from(p), BigInt::from(q));
            let ratio = BigRational::new(BigInt::from(tally.bad()), BigInt::from(tally.total()));
            prop_assert_eq!(tally.exceeds(Ratio::new(p.into(), q.into()).unwrap()), ratio > threshold);
            let boundary = Ratio::new(tally.bad().into(), tally.total().into()).unwrap();
            prop_assert!(!tally.exceeds(boundary));
        }
    }
}
