//! `slo.Objective`

use crate::{convert::fraction, error::SloError, error::value_error};
use pyo3::{
    exceptions::PyTypeError,
    prelude::*,
    types::{PyAny, PyString},
};
use slo_core::model;

/// The share of events that must be good: exact, above 0 % and below 100 %.
///
/// Parameters
/// ----------
/// value : str, Decimal, float or Objective
///     A percentage with ``%``, such as ``"99.9%"``, or a share of one, such as
///     ``Decimal("0.999")``. A float is read by its shortest decimal text.
///
/// Raises
/// ------
/// SloError
///     A value that is not between 0 % and 100 %, or a number above one without a percent sign.
///
/// Examples
/// --------
/// >>> import slo
/// >>> slo.Objective("99.9%").budget
/// Fraction(1, 1000)
#[pyclass(frozen, eq, ord, hash, module = "slo")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Objective(pub(crate) model::Objective);

#[pymethods]
impl Objective {
    #[new]
    fn new(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        objective(value).map(Self)
    }

    /// The objective as a share of one, a `Fraction`.
    #[getter]
    fn ratio<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        fraction(py, self.0.ratio())
    }

    /// The error budget as a share of all events, a `Fraction`.
    #[getter]
    fn budget<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        fraction(py, self.0.budget())
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Objective('{}')", self.0)
    }

    fn __getnewargs__(&self) -> (String,) {
        (self.0.to_string(),)
    }
}

/// An objective from a Python value.
pub(crate) fn objective(value: &Bound<'_, PyAny>) -> PyResult<model::Objective> {
    if let Ok(objective) = value.cast::<Objective>() {
        return Ok(objective.get().0);
    }
    if value.is_instance_of::<PyString>() {
        return value.extract::<String>()?.parse().map_err(|error| value_error(&error));
    }
    if value.extract::<f64>().is_err() {
        let kind = value.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "an objective must be text such as \"99.9%\" or a Decimal, not {kind}"
        )));
    }
    // `str` gives the shortest text that reads back as the same float, and a Decimal's own digits.
    let text = value.str()?.to_string();
    let share: model::Ratio = text.parse().map_err(|error| value_error(&error))?;
    if share >= model::Ratio::ONE {
        let percent = if share < model::Ratio::whole(100) { &text } else { "99.9" };
        return Err(SloError::new_err(format!("{text} is not a share of one; hint: write \"{percent}%\"")));
    }
    let percent = share.checked_mul(model::Ratio::whole(100)).map_or(text, |percent| percent.to_string());
    format!("{percent}%").parse().map_err(|error| value_error(&error))
}
