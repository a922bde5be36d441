//! What an SLO counts.

use super::{Selector, Window};
use crate::Error;

/// A service level indicator: how events are counted, and which of them are bad.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sli {
    /// Events counted by two counters.
    Events(EventCounters),
    /// Requests faster than a threshold, from a classic histogram.
    Latency(LatencyHistogram),
}

/// Two counters of an event SLI; the third follows from them.
///
/// Closed: of total, good and bad, these are all the pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventCounters {
    /// All events and the bad ones: the preferred form, since nothing is subtracted.
    TotalBad {
        /// All valid events.
        total: Selector,
        /// Those that were bad.
        bad: Selector,
    },
    /// All events and the good ones.
    TotalGood {
        /// All valid events.
        total: Selector,
        /// Those that were good.
        good: Selector,
    },
    /// The good events and the bad ones.
    GoodBad {
        /// Events that were good.
        good: Selector,
        /// Events that were bad.
        bad: Selector,
    },
}

/// A latency SLI over a classic histogram with a bucket exactly at the threshold.
///
/// Good are the requests that took at most `threshold`, as the bucket's `le` counts them.
///
/// ```
/// use slo_core::model::{LatencyHistogram, Selector};
///
/// let histogram = Selector::new("http_request_duration_seconds")?;
/// let sli = LatencyHistogram::new(histogram, "250ms".parse()?)?;
/// assert_eq!(sli.bucket_bound(), "0.25");
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatencyHistogram {
    // A base name, without `_bucket`, `_count` or `_sum`, and no matcher on `le`.
    histogram: Selector,
    threshold: Window,
}

impl LatencyHistogram {
    /// A histogram by its base name, in seconds, and the longest good latency.
    ///
    /// # Errors
    /// A name that ends in a histogram suffix, or a matcher on `le`.
    pub fn new(histogram: Selector, threshold: Window) -> Result<Self, Error> {
        Self::check(&histogram)?;
        Ok(Self { histogram, threshold })
    }

    /// Refuses what is not the base name of a histogram.
    pub(crate) fn check(histogram: &Selector) -> Result<(), Error> {
        for suffix in ["_bucket", "_count", "_sum"] {
            if let Some(base) = histogram.metric().strip_suffix(suffix) {
                return Err(Error::new(format!("`{}` is a part of a histogram", histogram.metric()))
                    .with_hint(format!("write the base name `{base}`")));
            }
        }
        if histogram.matchers().iter().any(|matcher| matcher.label.as_str() == "le") {
            return Err(Error::new("the histogram is narrowed to one bucket by `le`")
                .with_hint("drop the matcher; `threshold` chooses the bucket"));
        }
        Ok(())
    }

    /// The histogram's base name and matchers.
    #[must_use]
    pub const fn histogram(&self) -> &Selector {
        &self.histogram
    }

    /// The longest latency that is good.
    #[must_use]
    pub const fn threshold(&self) -> Window {
        self.threshold
    }

    /// The threshold in seconds, as an exact decimal: the bucket's bound.
    #[must_use]
    pub fn bucket_bound(&self) -> String {
        self.threshold.as_seconds().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MatchOp;

    #[test]
    fn refuses_a_part_of_a_histogram() {
        let error =
            LatencyHistogram::new(Selector::new("a_bucket").unwrap(), Window::minutes(1)).unwrap_err();
        assert_eq!(error.hint(), Some("write the base name `a`"));
        let narrowed = Selector::new("a").unwrap().matching("le", MatchOp::Equal, "1").unwrap();
        assert!(LatencyHistogram::new(narrowed, Window::minutes(1)).is_err());
    }
}
