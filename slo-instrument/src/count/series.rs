//! The counters of one combination of method, route and outcome.

use super::{Edges, Outcome};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Counters that requests add to; everything else is derived when they are read.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) method: &'static str,
    pub(crate) route: Box<str>,
    pub(crate) outcome: Outcome,
    /// Which streams of each SLO this series is part of.
    pub(crate) members: Box<[Member]>,
    buckets: Box<[AtomicU64]>,
    nanos: AtomicU64,
}

/// Whether a series is part of the first and the second stream of an SLO.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) first: bool,
    pub(crate) second: bool,
}

impl Series {
    pub(crate) fn new(
        method: &'static str,
        route: &str,
        outcome: Outcome,
        members: Box<[Member]>,
        edges: &Edges,
    ) -> Self {
        Self {
            method,
            route: route.into(),
            outcome,
            members,
            buckets: (0..edges.buckets()).map(|_| AtomicU64::new(0)).collect(),
            nanos: AtomicU64::new(0),
        }
    }

    pub(crate) fn record(&self, bucket: usize, duration: Duration) {
        if let Some(counter) = self.buckets.get(bucket) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Requests up to and including each bucket, in `counts`; the last is the number of requests.
    pub(crate) fn read_cumulative(&self, counts: &mut Vec<u64>) {
        counts.clear();
        let mut total = 0_u64;
        for bucket in &self.buckets {
            total = total.saturating_add(bucket.load(Ordering::Relaxed));
            counts.push(total);
        }
    }

    /// The summed durations.
    pub(crate) fn seconds(&self) -> f64 {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed)).as_secs_f64()
    }
}
