//! Compares two stretches of time.

use super::Series;
use crate::{
    Error,
    math::Tally,
    model::Window,
    stats::{Confidence, Interval, student_quantile, student_upper_tail},
};

/// The difference between the error ratios of two histories, with its uncertainty.
///
/// Failures come in incidents, so the events of a month are not independent, and intervals for independent
/// events, such as [`newcombe`](crate::stats::newcombe)'s, are far too narrow. Here blocks of time are
/// independent: the variance of an error ratio ê is m/(m−1)·Σ(Bᵢ − ê·Nᵢ)²/N² over m blocks (the ratio
/// estimate of cluster sampling; W. G. Cochran, 1977, 6.3), and no less than that of independent events. A
/// single incident says little about how often incidents happen: the degrees of freedom are (Σd²)²/Σd⁴ of the
/// blocks' deviations d, near 1 if one of them outweighs all others; those of the difference are Welch's.
///
/// ```
/// use slo_core::{model::{Timestamp, Window}, replay::{Change, Series}, stats::Confidence};
///
/// // Two months of hours: one of ten small incidents, one of a single larger one.
/// let total = vec![10_000; 720];
/// let before: Vec<u64> = (0..720).map(|hour| if hour % 72 == 9 { 100 } else { 1 }).collect();
/// let mut after = vec![1; 720];
/// after[100..103].fill(600);
/// let (before, after) =
///     (Series::new(Timestamp::EPOCH, Window::hours(1), &total, &before)?, Series::new(Timestamp::EPOCH, Window::hours(1), &total, &after)?);
/// let change = Change::between(&before, &after, Confidence::P95, Window::hours(6))?.unwrap();
/// assert!(change.difference > 0.0); // 2,517 failures after 1,710, which is 47 % more …
/// assert!(change.interval.low() < 0.0 && 0.0 < change.interval.high()); // … but it may be chance
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Change {
    /// The events of the first.
    pub before: Tally,
    /// The events of the second.
    pub after: Tally,
    /// The second error ratio minus the first.
    pub difference: f64,
    /// The confidence interval of the difference.
    pub interval: Interval,
    /// The probability that the second history is worse.
    pub worse: f64,
}

/// The number of blocks into which a short history is cut.
const FEWEST_BLOCKS: usize = 20;

impl Change {
    /// The change from `before` to `after`; `None` if one of them has no events.
    ///
    /// Blocks are as long as `block`, or as a twentieth of a short history.
    ///
    /// # Errors
    /// A block that is not whole steps.
    pub fn between(
        before: &Series<'_>,
        after: &Series<'_>,
        confidence: Confidence,
        block: Window,
    ) -> Result<Option<Self>, Error> {
        let (Some(one), Some(two)) = (Estimate::of(before, block)?, Estimate::of(after, block)?) else {
            return Ok(None);
        };
        let difference = two.ratio - one.ratio;
        let variance = one.variance + two.variance;
        // Welch and Satterthwaite.
        let part = |estimate: &Estimate| (estimate.variance / variance).powi(2) / estimate.freedom;
        let freedom = 1.0 / (part(&one) + part(&two));
        let error = variance.sqrt();
        let reach = error * student_quantile(f64::midpoint(confidence.level(), 1.0), freedom);
        let interval = Interval::new((difference - reach).max(-1.0), (difference + reach).min(1.0));
        let worse = student_upper_tail(-difference / error, freedom);
        Ok(Some(Self { before: before.total(), after: after.total(), difference, interval, worse }))
    }
}

/// An error ratio, with its variance.
struct Estimate {
    ratio: f64,
    // More than zero.
    variance: f64,
    // At least 1.
    freedom: f64,
}

impl Estimate {
    fn of(series: &Series<'_>, block: Window) -> Result<Option<Self>, Error> {
        let all = series.total();
        let Some(ratio) = all.error_ratio() else { return Ok(None) };
        let steps = series.steps_in(block)?.min(series.len() / FEWEST_BLOCKS).max(1);
        let (mut squares, mut fourths, mut blocks) = (0.0, 0.0, 0.0_f64);
        for first in (0..series.len()).step_by(steps) {
            let end = (first + steps).min(series.len());
            let tally = series.window(end, end - first);
            if tally.total() == 0 {
                continue;
            }
            let square = (tally.bad() as f64 - ratio * tally.total() as f64).powi(2);
            squares += square;
            fourths += square * square;
            blocks += 1.0;
        }
        let events = all.total() as f64;
        // One bad and one good event are added, so that no failures do not mean a probability of zero (A.
        // Agresti and B. A. Coull, 1998).
        let (likely, unlikely) =
            ((all.bad() as f64 + 1.0) / (events + 2.0), (all.good() as f64 + 1.0) / (events + 2.0));
        let independent = likely * unlikely / events;
        let clustered =
            if blocks > 1.0 { blocks / (blocks - 1.0) * squares / (events * events) } else { 0.0 };
        let variance = clustered.max(independent);
        // With few blocks, the variance itself is uncertain; if events vary like independent ones, it is
        // known.
        let by_blocks = if fourths > 0.0 { (squares * squares / fourths).max(1.0) } else { f64::INFINITY };
        let share = (clustered / variance).powi(2);
        let freedom = if share > 0.0 { by_blocks / share } else { f64::INFINITY };
        Ok(Some(Self { ratio, variance, freedom: freedom.clamp(1.0, 1e6) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::Timestamp,
        stats::{Random, newcombe},
    };

    const BLOCK: Window = Window::hours(6);

    #[test]
    fn the_same_history_has_not_changed() {
        let hour = Window::hours(1);
        let bad: Vec<u64> = (0..500).map(|hour| u64::from(hour % 50 == 3) * 40).collect();
        let series = Series::new(Timestamp::EPOCH, hour, &[1_000; 500], &bad).unwrap();
        let change = Change::between(&series, &series, Confidence::P95, BLOCK).unwrap().unwrap();
        assert!(
            change.difference.abs() < 1e-15 && change.interval.low() < 0.0 && change.interval.high() > 0.0
        );
        assert!((change.worse - 0.5).abs() < 1e-12, "{}", change.worse);
        let none = Series::new(Timestamp::EPOCH, hour, &[0], &[0]).unwrap();
        assert_eq!(Change::between(&series, &none, Confidence::P95, BLOCK), Ok(None));
        let odd = Series::new(Timestamp::EPOCH, Window::hours(4), &[5], &[0]).unwrap();
        assert!(Change::between(&series, &odd, Confidence::P95, BLOCK).is_err());
    }

    #[test]
    fn so_many_failures_that_one_less_is_no_double() {
        let many = Series::new(Timestamp::EPOCH, Window::minutes(1), &[1 << 60], &[1 << 60]).unwrap();
        let change = Change::between(&many, &many, Confidence::P95, BLOCK).unwrap().unwrap();
        assert!(change.interval.low() > -1e-6 && change.interval.high() < 1e-6, "{change:?}");
        assert!((change.worse - 0.5).abs() < 1e-9, "{change:?}");
    }

    #[test]
    fn a_single_failure_decides_nothing() {
        let minute = Window::minutes(1);
        let (none, one) = (
            Series::new(Timestamp::EPOCH, minute, &[1_000], &[0]).unwrap(),
            Series::new(Timestamp::EPOCH, minute, &[1_000], &[1]).unwrap(),
        );
        let change = Change::between(&none, &one, Confidence::P95, BLOCK).unwrap().unwrap();
        assert!(change.interval.low() < 0.0 && change.interval.high() > 0.002, "{change:?}");
        assert!((0.5..0.9).contains(&change.worse));
    }

    /// How many of some pairs of histories without difference are said to differ: here, and by independent events.
    fn wrong(pairs: u64, step: Window, steps: usize, incidents: f64) -> (u32, u32) {
        let mut random = Random::new(pairs ^ steps as u64);
        let mut history = || {
            let mut bad: Vec<u64> =
                (0..steps).map(|_| (0..5).filter(|_| random.unit() < 0.1).count() as u64).collect();
            for step in 0..steps {
                if random.unit() < incidents / steps as f64 {
                    let size = 1 + random.below(300) as u64;
                    bad.iter_mut().skip(step).take(1 + random.below(4)).for_each(|bad| *bad = size);
                }
            }
            bad
        };
        let total = vec![1_000; steps];
        let (mut ours, mut independent) = (0, 0);
        for _ in 0..pairs {
            let (one, two) = (history(), history());
            let (one, two) = (
                Series::new(Timestamp::EPOCH, step, &total, &one).unwrap(),
                Series::new(Timestamp::EPOCH, step, &total, &two).unwrap(),
            );
            let outside = |interval: Interval| u32::from(interval.low() > 0.0 || interval.high() < 0.0);
            let change = Change::between(&one, &two, Confidence::P95, BLOCK).unwrap().unwrap();
            ours += outside(change.interval);
            independent += outside(newcombe(one.total(), two.total(), Confidence::P95).unwrap());
        }
        (ours, independent)
    }

    /// One in twenty, or fewer: whatever the length of the histories, with incidents and without. Three standard
    /// deviations of chance are allowed.
    #[test]
    fn is_seldom_wrong() {
        let pairs = 400;
        let (minute, hour) = (Window::minutes(1), Window::hours(1));
        for (step, steps, incidents) in [
            (minute, 10, 0.0),
            (minute, 60, 0.0),
            (minute, 1_440, 0.0),
            (hour, 168, 0.0),
            (hour, 720, 0.0),
            (hour, 720, 3.0),
            (hour, 720, 10.0),
            (hour, 2_160, 9.0),
            (hour, 720, 40.0),
        ] {
            let (ours, independent) = wrong(pairs, step, steps, incidents);
            assert!(
                f64::from(ours) <= 20.0 + 3.0 * 4.4,
                "{ours} of {pairs}: {steps} steps of {step}, {incidents}"
            );
            if incidents > 0.0 {
                assert!(independent > 200, "{independent} of {pairs}");
            }
        }
    }

    #[test]
    fn sees_what_is_there() {
        let total = vec![1_000; 720];
        let month = |incidents: usize| {
            let mut bad = vec![0; 720];
            (0..incidents).for_each(|number| bad[number * 720 / incidents..][..3].fill(200));
            bad
        };
        let (few, many) = (month(4), month(40));
        let hour = Window::hours(1);
        let (few, many) = (
            Series::new(Timestamp::EPOCH, hour, &total, &few).unwrap(),
            Series::new(Timestamp::EPOCH, hour, &total, &many).unwrap(),
        );
        let change = Change::between(&few, &many, Confidence::P95, BLOCK).unwrap().unwrap();
        assert!(change.interval.low() > 0.0 && change.worse > 0.99, "{change:?}");
    }
}
