//! Spans of time that Python gives.

use super::columns;
use crate::{convert, error::data_error_at};
use pyo3::{prelude::*, types::PyAny};
use slo_core::model::Timestamp;

/// Stretches of time: pairs of datetimes, or a table with ``start`` and ``end``.
pub(crate) fn spans<'py>(py: Python<'py>, data: &Bound<'py, PyAny>) -> PyResult<Vec<(Timestamp, Timestamp)>> {
    let is_table =
        data.hasattr("__arrow_c_stream__")? || data.hasattr("__arrow_c_array__")? || data.hasattr("keys")?;
    if !is_table && data.hasattr("__iter__")? {
        let pair = |(row, pair): (usize, PyResult<Bound<'py, PyAny>>)| {
            let (start, end): (Bound<'py, PyAny>, Bound<'py, PyAny>) = pair?.extract().map_err(|_| {
                data_error_at(
                    row,
                    &format!("row {row} is not a pair of datetimes; give when it started and when it ended"),
                )
            })?;
            let span = (convert::moment(&start)?, convert::moment(&end)?);
            if span.1 <= span.0 {
                let message = format!("row {row} does not end after it starts; put the start first");
                return Err(data_error_at(row, &message));
            }
            Ok(span)
        };
        return data.try_iter()?.enumerate().map(pair).collect();
    }
    let source = columns::Source::of(Some(data))?;
    let (starts, ends) = (source.times(py, "start", None)?.millis, source.times(py, "end", None)?.millis);
    if starts.len() != ends.len() {
        let message = format!("'start' has {} rows, 'end' {}", starts.len(), ends.len());
        return Err(data_error_at(starts.len().min(ends.len()), &message));
    }
    if let Some(row) = starts.iter().zip(&ends).position(|(start, end)| end <= start) {
        return Err(data_error_at(row, &format!("row {row} does not end after it starts")));
    }
    let moments = |times: Vec<i64>| times.into_iter().map(Timestamp::from_millis);
    Ok(moments(starts).zip(moments(ends)).collect())
}
