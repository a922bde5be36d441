//! Latency from native and exponential histograms.

use super::{
    TallyRange,
    histogram::{AtMost, fraction, slow},
};
use crate::Error;
use std::collections::BTreeMap;

/// A native (exponential) histogram: buckets whose bounds are powers of 2^(2^−schema).
///
/// Bucket i holds (base^(i−1), base^i], and bucket i of the negative side the mirror image. A threshold
/// that is a power of two is a bound at every schema from 0 on: 0.25, 0.5, 1 or 2 seconds make exact SLIs.
///
/// | schema | base | width of a bucket |
/// |---|---|---|
/// | 0 | 2 | 100 % |
/// | 3 | 1.0905 | 9.05 % |
/// | 5 | 1.0219 | 2.19 % |
/// | 8 | 1.0027 | 0.27 % |
///
/// ```
/// use slo_core::math::NativeHistogram;
///
/// let latency = NativeHistogram::new(0, 0.001, 2, [(0, 2), (1, 3), (2, 0), (3, 1), (4, 4)])?;
/// let fast = latency.at_most(1.0);
/// assert_eq!((fast.certain, fast.possible), (4, 4)); // exact: 1 s is a power of two
/// assert!((latency.fraction(0.0, 1.5).unwrap() - 0.479_573_958_5).abs() < 1e-9);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NativeHistogram {
    // −4 ..= 8
    schema: i8,
    // Finite, zero or more.
    zero_threshold: f64,
    zero: u64,
    positive: BTreeMap<i32, u64>,
    negative: BTreeMap<i32, u64>,
    // At least the sum of all buckets; observations of NaN are in no bucket.
    total: u64,
}

/// No double lies beyond this bucket, at any schema.
const WIDEST: u32 = 1 << 19;

impl NativeHistogram {
    /// A histogram without negative observations.
    ///
    /// `zero` counts the observations within `zero_threshold`; `positive` are buckets by Prometheus' index.
    ///
    /// # Errors
    /// A schema outside −4 to 8, a zero threshold that is negative or not finite, a bucket outside the range
    /// of a double, or more observations than 64 bits hold.
    pub fn new(
        schema: i8,
        zero_threshold: f64,
        zero: u64,
        positive: impl IntoIterator<Item = (i32, u64)>,
    ) -> Result<Self, Error> {
        if !(-4..=8).contains(&schema) {
            return Err(Error::new(format!("schema {schema} is not between -4 and 8"))
                .with_hint("pass custom buckets (schema -53) as a classic histogram"));
        }
        if !zero_threshold.is_finite() || zero_threshold < 0.0 {
            return Err(Error::new(format!("the zero threshold {zero_threshold} is negative or not finite")));
        }
        let empty = BTreeMap::new();
        // (−0 becomes 0.)
        let zero_threshold = zero_threshold + 0.0;
        let histogram =
            Self { schema, zero_threshold, zero, positive: empty.clone(), negative: empty, total: zero };
        histogram.with(positive, |histogram| &mut histogram.positive)
    }

    /// The histogram of an OpenTelemetry data point: `scale`, and counts from bucket `offset` on.
    ///
    /// OpenTelemetry's bucket i is Prometheus' bucket i + 1.
    ///
    /// # Errors
    /// As for [`NativeHistogram::new`]; a scale above 8 must be scaled down first.
    pub fn from_otlp(
        scale: i8,
        zero_threshold: f64,
        zero: u64,
        offset: i32,
        counts: &[u64],
    ) -> Result<Self, Error> {
        let index = |position: usize| i32::try_from(position).ok()?.checked_add(offset)?.checked_add(1);
        let buckets: Option<Vec<_>> =
            counts.iter().enumerate().map(|(position, count)| Some((index(position)?, *count))).collect();
        let buckets = buckets.ok_or_else(|| Error::new(format!("offset {offset} is out of range")))?;
        Self::new(scale, zero_threshold, zero, buckets)
    }

    /// The same histogram with buckets of negative observations.
    ///
    /// # Errors
    /// More observations than 64 bits hold.
    pub fn with_negative(self, negative: impl IntoIterator<Item = (i32, u64)>) -> Result<Self, Error> {
        self.with(negative, |histogram| &mut histogram.negative)
    }

    /// The same histogram with a count of all observations that includes those of NaN.
    ///
    /// They are in no bucket, so they count as slow.
    ///
    /// # Errors
    /// A total below the number of observations in the buckets.
    pub fn with_total(self, total: u64) -> Result<Self, Error> {
        if total < self.total {
            return Err(Error::new(format!(
                "the buckets hold {} observations, more than the total of {total}",
                self.total
            )));
        }
        Ok(Self { total, ..self })
    }

    fn with(
        mut self,
        buckets: impl IntoIterator<Item = (i32, u64)>,
        side: impl Fn(&mut Self) -> &mut BTreeMap<i32, u64>,
    ) -> Result<Self, Error> {
        for (index, count) in buckets {
            if count == 0 {
                continue;
            }
            if index.unsigned_abs() > WIDEST {
                return Err(Error::new(format!("bucket {index} is outside the range of a 64-bit float")));
            }
            let total = self.total.checked_add(count);
            self.total = total.ok_or_else(|| Error::new("more observations than 64 bits hold"))?;
            *side(&mut self).entry(index).or_default() += count;
        }
        Ok(self)
    }

    /// How much wider each bucket is than the one before: 2^(2^−schema).
    #[must_use]
    pub fn base(&self) -> f64 {
        bound(self.schema, 1)
    }

    /// All observations.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// How many observations were at most `threshold`.
    ///
    /// Both estimates interpolate as `histogram_fraction` does: evenly over the logarithm within a bucket,
    /// and evenly over the value within the zero bucket. If all other observations are positive, the zero
    /// bucket is assumed to have no negative ones, and the other way round.
    #[must_use]
    pub fn at_most(&self, threshold: f64) -> AtMost {
        let mut found = AtMost { certain: 0, possible: 0, linear: 0.0, logarithmic: 0.0 };
        if threshold.is_nan() {
            return found;
        }
        let mut take = |count: u64, reached: bool, passed: bool, share: f64| {
            found.certain += if passed { count } else { 0 };
            found.possible += if reached { count } else { 0 };
            let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
            found.linear += count as f64 * if passed { 1.0 } else { share };
            found.logarithmic = found.linear;
        };
        // Negative buckets hold their lower bound, positive ones their upper, the zero bucket both.
        for (&index, &count) in self.negative.iter().rev() {
            let (lower, upper) = (-bound(self.schema, index), -bound(self.schema, index - 1));
            let share = 1.0 - (threshold / upper).log2() / (lower / upper).log2();
            let share = if threshold > lower { share } else { 0.0 };
            take(count, lower <= threshold, upper <= threshold, share);
        }
        let lower =
            if self.negative.is_empty() && !self.positive.is_empty() { 0.0 } else { -self.zero_threshold };
        let upper =
            if self.positive.is_empty() && !self.negative.is_empty() { 0.0 } else { self.zero_threshold };
        let share = if lower < upper { (threshold - lower) / (upper - lower) } else { 0.0 };
        take(self.zero, -self.zero_threshold <= threshold, self.zero_threshold <= threshold, share);
        for (&index, &count) in &self.positive {
            let (lower, upper) = (bound(self.schema, index - 1), bound(self.schema, index));
            let share =
                if threshold > lower { (threshold / lower).log2() / (upper / lower).log2() } else { 0.0 };
            take(count, lower < threshold, upper <= threshold, share);
        }
        found
    }

    /// The requests slower than `threshold`, as bad events within bounds.
    #[must_use]
    pub fn slow(&self, threshold: f64) -> TallyRange {
        let fast = self.at_most(threshold);
        slow(self.total, fast.certain, fast.possible)
    }

    /// The share of observations in (lower, upper], as Prometheus' `histogram_fraction` estimates it.
    ///
    /// | | fraction |
    /// |---|---|
    /// | no observations, or NaN as a bound | `None` |
    /// | lower ≥ upper | 0 |
    #[must_use]
    pub fn fraction(&self, lower: f64, upper: f64) -> Option<f64> {
        fraction(self.total, lower, upper, |threshold| self.at_most(threshold).linear)
    }

    /// The same observations in buckets 2^(schema difference) times as wide; exact.
    ///
    /// # Errors
    /// A schema that is finer, or below −4.
    pub fn scaled_down(&self, schema: i8) -> Result<Self, Error> {
        if !(-4..=self.schema).contains(&schema) {
            return Err(Error::new(format!("schema {schema} is not between -4 and {}", self.schema)));
        }
        let merge = |side: &BTreeMap<i32, u64>| {
            let mut merged = BTreeMap::new();
            for (index, count) in side {
                // Upper bounds stay in their bucket: (i − 1) rounds down, i rounds up.
                *merged.entry(((index - 1) >> (self.schema - schema)) + 1).or_default() += count;
            }
            merged
        };
        Ok(Self { schema, positive: merge(&self.positive), negative: merge(&self.negative), ..self.clone() })
    }

    /// Both histograms together, in the coarser schema and over the wider zero bucket.
    ///
    /// A bucket that overlaps the wider zero bucket becomes part of it as a whole.
    ///
    /// # Errors
    /// More observations than 64 bits hold.
    pub fn merged(&self, other: &Self) -> Result<Self, Error> {
        let schema = self.schema.min(other.schema);
        let (mut one, mut two) = (self.scaled_down(schema)?, other.scaled_down(schema)?);
        // Widening one zero bucket to its bucket's bound may make it reach into the other's buckets.
        while one.zero_threshold.total_cmp(&two.zero_threshold).is_ne() {
            let widest = one.zero_threshold.max(two.zero_threshold);
            one.widen_zero(widest);
            two.widen_zero(widest);
        }
        let total = one.total.checked_add(two.total);
        let total = total.ok_or_else(|| Error::new("more observations than 64 bits hold"))?;
        for (mine, theirs) in [(&mut one.positive, two.positive), (&mut one.negative, two.negative)] {
            for (index, count) in theirs {
                *mine.entry(index).or_default() += count;
            }
        }
        Ok(Self { zero: one.zero + two.zero, total, ..one })
    }

    fn widen_zero(&mut self, threshold: f64) {
        self.zero_threshold = self.zero_threshold.max(threshold);
        for side in [&mut self.positive, &mut self.negative] {
            while let Some(entry) = side.first_entry() {
                if bound(self.schema, *entry.key() - 1) >= self.zero_threshold {
                    break;
                }
                self.zero_threshold = self.zero_threshold.max(bound(self.schema, *entry.key()));
                self.zero += entry.remove();
            }
        }
    }
}

/// base^index: 2^(index / 2^schema), exact where that is a power of two.
fn bound(schema: i8, index: i32) -> f64 {
    if schema <= 0 {
        return exp2(f64::from(index) * f64::from(1_u32 << schema.unsigned_abs()));
    }
    let buckets = 1_i32 << schema;
    exp2(f64::from(index.div_euclid(buckets)))
        * (f64::from(index.rem_euclid(buckets)) / f64::from(buckets)).exp2()
}

/// 2^x for whole x, exactly.
fn exp2(x: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "clamped to what a double can hold")]
    2.0_f64.powi(x.clamp(-1_100.0, 1_100.0) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn agrees_with_prometheus_own_test_data() {
        let histogram = NativeHistogram::new(0, 0.001, 2, [(0, 2), (1, 3), (2, 0), (3, 1), (4, 4)]).unwrap();
        for (lower, upper, expected) in [
            (0.0, 1.5, 0.479_573_958_513_622_4),
            (0.0, 6.0, 0.632_080_208_393_429_7),
            (1.0, 6.0, 0.298_746_875_060_096_34),
            (1.5, 2.0, 0.103_759_374_819_710_91),
        ] {
            let found = histogram.fraction(lower, upper).unwrap();
            assert!((found - expected).abs() < 1e-12, "({lower}, {upper}]: {found}");
        }
    }

    #[test]
    fn observations_of_nothing_are_slow() {
        let histogram = NativeHistogram::new(3, 0.0, 5, [(0, 5)]).unwrap().with_total(12).unwrap();
        assert_eq!(histogram.slow(1.0).at_most(), crate::math::Tally::new(12, 2).unwrap());
        assert!(histogram.clone().with_total(9).is_err());
        assert!(NativeHistogram::new(9, 0.0, 0, []).is_err());
        assert!(NativeHistogram::new(0, f64::NAN, 0, []).is_err());
    }

    #[test]
    fn closed_edges_are_possible_and_extremes_are_refused() {
        let zero = NativeHistogram::new(0, 0.001, 2, []).unwrap();
        assert_eq!((zero.at_most(0.0).certain, zero.at_most(0.0).possible), (0, 2));
        let negative = NativeHistogram::new(0, 0.0, 0, []).unwrap().with_negative([(1, 3)]).unwrap();
        assert_eq!((negative.at_most(-2.0).possible, negative.at_most(-1.0).certain), (3, 3));
        assert!(NativeHistogram::new(0, 0.0, 0, [(i32::MIN, 1)]).is_err());
        let minus = NativeHistogram::new(0, -0.0, 1, []).unwrap();
        assert_eq!(minus.merged(&NativeHistogram::new(0, 0.0, 1, []).unwrap()).unwrap().total(), 2);
        let wide = NativeHistogram::new(0, f64::MAX, 1, []).unwrap();
        let top = NativeHistogram::new(0, 0.0, 0, [(1_024, 1)]).unwrap();
        let both = wide.merged(&top).unwrap();
        assert!(both.fraction(f64::NEG_INFINITY, 1.0).unwrap().is_finite());
    }

    #[test]
    fn merges_zero_buckets_of_different_width() {
        let wide = NativeHistogram::new(0, 0.75, 1, []).unwrap();
        let narrow = NativeHistogram::new(1, 0.1, 1, [(-1, 10), (0, 20), (2, 30)]).unwrap();
        // In schema 0, (0.5, 1] holds 0.75, so it goes into the zero bucket whole.
        let both = wide.merged(&narrow).unwrap();
        assert_eq!((both.zero, both.total(), both.zero_threshold), (32, 62, 1.0));
        assert_eq!(both, narrow.merged(&wide).unwrap());
    }

    fn index(schema: i8, value: f64) -> i32 {
        (-4_000..4_000).find(|index| value <= bound(schema, *index)).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn bounds_contain_the_truth(
            seen in prop::collection::vec(0.001..10.0_f64, 0..50), schema in 0..6_i8, threshold in 0.0005..12.0_f64
        ) {
            let buckets = seen.iter().map(|value| (index(schema, *value), 1));
            let fine = NativeHistogram::new(schema, 0.0, 0, buckets).unwrap();
            let truth = seen.iter().filter(|value| **value <= threshold).count() as u64;
            for coarser in 0..=schema {
                let histogram = fine.scaled_down(coarser).unwrap();
                let fast = histogram.at_most(threshold);
                prop_assert!(fast.certain <= truth && truth <= fast.possible);
                prop_assert!(fast.certain as f64 <= fast.linear && fast.linear <= fast.possible as f64);
                prop_assert!(fast.linear <= histogram.at_most(threshold * 1.1).linear);
                prop_assert_eq!(histogram.at_most(1.0).certain, histogram.at_most(1.0).possible);
            }
        }
    }
}
