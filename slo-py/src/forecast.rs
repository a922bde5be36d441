//! `slo.forecast`: forecasts of the budget.

use crate::{
    convert::{share, timedelta},
    error::value_error,
    html::percent,
    objective::objective,
};
use pyo3::{prelude::*, types::PyAny};
use slo_core::{
    forecast::{self, ExhaustionTimes},
    model::Window,
};
use std::time::Duration;

/// A forecast of when a budget will be spent; made by :meth:`Evaluation.forecast`.
#[pyclass(frozen, module = "slo")]
pub(crate) struct Forecast {
    pub(crate) times: ExhaustionTimes,
    pub(crate) expected: u64,
    pub(crate) horizon: Window,
}

#[pymethods]
impl Forecast {
    /// The share of futures in which the budget is spent within the horizon.
    #[getter]
    fn probability(&self) -> f64 {
        self.times.probability()
    }

    /// The seconds after which it is spent in the share ``p`` of futures; None beyond the horizon.
    ///
    /// ``quantile(0.05)`` and ``quantile(0.95)`` are the ends of an interval of 90 %.
    fn quantile(&self, p: f64) -> PyResult<Option<f64>> {
        share("p", p)?;
        Ok(self.times.quantile(p))
    }

    /// How far it looks ahead, a ``timedelta``.
    #[getter]
    const fn horizon(&self) -> Duration {
        timedelta(self.horizon)
    }

    /// The events expected within the horizon: those of the same hours of earlier weeks.
    #[getter]
    const fn expected_events(&self) -> u64 {
        self.expected
    }

    fn __repr__(&self) -> String {
        format!(
            "<Forecast: the budget is gone within {} in {} of futures>",
            self.horizon,
            percent(Some(self.times.probability()), 1)
        )
    }
}

/// The probability that the budget is overspent after `future` more events.
///
/// Examples
/// --------
/// >>> from slo import forecast
/// >>> round(forecast.exhaustion_probability("99.9%", total=50_000, bad=50, future=50_000), 4)
/// 0.4801
#[pyfunction]
#[pyo3(signature = (objective, *, total, bad, future))]
pub(crate) fn exhaustion_probability(
    objective: &Bound<'_, PyAny>,
    total: u64,
    bad: u64,
    future: u64,
) -> PyResult<f64> {
    let (objective, seen) = (self::objective(objective)?, crate::convert::tally(total, bad)?);
    forecast::exhaustion_probability(seen, future, objective).map_err(|error| value_error(&error))
}

/// The probability that the incidents of a period spend at most `budget` of its error budget.
///
/// Parameters
/// ----------
/// rate : float
///     Incidents per period.
/// spends : list of (float, float)
///     Shares of the budget that an incident spends, with their probabilities.
/// grid : float, default 0.01
///     Spends are rounded up to multiples of it.
/// budget : float, default 1.0
///
/// Examples
/// --------
/// >>> from slo import forecast
/// >>> round(forecast.survival(rate=2, spends=[(0.3, 1.0)], grid=0.1), 6)
/// 0.857123
#[pyfunction]
#[pyo3(signature = (*, rate, spends, grid = 0.01, budget = 1.0))]
pub(crate) fn survival(rate: f64, spends: Vec<(f64, f64)>, grid: f64, budget: f64) -> PyResult<f64> {
    let incidents = forecast::Incidents::new(rate, &spends);
    incidents
        .and_then(|incidents| forecast::spend_at_most(&incidents, grid, budget))
        .map_err(|error| value_error(&error))
}
