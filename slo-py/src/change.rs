//! `slo.Change`: one stretch of time against another.

use crate::html::percent;
use pyo3::prelude::*;
use slo_core::{
    math::{BurnRate, Tally},
    model::Objective,
    replay,
};

/// The difference of two histories' error ratios; made by :meth:`Evaluation.compare`.
#[pyclass(frozen, module = "slo")]
pub(crate) struct Change {
    pub(crate) change: replay::Change,
    pub(crate) objective: Objective,
}

fn burn(tally: Tally, objective: Objective) -> Option<f64> {
    BurnRate::of(tally, objective).map(BurnRate::value)
}

#[pymethods]
impl Change {
    /// The burn rates before and after, each over its whole history.
    #[getter]
    fn burn_rates(&self) -> (Option<f64>, Option<f64>) {
        (burn(self.change.before, self.objective), burn(self.change.after, self.objective))
    }

    /// The error ratio after minus the error ratio before.
    #[getter]
    const fn difference(&self) -> f64 {
        self.change.difference
    }

    /// The confidence interval of the difference.
    #[getter]
    const fn interval(&self) -> (f64, f64) {
        (self.change.interval.low(), self.change.interval.high())
    }

    /// The probability that the second history is worse, by Student's distribution.
    #[getter]
    const fn probability_worse(&self) -> f64 {
        self.change.worse
    }

    /// ``"worse"``, ``"better"``, or ``"no difference shown"``, by the interval.
    #[getter]
    fn verdict(&self) -> &'static str {
        match self.interval() {
            (low, _) if low > 0.0 => "worse",
            (_, high) if high < 0.0 => "better",
            _ => "no difference shown",
        }
    }

    fn __repr__(&self) -> String {
        let (low, high) = self.interval();
        format!(
            "<Change: {}, error ratio {} to {} ({} to {})>",
            self.verdict(),
            percent(self.change.before.error_ratio(), 4),
            percent(self.change.after.error_ratio(), 4),
            percent(Some(low), 4),
            percent(Some(high), 4),
        )
    }
}
