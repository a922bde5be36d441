//! Failure and repair: availability, incidents that a budget allows, times to restore.

use super::{
    Confidence, Interval,
    special::{Tail, beta_quantile},
};
use crate::{
    Error,
    check::{finite, not_negative, positive},
    model::{Objective, Ratio, Window},
};

/// The availability from mean times up and to repair: MTTF/(MTTF + MTTR).
///
/// Both are in the same unit. The time up is the time from the end of one failure to the start of the next,
/// not the whole cycle.
///
/// ```
/// use slo_core::stats::availability;
///
/// assert!((availability(1_000.0, 1.0)? - 0.999_000_999).abs() < 1e-9);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A time up that is not positive, or a negative time to repair.
pub fn availability(time_up: f64, time_to_repair: f64) -> Result<f64, Error> {
    let up = positive("time up", time_up)?;
    // Divided first: the sum of two large times may not fit a double.
    Ok(1.0 / (1.0 + not_negative("time to repair", time_to_repair)? / up))
}

/// The number of entire outages that the budget of `period` allows: βT/MTTR, exact.
///
/// Each outage lasts `time_to_repair`.
///
/// ```
/// use slo_core::{model::Window, stats::incidents_allowed};
///
/// // 99.9 % over a year, half an hour each.
/// let allowed = incidents_allowed("99.9%".parse()?, Window::days(365), Window::minutes(30))?;
/// assert_eq!(allowed.to_string(), "17.52");
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A number that does not fit 128 bits.
pub fn incidents_allowed(
    objective: Objective,
    period: Window,
    time_to_repair: Window,
) -> Result<Ratio, Error> {
    let exact = objective.budget().checked_mul(period.ratio_to(time_to_repair));
    exact.ok_or_else(|| Error::new(format!("{period} and {time_to_repair} have too many digits")))
}

/// The comparison of two samples of times to restore.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct RestoreTimes {
    /// The geometric mean of the second divided by that of the first: ½ means twice as fast.
    pub ratio: f64,
    /// The confidence interval of the ratio. If it contains 1, there is no evidence of a change.
    pub interval: Interval,
}

/// The fewest incidents on each side for a comparison of restore times.
const FEWEST_INCIDENTS: usize = 5;

/// Compares times to restore before and after, as the ratio of geometric means with its interval.
///
/// Times to restore are close to log-normal, so their logarithms are compared: Welch's interval for the
/// difference of means, transformed back by exp. A mean of raw times would mostly depend on the longest
/// incident.
///
/// ```
/// use slo_core::stats::{Confidence, compare_restore_times};
///
/// let before = [12.0, 45.0, 30.0, 240.0, 18.0, 60.0];
/// let after = [20.0, 15.0, 41.0, 33.0, 90.0];
/// let change = compare_restore_times(&before, &after, Confidence::P95)?;
/// assert!(change.ratio < 1.0 && change.interval.contains(1.0)); // shorter, but that may be chance
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Fewer than five incidents on a side, times that are not positive, times that are all the same, or a ratio
/// that does not fit a double.
pub fn compare_restore_times(
    before: &[f64],
    after: &[f64],
    confidence: Confidence,
) -> Result<RestoreTimes, Error> {
    let (one, two) = (LogMoments::of("before", before)?, LogMoments::of("after", after)?);
    let (v1, v2) = (one.variance / one.count, two.variance / two.count);
    let spread = v1 + v2;
    if spread <= 0.0 {
        return Err(Error::new("all times to restore are the same: there is nothing to compare"));
    }
    let degrees = spread * spread / (v1 * v1 / (one.count - 1.0) + v2 * v2 / (two.count - 1.0));
    let reach = student_quantile(confidence.alpha() / 2.0, degrees) * spread.sqrt();
    let difference = two.mean - one.mean;
    Ok(RestoreTimes {
        ratio: difference.exp(),
        interval: Interval::new((difference - reach).exp(), finite("the ratio", (difference + reach).exp())?),
    })
}

/// The typical value of several times, such as times to restore: their geometric mean.
///
/// A mean of raw times mostly depends on the longest one. Even if nothing has changed, it "improves" by a
/// tenth or more in two of five comparisons of ten incidents each; the geometric mean and its interval do not
/// claim that.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct TypicalTime {
    /// The number of times in the sample.
    pub count: usize,
    /// Their geometric mean, in their unit.
    pub geometric_mean: f64,
    /// The confidence interval of the geometric mean.
    ///
    /// By Student's distribution of the logarithms. `None` for a single time, and for times that are all the
    /// same.
    pub interval: Option<Interval>,
}

impl TypicalTime {
    /// The typical value of `times`; `None` if there are none.
    ///
    /// ```
    /// use slo_core::stats::{Confidence, TypicalTime};
    ///
    /// let restored = TypicalTime::of(&[12.0, 45.0, 30.0, 240.0, 18.0], Confidence::P95)?.unwrap();
    /// assert!((restored.geometric_mean - 37.06805).abs() < 1e-5);
    /// let interval = restored.interval.unwrap(); // five say little
    /// assert!((interval.low() - 8.79976).abs() < 1e-5 && (interval.high() - 156.14515).abs() < 1e-5);
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Times that are not positive, or a confidence whose interval does not fit a double.
    pub fn of(times: &[f64], confidence: Confidence) -> Result<Option<Self>, Error> {
        if times.is_empty() {
            return Ok(None);
        }
        for (index, time) in times.iter().enumerate() {
            positive(&format!("times[{index}]"), *time)?;
        }
        let count = times.len() as f64;
        let mean = times.iter().map(|time| time.ln()).sum::<f64>() / count;
        let squares: f64 = times.iter().map(|time| (time.ln() - mean).powi(2)).sum();
        let interval = if times.len() < 2 || squares <= 0.0 {
            None
        } else {
            let error = (squares / (count - 1.0) / count).sqrt();
            let reach = student_quantile(confidence.alpha() / 2.0, count - 1.0) * error;
            let high = finite("the interval", (mean + reach).exp())?;
            Some(Interval::new((mean - reach).exp(), high))
        };
        Ok(Some(Self { count: times.len(), geometric_mean: mean.exp(), interval }))
    }
}

struct LogMoments {
    count: f64,
    mean: f64,
    variance: f64,
}

impl LogMoments {
    fn of(name: &str, times: &[f64]) -> Result<Self, Error> {
        if times.len() < FEWEST_INCIDENTS {
            return Err(Error::new(format!("{name}: {} incidents are too few for a trend", times.len()))
                .with_hint(format!("compare at least {FEWEST_INCIDENTS} on each side; use a longer time")));
        }
        for (index, time) in times.iter().enumerate() {
            positive(&format!("{name}[{index}]"), *time)?;
        }
        let count = times.len() as f64;
        let mean = times.iter().map(|time| time.ln()).sum::<f64>() / count;
        let squares: f64 = times.iter().map(|time| (time.ln() - mean).powi(2)).sum();
        Ok(Self { count, mean, variance: squares / (count - 1.0) })
    }
}

/// The t above which Student's distribution has the probability `upper`, below ½.
fn student_quantile(upper: f64, degrees: f64) -> f64 {
    // t²/(ν + t²) ~ Beta(½, ν/2)
    let x = beta_quantile(Tail::Upper, 2.0 * upper, 0.5, degrees / 2.0);
    (degrees * x / (1.0 - x)).sqrt()
}

/// The largest share of time that toil should take (SRE Book): half.
pub const TOIL_CAP: f64 = 0.5;

/// The share of time that is spent on toil, from a survey.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Toil {
    /// Hours of toil over all hours worked.
    pub share: f64,
    /// The confidence interval of the share, by resampling the answers.
    pub interval: Interval,
}

/// The share of toil in a survey of (hours of toil, all hours worked), one answer each.
///
/// A ratio estimator, Σ toil / Σ hours: an answer with more hours counts more. The ends of the interval are
/// quantiles of 10,000 resamples of the answers, drawn from `seed`. Compare with [`TOIL_CAP`].
///
/// ```
/// use slo_core::stats::{Confidence, TOIL_CAP, toil};
///
/// let week = [(10.0, 40.0), (25.0, 40.0), (12.0, 32.0), (8.0, 40.0), (20.0, 38.0)];
/// let found = toil(&week, Confidence::P90, 1)?;
/// assert!((found.share - 75.0 / 190.0).abs() < 1e-12);
/// assert!(found.interval.low() < found.share && found.interval.high() < TOIL_CAP + 0.1);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Fewer than two answers, hours that are not positive, or more toil than hours.
pub fn toil(answers: &[(f64, f64)], confidence: Confidence, seed: u64) -> Result<Toil, Error> {
    if answers.len() < 2 {
        return Err(Error::new("a single answer has no spread").with_hint("use at least two answers"));
    }
    for (index, (toil, hours)) in answers.iter().enumerate() {
        not_negative(&format!("answers[{index}]: toil"), *toil)?;
        positive(&format!("answers[{index}]: hours"), *hours)?;
        if toil > hours {
            return Err(Error::new(format!("answers[{index}]: {toil} hours of toil exceed {hours} hours")));
        }
    }
    finite("the sum of hours", answers.iter().map(|(_, hours)| hours).sum())?;
    let share = |sample: &mut dyn Iterator<Item = &(f64, f64)>| {
        let (toil, hours) = sample.fold((0.0, 0.0), |sum, answer| (sum.0 + answer.0, sum.1 + answer.1));
        toil / hours
    };
    let mut random = super::Random::new(seed);
    let mut shares: Vec<f64> = (0..10_000)
        .map(|_| share(&mut (0..answers.len()).filter_map(|_| answers.get(random.below(answers.len())))))
        .collect();
    shares.sort_by(f64::total_cmp);
    let half = confidence.alpha() / 2.0;
    let interval = Interval::new(super::quantile(&shares, half), super::quantile(&shares, 1.0 - half));
    Ok(Toil { share: share(&mut answers.iter()), interval })
}
