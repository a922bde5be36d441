//! `slo.Change`: one stretch of time against another.

use crate::html::percent;
use pyo3::prelude::*;
use slo_core::{
    math::{BurnRate, Tally},
    model::Objective,
    replay,
};

/// How one history's error ratio differs from that of another; made by :meth:`Evaluation.compare`.
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
    /// The burn rates of all of the history before, and of the one after.
    #[getter]
    fn burn_rates(&self) -> (Option<f64>, Option<f64>) {
        (burn(self.change.before, self.objective), burn(self.change.after, self.objective))
    }

    /// The error ratio after, less that before.
    #[getter]
    const fn difference(&self) -> f64 {
        self.change.difference
    }

    /// Where the difference may lie.
    #[getter]
    const fn interval(&self) -> (f64, f64) {
        (self.change.interval.low(), self.change.interval.high())
    }

    /// How many of the pairs of histories that might have been are worse after.
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
