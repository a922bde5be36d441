//! The counters of a series at one moment.

#[cfg(any(feature = "native-histograms", feature = "otlp", feature = "prometheus"))]
use std::time::Duration;

/// The counters of a series at one moment.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Events up to and including each bucket.
    pub(crate) cumulative: Vec<u64>,
    pub(super) nanos: u64,
}

impl Reading {
    /// All events.
    pub(crate) fn count(&self) -> u64 {
        self.cumulative.last().copied().unwrap_or(0)
    }

    /// The summed durations, in nanoseconds.
    pub(crate) const fn nanos(&self) -> u64 {
        self.nanos
    }

    /// The summed durations.
    #[cfg(any(feature = "native-histograms", feature = "otlp", feature = "prometheus"))]
    pub(crate) fn seconds(&self) -> f64 {
        Duration::from_nanos(self.nanos).as_secs_f64()
    }
}
