//! Counts of rare events in a sliding window, in little memory.

use crate::{Error, check::open_unit, model::Window};
use std::collections::VecDeque;

/// Counts events over every window up to a span, within a relative error, in logarithmic memory.
///
/// An exponential histogram (M. Datar, A. Gionis, P. Indyk and R. Motwani, 2002): buckets of 1, 2, 4, …
/// events with the time of their newest one. For bad events, which are rare, it keeps the time of each of the
/// latest ones; a ring of snapshots would only keep their bucket.
///
/// ```
/// use slo_core::{math::SlidingCount, model::Window};
///
/// let mut bad = SlidingCount::new(Window::hours(1), 0.05)?;
/// for millis in (0..7_200_000).step_by(10_000) {
///     bad.record(millis)?;
/// }
/// let (least, most) = bad.bounds(Window::hours(1));
/// assert!(least <= 360 && 360 <= most && most - least <= 36);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SlidingCount {
    span: Window,
    // Buckets of size 2^j may be this many: k + 1 of size 1, ⌈k/2⌉ + 1 of the others.
    most_ones: usize,
    most_others: usize,
    // sizes[j]: times of the newest event of each bucket of 2^j events, newest first.
    sizes: Vec<VecDeque<u64>>,
    now: u64,
}

impl SlidingCount {
    /// A count of events over windows up to `span`, each within `relative_error` of the truth.
    ///
    /// # Errors
    /// A relative error that is not between a millionth and 1.
    pub fn new(span: Window, relative_error: f64) -> Result<Self, Error> {
        let k = (1.0 / open_unit("relative error", relative_error)?).ceil();
        if k > 1e6 {
            return Err(Error::new(format!(
                "a relative error of {relative_error} is finer than a millionth"
            ))
            .with_hint("use a larger error, such as 0.01"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to a million")]
        let k = k as usize;
        Ok(Self { span, most_ones: k + 1, most_others: k.div_ceil(2) + 1, sizes: Vec::new(), now: 0 })
    }

    /// Counts one event, at `millis` milliseconds since a moment of the caller's choice.
    ///
    /// # Errors
    /// Time that ran backwards.
    pub fn record(&mut self, millis: u64) -> Result<(), Error> {
        self.advance(millis)?;
        let mut carried = millis;
        for size in 0.. {
            if size == self.sizes.len() {
                self.sizes.push(VecDeque::new());
            }
            let most = if size == 0 { self.most_ones } else { self.most_others };
            let Some(buckets) = self.sizes.get_mut(size) else { break };
            buckets.push_front(carried);
            if buckets.len() <= most {
                break;
            }
            // The two oldest become one of twice the size, as new as the newer of them.
            let _ = buckets.pop_back();
            let Some(newer) = buckets.pop_back() else { break };
            carried = newer;
        }
        Ok(())
    }

    /// Moves the end of the windows to `millis`, and drops events that are older than the span.
    ///
    /// # Errors
    /// Time that ran backwards.
    pub fn advance(&mut self, millis: u64) -> Result<(), Error> {
        if millis < self.now {
            return Err(Error::new(format!("time ran backwards from {} ms to {millis} ms", self.now)));
        }
        self.now = millis;
        let begin = millis.checked_sub(self.span.as_millis());
        for buckets in &mut self.sizes {
            while buckets.back().is_some_and(|time| begin.is_some_and(|begin| *time <= begin)) {
                buckets.pop_back();
            }
        }
        Ok(())
    }

    /// Bounds of the count in the last `window` up to the latest time: at least, at most.
    ///
    /// Windows beyond the span count as the span.
    #[must_use]
    pub fn bounds(&self, window: Window) -> (u64, u64) {
        let (total, last) = self.within(window);
        (if last == 0 { 0 } else { total - last + 1 }, total)
    }

    /// The count in the last `window`, estimated within the relative error.
    #[must_use]
    pub fn estimate(&self, window: Window) -> f64 {
        let (total, last) = self.within(window);
        // A bucket of one event lies in the window for certain.
        if last <= 1 { total as f64 } else { total as f64 - last as f64 / 2.0 }
    }

    /// The number of buckets, which limits the memory.
    #[must_use]
    pub fn buckets(&self) -> usize {
        self.sizes.iter().map(VecDeque::len).sum()
    }

    /// Events in buckets whose newest event lies in the window, and the size of the oldest such bucket.
    fn within(&self, window: Window) -> (u64, u64) {
        let begin = self.now.checked_sub(window.as_millis().min(self.span.as_millis()));
        let (mut total, mut last) = (0, 0);
        for (size, buckets) in self.sizes.iter().enumerate() {
            let inside = buckets.partition_point(|time| begin.is_none_or(|begin| *time > begin)) as u64;
            total += inside << size;
            if inside > 0 {
                last = 1 << size;
            }
        }
        (total, last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_cannot_be() {
        assert!(SlidingCount::new(Window::hours(1), 0.0).is_err());
        let mut count = SlidingCount::new(Window::hours(1), 0.1).unwrap();
        assert_eq!((count.bounds(Window::hours(1)), count.estimate(Window::hours(1))), ((0, 0), 0.0));
        count.record(5).unwrap();
        assert!(count.record(4).is_err());
    }

    #[test]
    fn stays_small() {
        let mut count = SlidingCount::new(Window::seconds(10), 0.01).unwrap();
        for millis in 0..100_000 {
            count.record(millis).unwrap();
        }
        assert!(count.buckets() <= 600, "{}", count.buckets());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn bounds_contain_the_truth_in_every_window(
            pauses in prop::collection::vec(0..50_u64, 1..400), percent in 1..50_u32
        ) {
            let error = f64::from(percent) / 100.0;
            let mut count = SlidingCount::new(Window::seconds(5), error).unwrap();
            let mut times = Vec::new();
            let mut now = 1;
            for pause in pauses {
                now += pause;
                times.push(now);
                count.record(now).unwrap();
            }
            for millis in [1, 7, 50, 333, 1_000, 5_000] {
                let window = Window::from_millis(millis).unwrap();
                let begin = now.checked_sub(millis);
                let truth = times.iter().filter(|time| begin.is_none_or(|begin| **time > begin)).count() as u64;
                let (least, most) = count.bounds(window);
                prop_assert!(least <= truth && truth <= most, "{least} {truth} {most}");
                let off = (count.estimate(window) - truth as f64).abs();
                prop_assert!(off <= error * truth as f64 + 1e-9, "{off} of {truth}");
            }
        }
    }
}
