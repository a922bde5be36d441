//! `ErrorBudget.experiment`: a comparison of two arms while they run.

use crate::{
    convert::datetime,
    error::{SloError, value_error},
    html::percent,
    samples::Samples,
    table::{Columns, Table},
};
use pyo3::prelude::*;
use slo_core::{
    math::Tally,
    model::{Objective, Ratio, Timestamp},
    stats::{Comparison, Confidence, Evidence, Interval, difference_sequence},
};

/// The result of an experiment, judged after every step.
///
/// Made by :meth:`ErrorBudget.experiment`.
#[pyclass(frozen, module = "slo")]
pub(crate) struct Experiment {
    // One after each step.
    looks: Vec<Look>,
    margin: f64,
    // The evidence of the deciding look, or of the last one.
    evidence: Option<Evidence>,
    decided: Option<Timestamp>,
}

/// The result at the end of a step.
struct Look {
    end: Timestamp,
    // The difference and its interval; `None` if an arm has no events yet.
    known: Option<(f64, Interval)>,
}

impl Look {
    fn verdict(&self, margin: f64) -> &'static str {
        match self.known {
            Some((_, interval)) if interval.low() > margin => "degraded",
            Some((_, interval)) if interval.high() < margin => "not degraded",
            _ => "inconclusive",
        }
    }
}

/// How an experiment is judged.
pub(crate) struct Tolerance {
    pub(crate) objective: Objective,
    pub(crate) burn_rate: Ratio,
    pub(crate) confidence: f64,
}

impl Experiment {
    pub(crate) fn of(
        py: Python<'_>,
        control: &Samples,
        treatment: &Samples,
        tolerance: &Tolerance,
    ) -> PyResult<Self> {
        let ok = |error: slo_core::Error| value_error(&error);
        let confidence = Confidence::new(tolerance.confidence).map_err(ok)?;
        let Some(above_due) = tolerance.burn_rate.checked_sub(Ratio::ONE) else {
            let message = format!(
                "tolerated_burn_rate is {}; write 1 or more, where 1 tolerates no difference",
                tolerance.burn_rate
            );
            return Err(SloError::new_err(message));
        };
        let margin = above_due.to_f64() * tolerance.objective.budget().to_f64();
        if control.begins() != treatment.begins() || control.step_window() != treatment.step_window() {
            let message = "the arms must run at the same time; give samples of the same start and step";
            return Err(SloError::new_err(message));
        }
        let arm = |samples: &Samples| {
            samples.series(py, |series| {
                series.steps().map(|step| (step.total(), step.bad())).collect::<Vec<_>>()
            })
        };
        let (first, second) = (arm(control)?, arm(treatment)?);
        if first.len() != second.len() {
            let message = format!(
                "control has {} steps, treatment {}; give both up to the same time",
                first.len(),
                second.len()
            );
            return Err(SloError::new_err(message));
        }
        let (start, step) = (control.begins(), control.step_window());
        let done = py.detach(|| {
            let (mut one, mut two, mut looks) = (Tally::EMPTY, Tally::EMPTY, Vec::new());
            let (mut end, mut decided) = (start, None);
            for (control, treatment) in first.iter().zip(&second) {
                one = one.checked_add(Tally::new(control.0, control.1)?)?;
                two = two.checked_add(Tally::new(treatment.0, treatment.1)?)?;
                end = end.after(step);
                let difference = two.error_ratio().zip(one.error_ratio()).map(|(two, one)| two - one);
                let known = difference.zip(difference_sequence(one, two, confidence)?);
                let look = Look { end, known };
                if decided.is_none() && look.verdict(margin) != "inconclusive" {
                    decided = Some((end, Evidence::of(one, two, margin, confidence)?));
                }
                looks.push(look);
            }
            let evidence = match decided {
                Some((_, evidence)) => evidence,
                None => Evidence::of(one, two, margin, confidence)?,
            };
            Ok(Self { looks, margin, evidence, decided: decided.map(|(end, _)| end) })
        });
        done.map_err(ok)
    }
}

#[pymethods]
impl Experiment {
    /// ``"degraded"``, ``"not degraded"`` or ``"inconclusive"``: the first decision stands.
    #[getter]
    fn verdict(&self) -> &'static str {
        match self.evidence.map(|evidence| evidence.verdict) {
            Some(Comparison::Degraded) => "degraded",
            Some(Comparison::NotDegraded) => "not degraded",
            Some(Comparison::Inconclusive { .. }) | None => "inconclusive",
        }
    }

    /// When it was decided, a ``datetime`` in UTC at the end of a step, or None.
    #[getter]
    fn decided_at<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.decided.map(|end| datetime(py, end)).transpose()
    }

    /// The error ratio of the treatment minus that of the control, or None without events.
    ///
    /// It is taken at the decision, or else at the end.
    #[getter]
    fn difference(&self) -> Option<f64> {
        self.evidence.map(|evidence| evidence.difference)
    }

    /// The interval of the difference, valid at every look; None without events.
    #[getter]
    fn interval(&self) -> Option<(f64, f64)> {
        self.evidence.map(|evidence| (evidence.interval.low(), evidence.interval.high()))
    }

    /// The tolerated difference of error ratios.
    #[getter]
    const fn margin(&self) -> f64 {
        self.margin
    }

    /// How many more events of the larger arm would decide it, or None.
    ///
    /// This assumes that the error ratios stay as they are. None if it is decided, or if no number of events
    /// would decide it.
    #[getter]
    fn events_needed(&self) -> Option<u64> {
        match self.evidence?.verdict {
            Comparison::Inconclusive { events_needed } => events_needed,
            _ => None,
        }
    }

    /// The result after every step.
    ///
    /// Returns
    /// -------
    /// Table
    ///     ``time`` (UTC), ``difference``, ``low``, ``high`` (null before both arms have events), ``verdict``.
    #[getter]
    fn looks(&self) -> PyResult<Table> {
        let known = || self.looks.iter().map(|look| look.known);
        Columns::default()
            .times("time", self.looks.iter().map(|look| look.end))
            .numbers("difference", known().map(|known| known.map(|(difference, _)| difference)))
            .numbers("low", known().map(|known| known.map(|(_, interval)| interval.low())))
            .numbers("high", known().map(|known| known.map(|(_, interval)| interval.high())))
            .words("verdict", self.looks.iter().map(|look| look.verdict(self.margin)))
            .table()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let interval = match self.interval() {
            None => "no events".to_owned(),
            Some((low, high)) => format!(
                "{} more bad events ({} to {}), {} tolerated",
                percent(self.difference(), 4),
                percent(Some(low), 4),
                percent(Some(high), 4),
                percent(Some(self.margin), 4)
            ),
        };
        let at = match self.decided {
            None => String::new(),
            Some(end) => format!(" at {}", crate::convert::iso(py, end)?),
        };
        Ok(format!("<Experiment: {}{at}, {interval}>", self.verdict()))
    }
}
