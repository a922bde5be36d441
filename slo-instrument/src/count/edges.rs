//! Bucket bounds.

use slo_core::model::{Sli, Slo};
use std::time::Duration;

/// The upper bounds of the duration buckets, shortest first, in nanoseconds.
///
/// OpenTelemetry's boundaries for HTTP durations, and exactly every latency threshold of the SLOs; for native histograms
/// those of [`NATIVE_SCHEMA`] between them.
#[derive(Debug)]
pub(crate) struct Edges {
    bounds: Box<[u64]>,
    // The buckets that classic histograms expose, the unbounded one last.
    classic: Box<[usize]>,
    // For every eighth of a doubling, the first bucket that its durations may fall into.
    first: Box<[u16]>,
}

/// Milliseconds recommended by OpenTelemetry's semantic conventions for HTTP.
const CONVENTIONAL: [u64; 14] = [5, 10, 25, 50, 75, 100, 250, 500, 750, 1_000, 2_500, 5_000, 7_500, 10_000];
const NANOS_PER_MILLI: u64 = 1_000_000;

impl Edges {
    pub(crate) fn covering(slos: &[Slo], native: bool) -> Self {
        let thresholds = slos.iter().filter_map(|slo| match slo.sli() {
            Sli::Latency(latency) => Some(latency.threshold().as_millis()),
            _ => None,
        });
        let mut millis: Vec<u64> = CONVENTIONAL.into_iter().chain(thresholds).collect();
        millis.sort_unstable();
        millis.dedup();
        let classic: Vec<u64> =
            millis.into_iter().map(|millis| millis.saturating_mul(NANOS_PER_MILLI)).collect();
        let mut bounds = classic.clone();
        if native {
            bounds.extend(NATIVE_INDICES.map(native_bound));
        }
        bounds.sort_unstable();
        bounds.dedup();
        let mut edges = Self::of(bounds.into());
        let exposed = classic.iter().filter_map(|bound| edges.bounds.binary_search(bound).ok());
        edges.classic = exposed.chain([edges.bounds.len()]).collect();
        edges
    }

    fn of(bounds: Box<[u64]>) -> Self {
        let first = (0..EIGHTHS).map(|eighth| {
            let bucket = bounds.partition_point(|bound| *bound < least_of(eighth));
            u16::try_from(bucket).unwrap_or(u16::MAX)
        });
        Self { first: first.collect(), classic: (0..=bounds.len()).collect(), bounds }
    }

    /// The buckets, with the unbounded one.
    pub(crate) const fn buckets(&self) -> usize {
        self.bounds.len() + 1
    }

    /// The bucket of a duration; bounds are inclusive.
    pub(crate) fn bucket_of(&self, nanos: u64) -> usize {
        let first = self.first.get(eighth_of(nanos)).copied().map_or(0, usize::from);
        let rest = self.bounds.get(first..).unwrap_or_default();
        first + rest.iter().take_while(|bound| **bound < nanos).count()
    }

    /// The bucket whose bound is `millis`.
    pub(crate) fn position(&self, millis: u64) -> Option<usize> {
        self.bounds.binary_search(&millis.checked_mul(NANOS_PER_MILLI)?).ok()
    }

    /// The buckets that classic histograms expose, the unbounded one last.
    pub(crate) const fn classic(&self) -> &[usize] {
        &self.classic
    }

    /// Which of the classic buckets a bucket is part of.
    pub(crate) fn classic_of(&self, bucket: usize) -> usize {
        self.classic.partition_point(|classic| *classic < bucket)
    }

    /// The bounds of the classic buckets in seconds, but for the unbounded one.
    pub(crate) fn seconds(&self) -> impl Iterator<Item = f64> {
        let bounds = self.classic.iter().filter_map(|bucket| self.bounds.get(*bucket));
        bounds.map(|nanos| Duration::from_nanos(*nanos).as_secs_f64())
    }

    /// Whether the bounds are those of native histograms, too.
    #[cfg(feature = "native-histograms")]
    pub(crate) const fn is_native(&self) -> bool {
        self.classic.len() <= self.bounds.len()
    }

    /// The bounds, in nanoseconds.
    #[cfg(feature = "native-histograms")]
    pub(crate) const fn bounds(&self) -> &[u64] {
        &self.bounds
    }
}

/// Eight buckets to a doubling: values are known within 9 %.
pub(crate) const NATIVE_SCHEMA: i32 = 3;
/// The buckets of native histograms: from 61 microseconds to 128 seconds.
pub(crate) const NATIVE_INDICES: std::ops::RangeInclusive<i32> = -112..=56;

/// The upper bound of a bucket of native histograms, in whole nanoseconds: 2^(index / 8) seconds.
pub(crate) fn native_bound(index: i32) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and far below 2^63"
    )]
    let nanos = ((f64::from(index) / f64::from(1 << NATIVE_SCHEMA)).exp2() * 1e9) as u64;
    nanos
}

const EIGHTHS: usize = 64 * 8;

/// Which eighth of which doubling `nanos` is in: its highest bit and the three after it.
const fn eighth_of(nanos: u64) -> usize {
    // Below eight there are no eighths; nothing is that fast.
    let nanos = if nanos < 8 { 8 } else { nanos };
    let highest = nanos.ilog2();
    ((highest as usize) << 3) | ((nanos >> (highest - 3)) & 7) as usize
}

/// The shortest duration of an eighth.
const fn least_of(eighth: usize) -> u64 {
    let highest = eighth >> 3;
    // Below eight all durations count as eight, and so may be as short as zero.
    if highest <= 3 { 0 } else { (8 | (eighth as u64 & 7)) << (highest - 3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive() {
        let edges = Edges::covering(&[], false);
        let of = |micros: u64| edges.bucket_of(micros * 1_000);
        assert_eq!((of(0), of(5_000), of(5_001), of(10_000_000), of(10_000_001)), (0, 0, 1, 13, 14));
        assert_eq!(edges.buckets(), 15);
        assert_eq!((edges.position(250), edges.position(300)), (Some(6), None));
    }

    #[test]
    fn native_buckets_lie_between() {
        let edges = Edges::covering(&[], true);
        assert_eq!(edges.classic().len(), 15);
        assert_eq!(edges.seconds().next(), Some(0.005));
        assert_eq!(
            (native_bound(-8), native_bound(0), native_bound(1)),
            (500_000_000, 1_000_000_000, 1_090_507_732)
        );
        let millisecond = edges.bucket_of(1_000_000);
        assert!(edges.bounds.get(millisecond).is_some_and(|bound| *bound < 1_090_508), "within 9 %");
    }

    #[test]
    fn finds_what_a_search_finds() {
        let edges = Edges::of([1, 7, 8, 9, 1_000, 1_001, 65_536, 1 << 40, u64::MAX - 1].into());
        let near = |value: u64| (value.saturating_sub(2)..=value.saturating_add(2)).collect::<Vec<_>>();
        let doublings = (0..64).map(|bit| 1_u64 << bit);
        for nanos in edges.bounds.iter().copied().chain(doublings).chain([0, u64::MAX]).flat_map(near) {
            let expected = edges.bounds.partition_point(|bound| *bound < nanos);
            assert_eq!(edges.bucket_of(nanos), expected, "{nanos}");
        }
    }
}
