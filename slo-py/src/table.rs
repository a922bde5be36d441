//! `slo.Table`

use crate::{
    convert::datetime,
    error::{SloError, column_error},
    html,
};
use arrow_array::{
    Array, ArrayRef, Float64Array, RecordBatch, StringArray, StructArray, TimestampMillisecondArray,
    UInt64Array,
    cast::AsArray,
    types::{Float64Type, TimestampMillisecondType, UInt64Type},
};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use numpy::{IntoPyArray, PyArray1, PyArrayMethods};
use pyo3::{
    exceptions::{PyIndexError, PyRuntimeError},
    prelude::*,
    types::{PyCapsule, PyDict, PyList},
};
use pyo3_arrow::{ffi::ArrayIterator, ffi::to_stream_pycapsule};
use slo_core::model::Timestamp;
use std::{ops::Range, sync::Arc};

/// A result table that any Arrow tool can read.
///
/// ``polars.DataFrame(table)``, ``pyarrow.table(table)`` and ``duckdb`` read it without copying.
#[pyclass(frozen, module = "slo")]
pub(crate) struct Table {
    batch: RecordBatch,
}

/// A builder of tables.
#[derive(Default)]
pub(crate) struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    fn push(mut self, name: &str, array: ArrayRef) -> Self {
        self.fields.push(Field::new(name, array.data_type().clone(), array.is_nullable()));
        self.arrays.push(array);
        self
    }

    /// Counts.
    pub(crate) fn counts(self, name: &str, values: Vec<u64>) -> Self {
        self.push(name, Arc::new(UInt64Array::from(values)))
    }

    /// Numbers, some of which may not be known.
    pub(crate) fn numbers(self, name: &str, values: impl IntoIterator<Item = Option<f64>>) -> Self {
        self.push(name, Arc::new(values.into_iter().collect::<Float64Array>()))
    }

    /// Numbers but for those of some rows, which are not known.
    pub(crate) fn numbers_but(self, name: &str, values: Vec<f64>, unknown: &[Range<usize>]) -> Self {
        let nulls = (!unknown.is_empty()).then(|| {
            let mut known = BooleanBufferBuilder::new(values.len());
            known.append_n(values.len(), true);
            for row in unknown.iter().cloned().flatten() {
                known.set_bit(row, false);
            }
            NullBuffer::new(known.finish())
        });
        self.push(name, Arc::new(Float64Array::new(values.into(), nulls)))
    }

    /// Times, in UTC.
    pub(crate) fn times(self, name: &str, values: impl IntoIterator<Item = Timestamp>) -> Self {
        let values: Vec<i64> = values.into_iter().map(Timestamp::as_millis).collect();
        self.push(name, Arc::new(TimestampMillisecondArray::from(values).with_timezone("UTC")))
    }

    /// Times, some of which may not be known.
    pub(crate) fn times_if_any(
        self,
        name: &str,
        values: impl IntoIterator<Item = Option<Timestamp>>,
    ) -> Self {
        let values = values.into_iter().map(|time| time.map(Timestamp::as_millis));
        let array: TimestampMillisecondArray = values.collect();
        self.push(name, Arc::new(array.with_timezone("UTC")))
    }

    /// Words.
    pub(crate) fn words<'a>(self, name: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        self.push(name, Arc::new(values.into_iter().map(Some).collect::<StringArray>()))
    }

    pub(crate) fn table(self) -> PyResult<Table> {
        let batch = RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.arrays);
        Ok(Table { batch: batch.map_err(failed)? })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: ArrowError) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}

#[pymethods]
impl Table {
    /// The names of the columns.
    #[getter]
    fn columns(&self) -> Vec<String> {
        self.batch.schema_ref().fields().iter().map(|field| field.name().clone()).collect()
    }

    /// The Arrow stream, as the PyCapsule interface has it.
    #[pyo3(signature = (requested_schema = None))]
    pub(crate) fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let field = Field::new_struct("", self.batch.schema_ref().fields().clone(), false);
        let array: ArrayRef = Arc::new(StructArray::from(self.batch.clone()));
        let reader = ArrayIterator::new(std::iter::once(Ok(array)), Arc::new(field));
        Ok(to_stream_pycapsule(py, Box::new(reader), requested_schema)?)
    }

    /// A ``polars.DataFrame``.
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("polars")?.getattr("DataFrame")?.call1((slf,))
    }

    /// A ``pyarrow.Table``.
    fn to_arrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("pyarrow")?.getattr("table")?.call1((slf,))
    }

    /// A ``pandas.DataFrame``; its times have the zone UTC.
    pub(crate) fn to_pandas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (pandas, columns) = (py.import("pandas")?, self.to_numpy(py)?);
        for field in self.batch.schema_ref().fields() {
            if matches!(field.data_type(), DataType::Timestamp(..)) {
                let times = columns.as_any().get_item(field.name())?;
                let index = pandas.getattr("DatetimeIndex")?.call1((times,))?;
                columns.set_item(field.name(), index.call_method1("tz_localize", ("UTC",))?)?;
            }
        }
        pandas.getattr("DataFrame")?.call1((columns,))
    }

    /// The rows as a structured numpy array, whose fields are the columns: ``numpy.asarray(table)``.
    #[pyo3(signature = (dtype = None, copy = None))]
    fn __array__<'py>(
        &self,
        py: Python<'py>,
        dtype: Option<Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if copy == Some(false) {
            return Err(SloError::new_err(
                "a table of several columns becomes an array only by a copy; leave out copy=False",
            ));
        }
        let (numpy, columns) = (py.import("numpy")?, self.to_numpy(py)?);
        let fields = columns.iter().map(|(name, column)| Ok((name, column.getattr("dtype")?)));
        let fields = PyList::new(py, fields.collect::<PyResult<Vec<_>>>()?)?;
        let array = numpy.call_method1("empty", (self.batch.num_rows(), fields))?;
        for (name, column) in columns {
            array.set_item(name, column)?;
        }
        dtype.map_or(Ok(array.clone()), |dtype| array.call_method1("astype", (dtype,)))
    }

    /// The data-frame interchange object, by pyarrow.
    #[pyo3(signature = (nan_as_null = false, allow_copy = true))]
    fn __dataframe__<'py>(
        slf: &Bound<'py, Self>,
        nan_as_null: bool,
        allow_copy: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::to_arrow(slf)?.call_method1("__dataframe__", (nan_as_null, allow_copy))
    }

    /// A column by name, as in :meth:`to_numpy`; or a row by number, as a dict.
    fn __getitem__<'py>(&self, py: Python<'py>, which: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(row) = which.extract::<isize>() {
            let rows = self.batch.num_rows();
            let at = if row < 0 { rows.checked_sub(row.unsigned_abs()) } else { Some(row.unsigned_abs()) };
            let at = at.filter(|at| *at < rows);
            let at = at.ok_or_else(|| PyIndexError::new_err(format!("no row {row}; there are {rows}")))?;
            return Ok(self.row(py, at)?.into_any());
        }
        let name: String = which.extract()?;
        if self.batch.schema_ref().index_of(&name).is_err() {
            let names = self.columns().join(", ");
            return Err(column_error(&format!("no column '{name}'; there are {names}")));
        }
        self.to_numpy(py)?.as_any().get_item(name)
    }

    /// The rows as dicts of Python values: ``None`` for unknown values, times as datetimes in UTC.
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let rows = PyList::empty(py);
        for row in 0..self.batch.num_rows() {
            rows.append(self.row(py, row)?)?;
        }
        rows.call_method0("__iter__")
    }

    /// The columns as a dict of numpy arrays.
    ///
    /// Counts are ``uint64``, numbers ``float64`` with NaN for unknown values, times ``datetime64[ms]`` in
    /// UTC, and words ``str``.
    fn to_numpy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let columns = PyDict::new(py);
        for (field, array) in self.batch.schema_ref().fields().iter().zip(self.batch.columns()) {
            let column = match array.data_type() {
                DataType::UInt64 => {
                    array.as_primitive::<UInt64Type>().values().to_vec().into_pyarray(py).into_any()
                }
                DataType::Float64 => {
                    let numbers = array.as_primitive::<Float64Type>().iter();
                    let numbers: Vec<f64> = numbers.map(|number| number.unwrap_or(f64::NAN)).collect();
                    numbers.into_pyarray(py).into_any()
                }
                DataType::Timestamp(TimeUnit::Millisecond, _) => {
                    // What numpy takes for "not a time".
                    let times = array.as_primitive::<TimestampMillisecondType>().iter();
                    let times: Vec<i64> = times.map(|time| time.unwrap_or(i64::MIN)).collect();
                    times.into_pyarray(py).call_method1("view", ("datetime64[ms]",))?
                }
                _ => {
                    let words: Vec<&str> =
                        array.as_string::<i32>().iter().map(Option::unwrap_or_default).collect();
                    py.import("numpy")?.call_method1("array", (PyList::new(py, words)?, "str"))?
                }
            };
            columns.set_item(field.name(), column)?;
        }
        Ok(columns)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, State<'py>)> {
        let py = slf.py();
        let columns = slf.get().to_numpy(py)?;
        let fields = slf.get().batch.schema_ref().fields().iter();
        let state = fields.map(|field| {
            let column = columns.as_any().get_item(field.name())?;
            let plain = match field.data_type() {
                DataType::Timestamp(..) => column.call_method1("view", ("int64",))?,
                DataType::UInt64 | DataType::Float64 => column,
                _ => column.call_method0("tolist")?,
            };
            Ok((field.name().clone(), plain))
        });
        let again = py.import("slo._slo")?.getattr("_table")?;
        Ok((again, (state.collect::<PyResult<Vec<_>>>()?,)))
    }

    fn __len__(&self) -> usize {
        self.batch.num_rows()
    }

    fn __repr__(&self) -> String {
        const MOST: usize = 10;
        let rows = self.batch.num_rows();
        let plural = if rows == 1 { "" } else { "s" };
        let mut lines: Vec<Vec<String>> = vec![self.columns()];
        lines.extend(
            (0..rows.min(MOST))
                .map(|row| self.batch.columns().iter().map(|array| cell(array, row)).collect()),
        );
        let width = |column: usize| {
            lines.iter().filter_map(|line| Some(line.get(column)?.chars().count())).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.batch.num_columns()).map(width).collect();
        let mut text = format!("<Table of {rows} row{plural}>");
        for line in &lines {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}"));
            text = text + "\n" + &cells.collect::<Vec<_>>().join("  ");
        }
        if rows > MOST { format!("{text}\n… {} more", rows - MOST) } else { text }
    }

    #[pyo3(name = "_repr_html_")]
    pub(crate) fn html(&self) -> String {
        const MOST: usize = 20;
        let names = self.columns();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let rows = (0..self.batch.num_rows().min(MOST))
            .map(|row| self.batch.columns().iter().map(|array| cell(array, row)).collect());
        let more = match self.batch.num_rows().saturating_sub(MOST) {
            0 => String::new(),
            more => format!("<p>{more} more rows</p>"),
        };
        html::table(&names, rows) + &more
    }
}

impl Table {
    fn row<'py>(&self, py: Python<'py>, row: usize) -> PyResult<Bound<'py, PyDict>> {
        let values = PyDict::new(py);
        for (field, array) in self.batch.schema_ref().fields().iter().zip(self.batch.columns()) {
            values.set_item(field.name(), value(py, array, row)?)?;
        }
        Ok(values)
    }
}

/// Columns as they are pickled: counts, numbers with NaN where there is none, times in milliseconds, or words.
type State<'py> = (Vec<(String, Bound<'py, PyAny>)>,);

/// The table that was pickled.
#[pyfunction]
pub(crate) fn _table(columns: Vec<(String, Bound<'_, PyAny>)>) -> PyResult<Table> {
    let mut made = Columns::default();
    for (name, column) in columns {
        made = if let Ok(counts) = column.cast::<PyArray1<u64>>() {
            made.counts(&name, counts.to_vec()?)
        } else if let Ok(numbers) = column.cast::<PyArray1<f64>>() {
            let numbers = numbers.to_vec()?;
            made.numbers(&name, numbers.into_iter().map(|number| (!number.is_nan()).then_some(number)))
        } else if let Ok(times) = column.cast::<PyArray1<i64>>() {
            let times = times.to_vec()?;
            made.times_if_any(
                &name,
                times.into_iter().map(|time| (time != i64::MIN).then_some(Timestamp::from_millis(time))),
            )
        } else {
            let words: Vec<String> = column.extract()?;
            made.words(&name, words.iter().map(String::as_str))
        };
    }
    made.table()
}

/// A value as a Python object.
fn value<'py>(py: Python<'py>, array: &ArrayRef, row: usize) -> PyResult<Bound<'py, PyAny>> {
    if array.is_null(row) {
        return Ok(py.None().into_bound(py));
    }
    Ok(match array.data_type() {
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).into_pyobject(py)?.into_any(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into_pyobject(py)?.into_any(),
        DataType::Timestamp(..) => {
            let millis = array.as_primitive::<TimestampMillisecondType>().value(row);
            datetime(py, Timestamp::from_millis(millis))?
        }
        _ => array.as_string::<i32>().value(row).into_pyobject(py)?.into_any(),
    })
}

/// A value as text for HTML.
fn cell(array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) {
        return "–".to_owned();
    }
    match array.data_type() {
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).to_string(),
        DataType::Float64 => format!("{:.4}", array.as_primitive::<Float64Type>().value(row)),
        DataType::Timestamp(..) => {
            let time = array.as_primitive::<TimestampMillisecondType>().value_as_datetime(row);
            time.map_or_else(String::new, |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
        }
        _ => array.as_string::<i32>().value(row).to_owned(),
    }
}
