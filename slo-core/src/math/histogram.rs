//! Latency from classic histograms: how many observations are at most a threshold.

use super::{Tally, TallyRange};
use crate::Error;

/// A classic Prometheus histogram: how many observations were at most each bound.
///
/// ```
/// use slo_core::math::{ClassicHistogram, Verdict};
///
/// let buckets = [(0.1, 800), (0.25, 950), (0.5, 990), (1.0, 999), (f64::INFINITY, 1_000)];
/// let latency = ClassicHistogram::new(&buckets)?;
/// // No bucket ends at 300 ms: between 95 % and 99 % of requests were fast enough.
/// let fast = latency.at_most(0.3);
/// assert_eq!((fast.certain, fast.possible), (950, 990));
/// assert_eq!(fast.linear, 958.0);
/// // For an objective of 99 %, that is a burn rate between 1 and 5: an estimate does not help.
/// let (low, high) = latency.slow(0.3).burn_rates("99%".parse()?).unwrap();
/// assert!((low - 1.0).abs() < 1e-12 && (high - 5.0).abs() < 1e-12);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ClassicHistogram {
    // Bounds rise and end with +Inf, counts never fall; never empty.
    buckets: Vec<(f64, u64)>,
    repaired: bool,
}

/// How many observations were at most a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a count has two bounds")]
pub struct AtMost {
    /// Observations that certainly were.
    pub certain: u64,
    /// Observations that may have been; the same number as `certain` exactly at a bucket's bound.
    pub possible: u64,
    /// An estimate, with observations spread evenly within their bucket.
    pub linear: f64,
    /// An estimate, with observations spread evenly over the logarithm of their bucket.
    pub logarithmic: f64,
}

impl ClassicHistogram {
    /// A histogram from (bound, cumulative count), bounds rising to `+Inf`.
    ///
    /// A count can be below the one before it because of a scrape between two updates, or because of floats.
    /// It is then raised, as in Prometheus, and [`ClassicHistogram::was_repaired`] is true.
    ///
    /// # Errors
    /// No `+Inf` bucket, or bounds that do not rise.
    pub fn new(buckets: &[(f64, u64)]) -> Result<Self, Error> {
        if buckets.last().is_none_or(|(bound, _)| *bound != f64::INFINITY) {
            return Err(Error::new("the histogram has no +Inf bucket")
                .with_hint("add it: its count is the number of all observations"));
        }
        let mut repaired = false;
        let mut kept: Vec<(f64, u64)> = Vec::with_capacity(buckets.len());
        for (index, &(bound, count)) in buckets.iter().enumerate() {
            let highest = match kept.last() {
                Some((before, _)) if bound.is_nan() || bound <= *before => {
                    return Err(Error::new(format!("buckets[{index}]: {bound} is not above {before}"))
                        .with_hint("sort the buckets by their bounds, and list each bound once"));
                }
                None if bound.is_nan() => return Err(Error::new("buckets[0]: NaN is not a bound")),
                Some((_, highest)) => *highest,
                None => 0,
            };
            repaired |= count < highest;
            kept.push((bound, count.max(highest)));
        }
        Ok(Self { buckets: kept, repaired })
    }

    /// All observations.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.buckets.last().map_or(0, |(_, count)| *count)
    }

    /// Whether counts fell from one bucket to the next, and were raised.
    #[must_use]
    pub const fn was_repaired(&self) -> bool {
        self.repaired
    }

    /// Whether `threshold` is a bucket's bound, so that counts at it are exact.
    ///
    /// Bounds are compared as numbers: `1` and `1.0` are the same.
    #[must_use]
    pub fn has_bound(&self, threshold: f64) -> bool {
        self.buckets.iter().any(|(bound, _)| same(*bound, threshold))
    }

    /// How many observations were at most `threshold`.
    ///
    /// | threshold | certain | possible | estimates |
    /// |---|---|---|---|
    /// | a bound | its count | its count | its count |
    /// | between two bounds | the lower one's | the upper one's | in between |
    /// | above the last finite bound | that one's | all | that one's, as Prometheus has it |
    /// | below zero, with positive bounds | 0 | 0 | 0 |
    /// | NaN | 0 | 0 | 0 |
    #[must_use]
    pub fn at_most(&self, threshold: f64) -> AtMost {
        let exactly = |count: u64| AtMost {
            certain: count,
            possible: count,
            linear: count as f64,
            logarithmic: count as f64,
        };
        if threshold.is_nan() {
            return exactly(0);
        }
        let above = self.buckets.partition_point(|(bound, _)| *bound < threshold);
        let Some(&(upper, possible)) = self.buckets.get(above) else {
            return exactly(self.total());
        };
        // The first bucket begins at zero where its bound is positive, else nowhere.
        let (lower, certain) = match above.checked_sub(1).and_then(|below| self.buckets.get(below)) {
            Some(&below) => below,
            None if upper > 0.0 => (0.0, 0),
            None => (f64::NEG_INFINITY, 0),
        };
        if same(upper, threshold) {
            return exactly(possible);
        }
        if threshold < lower {
            return exactly(0);
        }
        let share = |share: f64| {
            let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
            certain as f64 + (possible - certain) as f64 * share
        };
        let estimable = upper.is_finite() && lower.is_finite();
        AtMost {
            certain,
            possible,
            linear: share(if estimable { (threshold - lower) / (upper - lower) } else { 0.0 }),
            // Without a positive lower end there is no logarithm to spread over.
            logarithmic: share(match estimable {
                true if lower > 0.0 => (threshold / lower).ln() / (upper / lower).ln(),
                true => (threshold - lower) / (upper - lower),
                false => 0.0,
            }),
        }
    }

    /// The requests slower than `threshold`, as bad events within bounds.
    #[must_use]
    pub fn slow(&self, threshold: f64) -> TallyRange {
        let fast = self.at_most(threshold);
        slow(self.total(), fast.certain, fast.possible)
    }

    /// The share of observations in (lower, upper], as Prometheus' `histogram_fraction` estimates it.
    ///
    /// | | fraction |
    /// |---|---|
    /// | no observations, or NaN as a bound | `None` |
    /// | lower ≥ upper | 0 |
    #[must_use]
    pub fn fraction(&self, lower: f64, upper: f64) -> Option<f64> {
        fraction(self.total(), lower, upper, |threshold| self.at_most(threshold).linear)
    }

    /// Both histograms together, over the bounds that they share.
    ///
    /// Counts at shared bounds are exact; between them [`ClassicHistogram::at_most`] gives bounds.
    ///
    /// # Errors
    /// More observations than 64 bits hold.
    pub fn merged(&self, other: &Self) -> Result<Self, Error> {
        let mut buckets = Vec::new();
        for (bound, count) in &self.buckets {
            let Some((_, more)) = other.buckets.iter().find(|(same, _)| self::same(*same, *bound)) else {
                continue;
            };
            let sum = count.checked_add(*more).ok_or_else(|| {
                Error::new(format!("{count} and {more} observations are more than 64 bits hold"))
            })?;
            buckets.push((*bound, sum));
        }
        Ok(Self { buckets, repaired: self.repaired || other.repaired })
    }
}

/// Whether two bounds are the same number: −0 is 0, and 1 is 1.0.
fn same(one: f64, other: f64) -> bool {
    one.partial_cmp(&other).is_some_and(std::cmp::Ordering::is_eq)
}

pub(super) fn slow(total: u64, certain: u64, possible: u64) -> TallyRange {
    // `possible` never exceeds the total, so both tallies exist.
    let bad = |fast: u64| Tally::new(total, total.saturating_sub(fast)).unwrap_or(Tally::EMPTY);
    TallyRange::new(bad(possible), bad(certain)).unwrap_or(TallyRange::exactly(Tally::EMPTY))
}

pub(super) fn fraction(total: u64, lower: f64, upper: f64, at_most: impl Fn(f64) -> f64) -> Option<f64> {
    if total == 0 || lower.is_nan() || upper.is_nan() {
        return None;
    }
    if lower >= upper {
        return Some(0.0);
    }
    Some(((at_most(upper) - at_most(lower)) / total as f64).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn is_pessimistic_beyond_the_last_bound() {
        let histogram = ClassicHistogram::new(&[(1.0, 5), (f64::INFINITY, 8)]).unwrap();
        let beyond = histogram.at_most(2.0);
        assert_eq!((beyond.certain, beyond.possible, beyond.linear), (5, 8, 5.0));
        assert_eq!(histogram.at_most(f64::INFINITY).certain, 8);
        assert_eq!(histogram.at_most(-1.0).possible, 0);
        assert_eq!(histogram.fraction(f64::NAN, 1.0), None);
        assert_eq!(histogram.fraction(2.0, 1.0), Some(0.0));
    }

    #[test]
    fn refuses_what_is_no_histogram_and_repairs_races() {
        assert!(ClassicHistogram::new(&[]).is_err());
        assert!(ClassicHistogram::new(&[(1.0, 5)]).is_err());
        assert!(ClassicHistogram::new(&[(1.0, 5), (1.0, 5), (f64::INFINITY, 8)]).is_err());
        assert!(ClassicHistogram::new(&[(f64::NAN, 5), (f64::INFINITY, 8)]).is_err());
        let raced = ClassicHistogram::new(&[(1.0, 5), (2.0, 4), (f64::INFINITY, 8)]).unwrap();
        assert!(raced.was_repaired() && raced.at_most(2.0).certain == 5);
    }

    #[test]
    fn merges_over_shared_bounds() {
        let one = ClassicHistogram::new(&[(0.1, 1), (0.3, 2), (1.0, 3), (f64::INFINITY, 4)]).unwrap();
        let two = ClassicHistogram::new(&[(0.1, 10), (0.5, 20), (1.0, 30), (f64::INFINITY, 40)]).unwrap();
        let both = one.merged(&two).unwrap();
        assert_eq!(both.buckets, [(0.1, 11), (1.0, 33), (f64::INFINITY, 44)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn bounds_contain_the_truth_and_rise(
            seen in prop::collection::vec(0.0..10.0_f64, 0..200),
            bounds in prop::collection::btree_set(1..100_u32, 1..8),
            thresholds in prop::array::uniform2(0.0..12.0_f64),
        ) {
            let bounds = bounds.into_iter().map(|bound| f64::from(bound) / 10.0).chain([f64::INFINITY]);
            let count = |bound: f64| seen.iter().filter(|value| **value <= bound).count() as u64;
            let buckets: Vec<(f64, u64)> = bounds.map(|bound| (bound, count(bound))).collect();
            let histogram = ClassicHistogram::new(&buckets).unwrap();
            for threshold in thresholds {
                let fast = histogram.at_most(threshold);
                prop_assert!(fast.certain <= count(threshold) && count(threshold) <= fast.possible);
                for estimate in [fast.linear, fast.logarithmic] {
                    prop_assert!(fast.certain as f64 <= estimate && estimate <= fast.possible as f64);
                }
            }
            let [a, b] = thresholds;
            let (low, high) = (histogram.at_most(a.min(b)), histogram.at_most(a.max(b)));
            prop_assert!(low.linear <= high.linear && low.certain <= high.certain);
            if let Some(all) = histogram.fraction(f64::NEG_INFINITY, f64::INFINITY) {
                prop_assert!((all - 1.0).abs() < 1e-12);
            }
        }
    }
}
