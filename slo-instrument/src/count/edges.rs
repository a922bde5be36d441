//! Bucket bounds.

use slo_core::model::{Sli, Slo};
use std::time::Duration;

/// The upper bounds of the duration buckets, shortest first, in nanoseconds.
///
/// OpenTelemetry's boundaries for HTTP durations, and exactly every latency threshold of the SLOs.
#[derive(Debug)]
pub(crate) struct Edges(Box<[u64]>);

/// Milliseconds recommended by OpenTelemetry's semantic conventions for HTTP.
const CONVENTIONAL: [u64; 14] = [5, 10, 25, 50, 75, 100, 250, 500, 750, 1_000, 2_500, 5_000, 7_500, 10_000];
const NANOS_PER_MILLI: u64 = 1_000_000;

impl Edges {
    pub(crate) fn covering(slos: &[Slo]) -> Self {
        let thresholds = slos.iter().filter_map(|slo| match slo.sli() {
            Sli::Latency(latency) => Some(latency.threshold().as_millis()),
            _ => None,
        });
        let mut millis: Vec<u64> = CONVENTIONAL.into_iter().chain(thresholds).collect();
        millis.sort_unstable();
        millis.dedup();
        Self(millis.into_iter().map(|millis| millis.saturating_mul(NANOS_PER_MILLI)).collect())
    }

    /// The buckets, with the unbounded one.
    pub(crate) const fn buckets(&self) -> usize {
        self.0.len() + 1
    }

    /// The bucket of `duration`; bounds are inclusive.
    pub(crate) fn bucket_of(&self, duration: Duration) -> usize {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.0.partition_point(|edge| *edge < nanos)
    }

    /// The bucket whose bound is `millis`.
    pub(crate) fn position(&self, millis: u64) -> Option<usize> {
        self.0.binary_search(&millis.checked_mul(NANOS_PER_MILLI)?).ok()
    }

    /// The bounds in seconds.
    pub(crate) fn seconds(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|nanos| Duration::from_nanos(*nanos).as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive() {
        let edges = Edges::covering(&[]);
        let of = |micros| edges.bucket_of(Duration::from_micros(micros));
        assert_eq!((of(0), of(5_000), of(5_001), of(10_000_000), of(10_000_001)), (0, 0, 1, 13, 14));
        assert_eq!(edges.buckets(), 15);
        assert_eq!((edges.position(250), edges.position(300)), (Some(6), None));
    }
}
