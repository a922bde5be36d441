//! Exports that did not arrive.

use crate::family::Sample;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many exports of each signal have failed.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    metrics: AtomicU64,
    traces: AtomicU64,
    refused: AtomicU64,
}

impl Failures {
    pub(crate) fn of_metrics(&self) {
        self.metrics.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn of_traces(&self) {
        self.traces.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts data points that the collector rejected.
    pub(crate) fn refused(&self, data_points: u64) {
        self.refused.fetch_add(data_points, Ordering::Relaxed);
    }

    pub(crate) fn refused_samples(&self) -> Vec<Sample> {
        vec![Sample { labels: vec![], value: self.refused.load(Ordering::Relaxed) as f64 }]
    }

    pub(crate) fn samples(&self) -> Vec<Sample> {
        let sample = |signal: &str, failures: &AtomicU64| Sample {
            labels: vec![("signal", signal.to_owned())],
            value: failures.load(Ordering::Relaxed) as f64,
        };
        vec![sample("metrics", &self.metrics), sample("traces", &self.traces)]
    }
}
