//! When the error budget will be gone, and with what probability.

use crate::{
    Error,
    math::Tally,
    model::{Objective, Window},
    replay::{Bootstrap, Series},
    stats::beta_binomial_at_least,
};

/// The probability that the budget is overspent by the end of the period, after `future` more events.
///
/// Given the events `seen`, future bad events are beta-binomial (Jeffreys' prior), which accounts for the
/// uncertainty of the error ratio: P(B + X > β·(N + future)). For errors that come one by one; for errors
/// that come in incidents, see [`exhaustion_times`] and [`survival`](super::survival).
///
/// | | probability |
/// |---|---|
/// | overspent already, whatever happens | 1 |
/// | too few future events to overspend | 0 |
///
/// ```
/// use slo_core::{forecast::exhaustion_probability, math::Tally};
///
/// // Half of the period's 100,000 events are over, 30 of the 100 allowed bad ones are spent.
/// let p = exhaustion_probability(Tally::new(50_000, 30)?, 50_000, "99.9%".parse()?)?;
/// assert!((p - 2.096_988_519_8e-5).abs() < 1e-15);
/// let p = exhaustion_probability(Tally::new(50_000, 50)?, 50_000, "99.9%".parse()?)?;
/// assert!((p - 0.480_117_5).abs() < 1e-6);
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// More events than 64 bits hold.
pub fn exhaustion_probability(seen: Tally, future: u64, objective: Objective) -> Result<f64, Error> {
    let whole = seen.checked_add(Tally::new(future, 0)?)?;
    // ⌊βN⌋ may be bad; one more overspends. β < 1, so it fits.
    let allowed = crate::math::ErrorBudget::observed(objective, whole).allowed().floor();
    let too_many = u64::try_from(allowed).unwrap_or(u64::MAX).saturating_add(1);
    let more = too_many.saturating_sub(seen.bad());
    beta_binomial_at_least(more, future, seen.bad() as f64 + 0.5, seen.good() as f64 + 0.5)
}

/// The times at which the budget is gone in simulated futures.
#[derive(Debug, Clone, PartialEq)]
pub struct ExhaustionTimes {
    // In steps, sorted; only of the futures in which it goes.
    steps: Vec<usize>,
    futures: usize,
    step: Window,
}

impl ExhaustionTimes {
    /// The probability that it is gone within the horizon.
    #[must_use]
    pub fn probability(&self) -> f64 {
        self.steps.len() as f64 / self.futures as f64
    }

    /// The time until it is gone in the share `p` of the futures, in seconds.
    ///
    /// `None` if it is gone in fewer of them within the horizon: the time is censored, not infinite.
    #[must_use]
    pub fn quantile(&self, p: f64) -> Option<f64> {
        let rank = (p.clamp(0.0, 1.0) * self.futures as f64).ceil().max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at least 1, at most the futures"
        )]
        let steps = self.steps.get(rank as usize - 1)?;
        Some(*steps as f64 * self.step.as_seconds().to_f64())
    }
}

/// When the budget of a rolling period will be gone, by resampling the history.
///
/// The `period` ends now. `bootstrap` draws futures of the length `horizon`. With each step of a future, the
/// oldest step leaves the period. The budget is gone after the first step at which the period's error ratio
/// exceeds the allowed one. All comparisons are exact. 0 if the budget is gone already.
///
/// ```
/// use slo_core::{forecast::exhaustion_times, model::{Timestamp, Window}, replay::{Bootstrap, Series}};
///
/// // Sixty days of hours; an incident every tenth day, and a worse one five days ago.
/// let total = vec![1_000; 24 * 60];
/// let mut bad: Vec<u64> = (0..total.len()).map(|hour| if hour % 240 == 5 { 120 } else { 0 }).collect();
/// bad[24 * 55] = 250;
/// let series = Series::new(Timestamp::EPOCH, Window::hours(1), &total, &bad)?;
/// let bootstrap = Bootstrap::new(Window::hours(12), 7);
/// let times = exhaustion_times(&series, "99.9%".parse()?, Window::days(30), Window::days(14), bootstrap)?;
/// assert!((0.3..0.6).contains(&times.probability())); // 610 of 720 are spent
/// assert!(times.quantile(0.1) < times.quantile(0.3));
/// assert_eq!(times.quantile(0.9), None); // not within two weeks
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A history shorter than the period, windows that are not whole steps, or no resamples.
pub fn exhaustion_times(
    series: &Series<'_>,
    objective: Objective,
    period: Window,
    horizon: Window,
    bootstrap: Bootstrap,
) -> Result<ExhaustionTimes, Error> {
    let (whole, horizon) = (series.steps_in(period)?, series.steps_in(horizon)?);
    if series.len() < whole {
        return Err(Error::new(format!(
            "a history of {} steps is shorter than the period of {period}",
            series.len()
        ))
        .with_hint("use a longer history: the budget of a rolling period needs all of it"));
    }
    let mut draws = bootstrap.on(series)?;
    let mut steps = Vec::new();
    for _ in 0..bootstrap.resamples {
        if let Some(gone) = exhaustion(series, objective, whole, horizon, &mut draws)? {
            steps.push(gone);
        }
    }
    steps.sort_unstable();
    Ok(ExhaustionTimes { steps, futures: bootstrap.resamples.max(1) as usize, step: series.step() })
}

fn exhaustion(
    series: &Series<'_>,
    objective: Objective,
    period: usize,
    horizon: usize,
    draws: &mut crate::replay::Draws<'_>,
) -> Result<Option<usize>, Error> {
    let now = series.len();
    let mut window = series.window(now, period);
    if window.exceeds(objective.budget()) {
        return Ok(Some(0));
    }
    // The events of the future so far, which are needed again when they leave the period.
    let mut future: Vec<Tally> = Vec::new();
    while future.len() < horizon {
        let block = draws.block(now + future.len(), horizon - future.len());
        for index in block.start..block.start + block.steps {
            let coming = series.at(index);
            let leaving = match (now + future.len()).checked_sub(period) {
                Some(old) if old < now => series.at(old),
                Some(old) => future.get(old - now).copied().unwrap_or(Tally::EMPTY),
                None => Tally::EMPTY,
            };
            future.push(coming);
            window = window.checked_add(coming)?.since(leaving)?;
            if window.exceeds(objective.budget()) {
                return Ok(Some(future.len()));
            }
        }
    }
    Ok(None)
}
