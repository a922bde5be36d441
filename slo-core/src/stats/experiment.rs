//! Experiments that may be checked at any time while they run.

use super::{Comparison, Confidence, Interval, confidence_sequence, fewest};
use crate::{Error, check::not_negative, math::Tally};

/// The result of an experiment, valid however often it was checked before.
///
/// Each arm gets a [`confidence_sequence`] with half the error, so the interval of the difference is valid at
/// all checks together (Bonferroni): you may stop as soon as there is a verdict. In exchange, the interval is
/// wider than that of [`newcombe`](super::newcombe), which is valid for one check.
///
/// ```
/// use slo_core::{math::Tally, stats::{Comparison, Confidence, Evidence}};
///
/// // May the canary burn twice a budget of 0.1 %?
/// let (margin, confidence) = (0.001, Confidence::P95);
/// let early = Evidence::of(Tally::new(5_000, 5)?, Tally::new(500, 1)?, margin, confidence)?.unwrap();
/// assert!(matches!(early.verdict, Comparison::Inconclusive { .. }));
/// let later = Evidence::of(Tally::new(50_000, 50)?, Tally::new(5_000, 45)?, margin, confidence)?.unwrap();
/// assert_eq!(later.verdict, Comparison::Degraded);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Evidence {
    /// The second error ratio less the first.
    pub difference: f64,
    /// The interval of the difference, valid at every check.
    pub interval: Interval,
    /// The verdict on the margin.
    pub verdict: Comparison,
}

impl Evidence {
    /// The evidence on whether `second` is worse than `first` by more than `margin`.
    ///
    /// `None` if one has no events.
    ///
    /// In budget terms, the margin of a change that may burn k times the budget is (k − 1)β.
    ///
    /// # Errors
    /// A negative or infinite margin, or NaN.
    pub fn of(
        first: Tally,
        second: Tally,
        margin: f64,
        confidence: Confidence,
    ) -> Result<Option<Self>, Error> {
        let margin = not_negative("margin", margin)?;
        let half = half_the_error(confidence)?;
        let interval = |times: u64| of_both(times_as_many(first, times), times_as_many(second, times), half);
        let (Some(now), Some(one), Some(two)) = (interval(1), first.error_ratio(), second.error_ratio())
        else {
            return Ok(None);
        };
        let verdict = judge(now, margin).unwrap_or_else(|| {
            let decided = |times: u64| interval(times).and_then(|interval| judge(interval, margin)).is_some();
            let larger = first.total().max(second.total());
            let times = fewest((u64::MAX / 2 / larger).min(MOST_TIMES), decided);
            Comparison::Inconclusive { events_needed: times.map(|times| larger * (times - 1)) }
        });
        Ok(Some(Self { difference: two - one, interval: now, verdict }))
    }
}

/// An interval for the difference of error ratios, `second` − `first`, valid at every check.
///
/// The interval of [`Evidence`], without its verdict. `None` if one has no events.
///
/// ```
/// use slo_core::{math::Tally, stats::{Confidence, difference_sequence}};
///
/// let (first, second) = (Tally::new(5_000, 5)?, Tally::new(5_000, 50)?);
/// let so_far = difference_sequence(first, second, Confidence::P95)?.unwrap();
/// assert!(0.0 < so_far.low() && so_far.low() < 0.009 && 0.009 < so_far.high());
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A confidence so close to 1 that half its error is rounded to 0.
pub fn difference_sequence(
    first: Tally,
    second: Tally,
    confidence: Confidence,
) -> Result<Option<Interval>, Error> {
    Ok(of_both(first, second, half_the_error(confidence)?))
}

fn half_the_error(confidence: Confidence) -> Result<Confidence, Error> {
    Confidence::new(f64::midpoint(confidence.level(), 1.0))
}

fn of_both(first: Tally, second: Tally, half: Confidence) -> Option<Interval> {
    let (one, two) = (confidence_sequence(first, half)?, confidence_sequence(second, half)?);
    Some(Interval::new(two.low() - one.high(), two.high() - one.low()))
}

/// If it takes this many times the events, the difference is taken to be at the margin.
const MOST_TIMES: u64 = 1_000_000;

fn judge(interval: Interval, margin: f64) -> Option<Comparison> {
    if interval.low() > margin {
        return Some(Comparison::Degraded);
    }
    (interval.high() < margin).then_some(Comparison::NotDegraded)
}

fn times_as_many(tally: Tally, times: u64) -> Tally {
    let (total, bad) = (tally.total().saturating_mul(times), tally.bad().saturating_mul(times));
    Tally::new(total, bad).unwrap_or(tally)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Random, newcombe};

    fn tally(total: u64, bad: u64) -> Tally {
        Tally::new(total, bad).unwrap()
    }

    #[test]
    fn says_how_many_events_are_missing() {
        let (one, two) = (tally(1_000, 1), tally(1_000, 6));
        let Comparison::Inconclusive { events_needed: Some(more) } =
            Evidence::of(one, two, 0.0, Confidence::P95).unwrap().unwrap().verdict
        else {
            panic!("decided too early")
        };
        let times = 1 + more / 1_000;
        let verdict = |times| {
            let (one, two) = (tally(1_000 * times, times), tally(1_000 * times, 6 * times));
            Evidence::of(one, two, 0.0, Confidence::P95).unwrap().unwrap().verdict
        };
        assert_eq!(verdict(times), Comparison::Degraded);
        assert!(matches!(verdict(times - 1), Comparison::Inconclusive { .. }));
        let same = Evidence::of(one, one, 0.0, Confidence::P95).unwrap().unwrap().verdict;
        assert_eq!(same, Comparison::Inconclusive { events_needed: None });
        assert_eq!(Evidence::of(Tally::EMPTY, two, 0.0, Confidence::P95), Ok(None));
        assert!(Evidence::of(one, two, f64::NAN, Confidence::P95).is_err());
    }

    #[test]
    fn is_wider_than_an_interval_for_one_look() {
        let (one, two) = (tally(50_000, 50), tally(5_000, 9));
        let ours = Evidence::of(one, two, 0.0, Confidence::P95).unwrap().unwrap().interval;
        let once = newcombe(one, two, Confidence::P95).unwrap();
        assert!(ours.low() < once.low() && once.high() < ours.high());
    }

    /// Looked at after every hundred events, arms that are alike are seldom found to differ; an interval for one look
    /// finds that often.
    #[test]
    fn may_be_looked_at_all_the_time() {
        let (mut wrong, mut wrong_once, runs) = (0, 0, 150);
        for run in 0..runs {
            let mut random = Random::new(run);
            let (mut arms, mut found, mut found_once) = ([Tally::EMPTY; 2], false, false);
            for _ in 0..60 {
                for arm in &mut arms {
                    let bad = (0..100).filter(|_| random.unit() < 0.02).count() as u64;
                    *arm = arm.checked_add(tally(100, bad)).unwrap();
                }
                let [one, two] = arms;
                found |= Evidence::of(one, two, 0.0, Confidence::P95).unwrap().unwrap().verdict
                    == Comparison::Degraded;
                found_once |= newcombe(one, two, Confidence::P95).unwrap().low() > 0.0;
            }
            wrong += u32::from(found);
            wrong_once += u32::from(found_once);
        }
        assert!(wrong <= 8, "{wrong} of {runs}");
        assert!(wrong_once > 15, "{wrong_once} of {runs}");
    }
}
