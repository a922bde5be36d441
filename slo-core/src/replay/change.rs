//! One stretch of time against another.

use super::{Bootstrap, Series};
use crate::{
    Error,
    math::Tally,
    stats::{Confidence, Interval, quantile},
};

/// How the error ratio of one history differs from that of another, and what chance could have made of it.
///
/// Failures come in incidents, so the events of a month are not independent, and intervals for independent events, such as
/// [`newcombe`](crate::stats::newcombe)'s, are far too narrow. Both histories are resampled in blocks instead: the
/// percentile interval of the difference.
///
/// ```
/// use slo_core::{model::Window, replay::{Bootstrap, Change, Series}, stats::Confidence};
///
/// // Two months of hours: one of ten small incidents, one of a single larger one.
/// let total = vec![10_000; 720];
/// let before: Vec<u64> = (0..720).map(|hour| if hour % 72 == 9 { 100 } else { 1 }).collect();
/// let mut after = vec![1; 720];
/// after[100..103].fill(600);
/// let (before, after) =
///     (Series::new(0, Window::hours(1), &total, &before)?, Series::new(0, Window::hours(1), &total, &after)?);
/// let change = Change::between(&before, &after, Confidence::P95, Bootstrap::usual(Window::hours(1)))?.unwrap();
/// assert!(change.difference > 0.0); // 2,517 failures, after 1,710: a newspaper's "47 % worse" …
/// assert!(change.interval.low() < 0.0 && 0.0 < change.interval.high()); // … and nothing but luck
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// The events of the first.
    pub before: Tally,
    /// The events of the second.
    pub after: Tally,
    /// The second error ratio less the first.
    pub difference: f64,
    /// Where it may lie.
    pub interval: Interval,
    /// How many of the pairs of histories that might have been are worse in the second.
    pub worse: f64,
}

impl Change {
    /// The change from `before` to `after`; `None` where one of them has no events.
    ///
    /// # Errors
    /// No resamples, or a block that is not whole steps.
    pub fn between(
        before: &Series<'_>,
        after: &Series<'_>,
        confidence: Confidence,
        bootstrap: Bootstrap,
    ) -> Result<Option<Self>, Error> {
        let (Some(one), Some(two)) = (before.total().error_ratio(), after.total().error_ratio()) else {
            return Ok(None);
        };
        // Other random numbers for the second, so that they are independent.
        let second = Bootstrap { seed: bootstrap.seed.wrapping_add(1 << 32), ..bootstrap };
        let (mut first, mut second) = (bootstrap.on(before)?, second.on(after)?);
        let mut differences = Vec::with_capacity(bootstrap.resamples as usize);
        for _ in 0..bootstrap.resamples {
            let (one, two) = (first.tally(before.len())?, second.tally(after.len())?);
            // A resample may hold only the steps without events.
            if let (Some(one), Some(two)) = (one.error_ratio(), two.error_ratio()) {
                differences.push(two - one);
            }
        }
        differences.sort_by(f64::total_cmp);
        let difference = two - one;
        if differences.is_empty() {
            differences.push(difference);
        }
        let tail = (1.0 - confidence.level()) / 2.0;
        let interval = Interval::new(quantile(&differences, tail), quantile(&differences, 1.0 - tail));
        let above = differences.len() - differences.partition_point(|difference| *difference <= 0.0);
        let equal = differences.partition_point(|difference| *difference <= 0.0)
            - differences.partition_point(|difference| *difference < 0.0);
        let worse = (above as f64 + equal as f64 / 2.0) / differences.len() as f64;
        Ok(Some(Self { before: before.total(), after: after.total(), difference, interval, worse }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Window, stats::Random};

    const HOUR: Window = Window::hours(1);

    #[test]
    fn the_same_history_has_not_changed() {
        let bad: Vec<u64> = (0..500).map(|hour| u64::from(hour % 50 == 3) * 40).collect();
        let series = Series::new(0, HOUR, &[1_000; 500], &bad).unwrap();
        let change =
            Change::between(&series, &series, Confidence::P95, Bootstrap::usual(HOUR)).unwrap().unwrap();
        assert!(
            change.difference.abs() < 1e-15 && change.interval.low() < 0.0 && change.interval.high() > 0.0
        );
        assert!((change.worse - 0.5).abs() < 0.1, "{}", change.worse);
        let none = Series::new(0, HOUR, &[0], &[0]).unwrap();
        assert_eq!(Change::between(&series, &none, Confidence::P95, Bootstrap::usual(HOUR)), Ok(None));
        let perfect = Series::new(0, HOUR, &[5], &[0]).unwrap();
        let change =
            Change::between(&perfect, &perfect, Confidence::P95, Bootstrap::usual(HOUR)).unwrap().unwrap();
        assert!((change.worse - 0.5).abs() < 1e-15);
    }

    /// Of months of clustered failures that do not differ, about one in twenty is said to; independent events would say
    /// so of most.
    #[test]
    fn is_seldom_wrong_about_incidents() {
        let mut random = Random::new(42);
        let mut month = || {
            let mut bad = vec![0; 720];
            for hour in 0..720 {
                if random.unit() < 0.02 {
                    let size = 1 + random.below(300) as u64;
                    bad.iter_mut().skip(hour).take(1 + random.below(4)).for_each(|bad| *bad = size);
                }
            }
            bad
        };
        let total = vec![1_000; 720];
        let (mut wrong, mut wrong_if_independent, pairs) = (0, 0, 100);
        for pair in 0..pairs {
            let (one, two) = (month(), month());
            let (one, two) =
                (Series::new(0, HOUR, &total, &one).unwrap(), Series::new(0, HOUR, &total, &two).unwrap());
            let bootstrap = Bootstrap { resamples: 200, seed: pair, ..Bootstrap::usual(HOUR) };
            let change = Change::between(&one, &two, Confidence::P95, bootstrap).unwrap().unwrap();
            let outside = |interval: Interval| u32::from(interval.low() > 0.0 || interval.high() < 0.0);
            wrong += outside(change.interval);
            wrong_if_independent +=
                outside(crate::stats::newcombe(one.total(), two.total(), Confidence::P95).unwrap());
        }
        assert!(wrong <= 12, "{wrong} of {pairs}");
        assert!(wrong_if_independent > 50, "{wrong_if_independent} of {pairs}");
    }
}
