//! `slo.stats`: what counts can tell.

use crate::{convert::window, error::value_error, objective::objective};
use pyo3::{prelude::*, types::PyAny};
use slo_core::{
    Error,
    math::Tally,
    model::Ratio,
    stats::{self, Comparison, Confidence, Decision, ErlangDetection, FalseAlarms, Interval},
};

fn ok<T>(result: Result<T, Error>) -> PyResult<T> {
    result.map_err(|error| value_error(&error))
}

fn tally(total: u64, bad: u64) -> PyResult<Tally> {
    crate::budget::tally(total, bad)
}

fn confidence(level: f64) -> PyResult<Confidence> {
    ok(Confidence::new(level))
}

fn ends(interval: Interval) -> (f64, f64) {
    (interval.low(), interval.high())
}

/// An exact number from text, an int, a `Fraction` or a `Decimal`; a float by its shortest text.
fn ratio(value: &Bound<'_, PyAny>) -> PyResult<Ratio> {
    if let (Ok(numerator), Ok(denominator)) = (value.getattr("numerator"), value.getattr("denominator")) {
        return ok(Ratio::new(numerator.extract()?, denominator.extract()?));
    }
    ok(value.str()?.to_string().parse())
}

/// Wilson's score interval for an error ratio.
///
/// Parameters
/// ----------
/// total, bad : int
/// confidence : float, default 0.95
///
/// Returns
/// -------
/// (float, float) or None
///     None without events.
///
/// Examples
/// --------
/// >>> from slo import stats
/// >>> low, high = stats.wilson(total=10, bad=1)
/// >>> print(f"{low:.6f} {high:.6f}")
/// 0.017876 0.404150
#[pyfunction]
#[pyo3(signature = (*, total, bad, confidence = 0.95))]
pub(crate) fn wilson(total: u64, bad: u64, confidence: f64) -> PyResult<Option<(f64, f64)>> {
    Ok(stats::wilson(tally(total, bad)?, self::confidence(confidence)?).map(ends))
}

/// The Clopper–Pearson interval for an error ratio: never covers less than it says. None without events.
#[pyfunction]
#[pyo3(signature = (*, total, bad, confidence = 0.95))]
pub(crate) fn clopper_pearson(total: u64, bad: u64, confidence: f64) -> PyResult<Option<(f64, f64)>> {
    Ok(stats::clopper_pearson(tally(total, bad)?, self::confidence(confidence)?).map(ends))
}

/// Jeffreys' interval for an error ratio: covers what it says on average. None without events.
#[pyfunction]
#[pyo3(signature = (*, total, bad, confidence = 0.95))]
pub(crate) fn jeffreys(total: u64, bad: u64, confidence: f64) -> PyResult<Option<(f64, f64)>> {
    Ok(stats::jeffreys(tally(total, bad)?, self::confidence(confidence)?).map(ends))
}

/// The error ratios that no look so far has refuted; valid at every look. None without events.
#[pyfunction]
#[pyo3(signature = (*, total, bad, confidence = 0.95))]
pub(crate) fn confidence_sequence(total: u64, bad: u64, confidence: f64) -> PyResult<Option<(f64, f64)>> {
    Ok(stats::confidence_sequence(tally(total, bad)?, self::confidence(confidence)?).map(ends))
}

/// Garwood's interval for the rate behind `count` things seen in `exposure`.
#[pyfunction]
#[pyo3(signature = (count, *, exposure = 1.0, confidence = 0.95))]
pub(crate) fn garwood(count: u64, exposure: f64, confidence: f64) -> PyResult<(f64, f64)> {
    ok(stats::garwood(count, exposure, self::confidence(confidence)?)).map(ends)
}

/// The rate that `count` things seen in `exposure` leave unlikely to be exceeded.
#[pyfunction]
#[pyo3(signature = (count, *, exposure = 1.0, confidence = 0.95))]
pub(crate) fn rate_at_most(count: u64, exposure: f64, confidence: f64) -> PyResult<f64> {
    ok(stats::rate_at_most(count, exposure, self::confidence(confidence)?))
}

/// How likely a first count at least as high is if both rates are the same; (count, exposure) each.
#[pyfunction]
#[pyo3(signature = (first, second))]
pub(crate) fn rate_increase_p_value(first: (u64, f64), second: (u64, f64)) -> PyResult<f64> {
    ok(stats::rate_increase_p_value(first, second))
}

/// Newcombe's interval for the difference of error ratios, second − first; (total, bad) each.
#[pyfunction]
#[pyo3(signature = (first, second, *, confidence = 0.95))]
pub(crate) fn newcombe(
    first: (u64, u64),
    second: (u64, u64),
    confidence: f64,
) -> PyResult<Option<(f64, f64)>> {
    let (first, second) = (tally(first.0, first.1)?, tally(second.0, second.1)?);
    Ok(stats::newcombe(first, second, self::confidence(confidence)?).map(ends))
}

/// The statistic of the pooled two-proportion z test, second − first; (total, bad) each.
#[pyfunction]
#[pyo3(signature = (first, second))]
pub(crate) fn two_proportion_z(first: (u64, u64), second: (u64, u64)) -> PyResult<Option<f64>> {
    Ok(stats::two_proportion_z(tally(first.0, first.1)?, tally(second.0, second.1)?))
}

/// Fisher's exact test, one-sided: so many of the bad events in the second by chance; (total, bad) each.
#[pyfunction]
#[pyo3(signature = (first, second))]
pub(crate) fn fisher_p_value(first: (u64, u64), second: (u64, u64)) -> PyResult<f64> {
    ok(stats::fisher_p_value(tally(first.0, first.1)?, tally(second.0, second.1)?))
}

/// Whether the second is worse than the first by more than `margin`; (total, bad) each.
///
/// Returns
/// -------
/// ("degraded" | "not degraded" | "inconclusive", int or None) or None
///     With the further events per arm that should decide it. None without events.
#[pyfunction]
#[pyo3(signature = (first, second, *, margin = 0.0, confidence = 0.95))]
pub(crate) fn compare(
    first: (u64, u64),
    second: (u64, u64),
    margin: f64,
    confidence: f64,
) -> PyResult<Option<(&'static str, Option<u64>)>> {
    let (first, second) = (tally(first.0, first.1)?, tally(second.0, second.1)?);
    let found = ok(stats::compare(first, second, margin, self::confidence(confidence)?))?;
    Ok(found.map(|comparison| match comparison {
        Comparison::Degraded => ("degraded", None),
        Comparison::NotDegraded => ("not degraded", None),
        Comparison::Inconclusive { events_needed } => ("inconclusive", events_needed),
    }))
}

/// How likely the second error ratio is above the first one plus `margin`; (total, bad) each.
#[pyfunction]
#[pyo3(signature = (first, second, *, margin = 0.0))]
pub(crate) fn probability_worse(first: (u64, u64), second: (u64, u64), margin: f64) -> PyResult<f64> {
    ok(stats::probability_worse(tally(first.0, first.1)?, tally(second.0, second.1)?, margin))
}

/// Events that each arm needs to tell the error ratio `p1` from `p0`.
#[pyfunction]
#[pyo3(signature = (p0, p1, *, alpha = 0.05, power = 0.8))]
pub(crate) fn events_per_arm(p0: f64, p1: f64, alpha: f64, power: f64) -> PyResult<u64> {
    ok(stats::events_per_arm(p0, p1, alpha, power))
}

/// P(X ≥ m) for a binomial X.
#[pyfunction]
#[pyo3(signature = (m, *, trials, p))]
pub(crate) fn binomial_at_least(m: u64, trials: u64, p: f64) -> PyResult<f64> {
    ok(stats::binomial_at_least(m, trials, p))
}

/// P(X ≥ m) for a Poisson X.
#[pyfunction]
#[pyo3(signature = (m, *, mean))]
pub(crate) fn poisson_at_least(m: u64, mean: f64) -> PyResult<f64> {
    ok(stats::poisson_at_least(m, mean))
}

/// P(X > x) for X ~ Beta(a, b).
#[pyfunction]
#[pyo3(signature = (x, *, a, b))]
pub(crate) fn beta_above(x: f64, a: f64, b: f64) -> PyResult<f64> {
    ok(stats::beta_above(x, a, b))
}

/// P(X ≥ m) for a beta-binomial X.
#[pyfunction]
#[pyo3(signature = (m, *, trials, a, b))]
pub(crate) fn beta_binomial_at_least(m: u64, trials: u64, a: f64, b: f64) -> PyResult<f64> {
    ok(stats::beta_binomial_at_least(m, trials, a, b))
}

/// P(X ≥ m) for a hypergeometric X: `drawn` of `all` events, of which `marked` are bad.
#[pyfunction]
#[pyo3(signature = (m, *, all, marked, drawn))]
pub(crate) fn hypergeometric_at_least(m: u64, all: u64, marked: u64, drawn: u64) -> PyResult<f64> {
    ok(stats::hypergeometric_at_least(m, all, marked, drawn))
}

/// How likely the true burn rate is above `burn`, given what was counted.
#[pyfunction]
#[pyo3(signature = (*, total, bad, objective, burn = 1.0))]
pub(crate) fn burn_above(total: u64, bad: u64, objective: &Bound<'_, PyAny>, burn: f64) -> PyResult<f64> {
    ok(stats::burn_above(tally(total, bad)?, self::objective(objective)?, burn))
}

/// The fewest bad events that mean something to an alert at burn rate `factor`; None up to 1.
///
/// Examples
/// --------
/// >>> from slo import stats
/// >>> stats.fewest_bad_events("14.4", alpha=0.001)
/// 4
#[pyfunction]
#[pyo3(signature = (factor, *, alpha = 0.001))]
pub(crate) fn fewest_bad_events(factor: &Bound<'_, PyAny>, alpha: f64) -> PyResult<Option<u64>> {
    ok(stats::fewest_bad_events(ratio(factor)?, alpha))
}

/// The fewest events among which `bad` bad ones never exceed `threshold`.
#[pyfunction]
#[pyo3(signature = (threshold, *, bad = 1))]
pub(crate) fn events_to_stay_silent(threshold: &Bound<'_, PyAny>, bad: u64) -> PyResult<u64> {
    ok(stats::events_to_stay_silent(ratio(threshold)?, bad))
}

/// Events without a failure that show an objective is met.
#[pyfunction]
#[pyo3(signature = (objective, *, confidence = 0.95))]
pub(crate) fn events_to_demonstrate(objective: &Bound<'_, PyAny>, confidence: f64) -> PyResult<u64> {
    Ok(stats::events_to_demonstrate(self::objective(objective)?, self::confidence(confidence)?))
}

/// How likely a window of `events` events exceeds `threshold` at `error_ratio`.
#[pyfunction]
#[pyo3(signature = (threshold, *, events, error_ratio))]
pub(crate) fn firing_probability(
    threshold: &Bound<'_, PyAny>,
    events: u64,
    error_ratio: f64,
) -> PyResult<f64> {
    ok(stats::firing_probability(ratio(threshold)?, events, error_ratio))
}

/// How often per second an alert that needs these bad events in its windows starts on random errors.
#[pyfunction]
#[pyo3(signature = (*, bad_rate, long, short, long_needs, short_needs))]
pub(crate) fn false_starts_per_second(
    bad_rate: f64,
    long: &Bound<'_, PyAny>,
    short: &Bound<'_, PyAny>,
    long_needs: u64,
    short_needs: u64,
) -> PyResult<f64> {
    let alarms = ok(FalseAlarms::with_counts(window(long)?, window(short)?, long_needs, short_needs))?;
    ok(alarms.starts_per_second(bad_rate))
}

/// Detection by a window on errors that come at random.
///
/// Returns
/// -------
/// (int, float, float)
///     The bad events it takes, and the seconds to them: on average, and at `quantile`.
#[pyfunction]
#[pyo3(signature = (*, long, threshold, traffic, error_ratio, quantile = 0.95))]
pub(crate) fn erlang_detection(
    long: &Bound<'_, PyAny>,
    threshold: &Bound<'_, PyAny>,
    traffic: &Bound<'_, PyAny>,
    error_ratio: f64,
    quantile: f64,
) -> PyResult<(u64, f64, f64)> {
    let wait = ok(ErlangDetection::new(window(long)?, ratio(threshold)?, ratio(traffic)?, error_ratio))?;
    Ok((wait.bad_events(), wait.mean(), ok(wait.quantile(quantile))?))
}

/// How much more bad events vary between blocks of (total, bad) than independent ones would.
#[pyfunction]
#[pyo3(signature = (blocks))]
pub(crate) fn design_effect(blocks: Vec<(u64, u64)>) -> PyResult<Option<f64>> {
    let blocks = blocks.into_iter().map(|(total, bad)| tally(total, bad)).collect::<PyResult<Vec<_>>>()?;
    ok(stats::design_effect(&blocks))
}

/// Wald's sequential test of the error ratio `p0` against the higher `p1`.
///
/// Examples
/// --------
/// >>> from slo import stats
/// >>> stats.Sprt(0.001, 0.0144, alpha=0.01, beta=0.1).decide(total=2, bad=2)
/// 'worse'
#[pyclass(frozen, module = "slo")]
pub(crate) struct Sprt(stats::Sprt);

#[pymethods]
impl Sprt {
    #[new]
    #[pyo3(signature = (p0, p1, *, alpha, beta))]
    fn new(p0: f64, p1: f64, alpha: f64, beta: f64) -> PyResult<Self> {
        ok(stats::Sprt::new(p0, p1, alpha, beta)).map(Self)
    }

    /// The evidence from which on `p1` is accepted.
    #[getter]
    fn upper(&self) -> f64 {
        self.0.upper()
    }

    /// The evidence down to which `p0` is accepted.
    #[getter]
    fn lower(&self) -> f64 {
        self.0.lower()
    }

    /// The log likelihood ratio of the events so far.
    #[pyo3(signature = (*, total, bad))]
    fn evidence(&self, total: u64, bad: u64) -> PyResult<f64> {
        Ok(self.0.evidence(tally(total, bad)?))
    }

    /// "worse", "not worse" or "continue".
    #[pyo3(signature = (*, total, bad))]
    fn decide(&self, total: u64, bad: u64) -> PyResult<&'static str> {
        Ok(match self.0.decide(tally(total, bad)?) {
            Decision::Worse => "worse",
            Decision::NotWorse => "not worse",
            Decision::Continue => "continue",
        })
    }

    /// Events to a decision on average, if `p1` and if `p0` is true.
    #[getter]
    fn average_events(&self) -> (f64, f64) {
        self.0.average_events()
    }

    /// Bad events in a row that are accepted as `p1`.
    #[getter]
    fn bad_in_a_row(&self) -> u64 {
        self.0.bad_in_a_row()
    }

    /// Good events in a row that are accepted as `p0`.
    #[getter]
    fn good_in_a_row(&self) -> u64 {
        self.0.good_in_a_row()
    }
}

/// ln of the evidence that the error ratio is above `p0` (or differs from it), valid at every look.
#[pyfunction]
#[pyo3(signature = (*, total, bad, p0, one_sided = true))]
pub(crate) fn mixture_evidence(total: u64, bad: u64, p0: f64, one_sided: bool) -> PyResult<f64> {
    let test =
        if one_sided { stats::MixtureTest::worse_than(p0) } else { stats::MixtureTest::differs_from(p0) };
    Ok(ok(test)?.evidence(tally(total, bad)?))
}

/// ln of the evidence that things come faster than `rate`, valid at every look.
#[pyfunction]
#[pyo3(signature = (count, *, exposure, rate))]
pub(crate) fn rate_evidence(count: u64, exposure: f64, rate: f64) -> PyResult<f64> {
    ok(stats::rate_evidence(count, exposure, rate))
}

/// The share of bad events to allow that best tells the error ratio `p1` from `p0` by CUSUM.
#[pyfunction]
#[pyo3(signature = (p0, p1))]
pub(crate) fn best_allowance(p0: f64, p1: f64) -> PyResult<f64> {
    ok(stats::best_allowance(p0, p1))
}

/// Batches until a CUSUM alarms on average, each of `events` events with the share `error_ratio` bad.
#[pyfunction]
#[pyo3(signature = (*, events, error_ratio, allowed, threshold))]
pub(crate) fn average_run_length(
    events: u64,
    error_ratio: f64,
    allowed: &Bound<'_, PyAny>,
    threshold: &Bound<'_, PyAny>,
) -> PyResult<f64> {
    ok(stats::average_run_length(events, error_ratio, ratio(allowed)?, ratio(threshold)?))
}

/// The ratio of geometric means of times to restore, after to before, with its interval.
#[pyfunction]
#[pyo3(signature = (before, after, *, confidence = 0.95))]
pub(crate) fn compare_restore_times(
    before: Vec<f64>,
    after: Vec<f64>,
    confidence: f64,
) -> PyResult<(f64, (f64, f64))> {
    let change = ok(stats::compare_restore_times(&before, &after, self::confidence(confidence)?))?;
    Ok((change.ratio, ends(change.interval)))
}

/// The share of toil in answers of (hours of toil, hours), with its interval by resampling.
#[pyfunction]
#[pyo3(signature = (answers, *, confidence = 0.95, seed = 0))]
pub(crate) fn toil(answers: Vec<(f64, f64)>, confidence: f64, seed: u64) -> PyResult<(f64, (f64, f64))> {
    let found = ok(stats::toil(&answers, self::confidence(confidence)?, seed))?;
    Ok((found.share, ends(found.interval)))
}

/// The share of time up: time up over time up and to repair.
#[pyfunction]
#[pyo3(signature = (*, time_up, time_to_repair))]
pub(crate) fn availability(time_up: f64, time_to_repair: f64) -> PyResult<f64> {
    ok(stats::availability(time_up, time_to_repair))
}
