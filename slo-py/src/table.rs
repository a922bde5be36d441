//! `slo.Table`

use crate::html;
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
    exceptions::PyRuntimeError,
    prelude::*,
    types::{PyCapsule, PyDict, PyList},
};
use pyo3_arrow::{ffi::ArrayIterator, ffi::to_stream_pycapsule};
use std::{ops::Range, sync::Arc};

/// A result in columns; any tool that reads Arrow takes it.
///
/// ``polars.DataFrame(table)``, ``pyarrow.table(table)`` and ``duckdb`` read it without copying.
#[pyclass(frozen, module = "slo")]
pub(crate) struct Table {
    batch: RecordBatch,
}

/// Columns in the making.
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

    /// Times in milliseconds since the Unix epoch, in UTC.
    pub(crate) fn times(self, name: &str, values: Vec<i64>) -> Self {
        self.push(name, Arc::new(TimestampMillisecondArray::from(values).with_timezone("UTC")))
    }

    /// Times, some of which may not be known.
    pub(crate) fn times_if_any(self, name: &str, values: impl IntoIterator<Item = Option<i64>>) -> Self {
        let array: TimestampMillisecondArray = values.into_iter().collect();
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
    fn __arrow_c_stream__<'py>(
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

    /// A ``pandas.DataFrame``; its times know that they are in UTC.
    fn to_pandas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let frame = py.import("pandas")?.getattr("DataFrame")?.call1((self.to_numpy(py)?,))?;
        for field in self.batch.schema_ref().fields() {
            if matches!(field.data_type(), DataType::Timestamp(..)) {
                let times =
                    frame.get_item(field.name())?.getattr("dt")?.call_method1("tz_localize", ("UTC",))?;
                frame.set_item(field.name(), times)?;
            }
        }
        Ok(frame)
    }

    /// The columns as a dict of numpy arrays: counts as ``uint64``, numbers as ``float64`` with NaN where there is none,
    /// times as ``datetime64[ms]`` in UTC, words as ``str``.
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
        format!("<Table of {} rows: {}>", self.batch.num_rows(), self.columns().join(", "))
    }

    fn _repr_html_(&self) -> String {
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
            made.times_if_any(&name, times.into_iter().map(|time| (time != i64::MIN).then_some(time)))
        } else {
            let words: Vec<String> = column.extract()?;
            made.words(&name, words.iter().map(String::as_str))
        };
    }
    made.table()
}

/// A value as a page shows it.
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
