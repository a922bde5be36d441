//! The exception tree.

use pyo3::{
    create_exception,
    exceptions::{PyUserWarning, PyValueError},
    prelude::*,
    types::PyTuple,
};
use slo_core::Diagnostics;

create_exception!(slo, SloError, PyValueError, "An invalid value, and the base class of all errors here.");
create_exception!(slo, SpecError, SloError, "A spec with faults; `faults` holds all of them.");
create_exception!(slo, DataError, SloError, "Counts that contradict each other.");
create_exception!(slo, QueryError, SloError, "A query that a server refused.");
create_exception!(slo, SloWarning, PyUserWarning, "A caveat about a result, with a way to resolve it.");

/// Warns Python.
pub(crate) fn warn(py: Python<'_>, message: &str) -> PyResult<()> {
    let message = std::ffi::CString::new(message)?;
    PyErr::warn(py, &py.get_type::<SloWarning>(), &message, 1)
}

/// One fault of a spec.
#[pyclass(frozen, eq, module = "slo")]
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    line: usize,
    column: usize,
    place: String,
    message: String,
    hint: Option<String>,
    text: String,
}

impl From<&slo_core::Fault> for Fault {
    fn from(fault: &slo_core::Fault) -> Self {
        Self {
            line: fault.line,
            column: fault.column,
            place: fault.place.clone(),
            message: fault.error.message().to_owned(),
            hint: fault.error.hint().map(ToOwned::to_owned),
            text: fault.to_string(),
        }
    }
}

#[pymethods]
impl Fault {
    #[new]
    const fn new(
        line: usize,
        column: usize,
        place: String,
        message: String,
        hint: Option<String>,
        text: String,
    ) -> Self {
        Self { line, column, place, message, hint, text }
    }

    /// Line, counted from 1.
    #[getter]
    const fn line(&self) -> usize {
        self.line
    }

    /// Column in characters, counted from 1.
    #[getter]
    const fn column(&self) -> usize {
        self.column
    }

    /// Path of the field, such as ``slos[0].objective``.
    #[getter]
    fn place(&self) -> &str {
        &self.place
    }

    /// What is wrong.
    #[getter]
    fn message(&self) -> &str {
        &self.message
    }

    /// How to fix it, or None.
    #[getter]
    fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    fn __getnewargs__(&self) -> (usize, usize, &str, &str, Option<&str>, &str) {
        (self.line, self.column, &self.place, &self.message, self.hint.as_deref(), &self.text)
    }

    fn __str__(&self) -> &str {
        &self.text
    }

    fn __repr__(&self) -> String {
        format!("<Fault {}:{} {}>", self.line, self.column, self.message)
    }
}

/// The exception for a bad value.
pub(crate) fn value_error(error: &slo_core::Error) -> PyErr {
    SloError::new_err(with_hint(error))
}

/// The exception for counts that contradict each other.
pub(crate) fn data_error(error: &slo_core::Error) -> PyErr {
    positioned(None, &with_hint(error))
}

/// The exception for a row that is not a count or a time; `position` is the row.
pub(crate) fn data_error_at(position: usize, message: &str) -> PyErr {
    positioned(Some(position), message)
}

/// The exception for a column that a table does not have: a `KeyError` as well.
pub(crate) fn column_error(message: &str) -> PyErr {
    Python::attach(|py| {
        let made =
            py.import("slo._errors").and_then(|module| module.getattr("ColumnError")?.call1((message,)));
        made.map_or_else(|failure| failure, PyErr::from_value)
    })
}

/// Sets the position of the row; None if no row is to blame.
pub(crate) fn positioned(position: Option<usize>, message: &str) -> PyErr {
    Python::attach(|py| {
        let error = DataError::new_err(message.to_owned());
        match error.value(py).setattr("position", position) {
            Ok(()) => error,
            Err(failure) => failure,
        }
    })
}

/// The exception for a row of a table.
pub(crate) fn row_error(error: &slo_core::replay::RowError) -> PyErr {
    row_error_with(error, "")
}

/// The same with more to its hint.
pub(crate) fn row_error_with(error: &slo_core::replay::RowError, more: &str) -> PyErr {
    let hint = error.error.hint().map_or_else(String::new, |hint| format!("; hint: {hint}"));
    positioned(error.row, &format!("{error}{hint}{more}"))
}

/// The exception for a spec, with its faults.
pub(crate) fn spec_error(py: Python<'_>, name: Option<&str>, found: &Diagnostics) -> PyErr {
    let prefix = name.map_or_else(String::new, |name| format!("{name}:"));
    let lines: Vec<String> = found.faults().iter().map(|fault| format!("{prefix}{fault}")).collect();
    let error = SpecError::new_err(lines.join("\n"));
    let faults = found.faults().iter().map(|fault| Py::new(py, Fault::from(fault)));
    let attach = || {
        let faults = PyTuple::new(py, faults.collect::<PyResult<Vec<_>>>()?)?;
        error.value(py).setattr("faults", faults)
    };
    match attach() {
        Ok(()) => error,
        Err(failure) => failure,
    }
}

pub(crate) fn with_hint(error: &slo_core::Error) -> String {
    match error.hint() {
        Some(hint) => format!("{error}; hint: {hint}"),
        None => error.to_string(),
    }
}
