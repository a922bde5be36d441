//! Columns that come from Python: numpy, Arrow, or any sequence.

use crate::error::{SloError, data_error_at};
use arrow_array::{
    Array, ArrayRef, UInt64Array,
    cast::AsArray,
    types::{Float64Type, Int64Type, UInt64Type},
};
use arrow_schema::{DataType, TimeUnit};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::{prelude::*, types::PyString};
use pyo3_arrow::{PyChunkedArray, PyTable};
use std::sync::Arc;

/// Where columns come from.
pub(super) enum Source<'a, 'py> {
    /// From the arguments.
    Arguments,
    /// By name from an Arrow table.
    Arrow(PyTable),
    /// By name from a mapping.
    Mapping(&'a Bound<'py, PyAny>),
}

/// A column of counts.
pub(super) enum Counts {
    Owned(Vec<u64>),
    Arrow(UInt64Array),
    Numpy(Py<PyArray1<u64>>),
}

/// A column that is being read.
pub(super) enum Borrowed<'a, 'py> {
    Slice(&'a [u64]),
    Numpy(PyReadonlyArray1<'py, u64>),
}

impl<'a, 'py> Source<'a, 'py> {
    pub(super) fn of(data: Option<&'a Bound<'py, PyAny>>) -> PyResult<Self> {
        match data {
            None => Ok(Self::Arguments),
            Some(data) if data.hasattr("__arrow_c_stream__")? => Ok(Self::Arrow(data.extract()?)),
            Some(data) => Ok(Self::Mapping(data)),
        }
    }

    /// The column of an argument, which is its name or the column itself.
    fn column(&self, default: &str, argument: Option<&Bound<'py, PyAny>>) -> PyResult<Column<'py>> {
        let named = argument
            .map_or(Ok(default.to_owned()), |argument| argument.cast::<PyString>().map(ToString::to_string));
        match (self, named) {
            (Self::Arguments, _) => {
                let message = format!("no '{default}'; give a table, or the arrays by keyword");
                argument.map(|array| Column::Python(array.clone())).ok_or_else(|| SloError::new_err(message))
            }
            (_, Err(_)) => {
                Err(SloError::new_err(format!("'{default}' is to be the name of a column of the table")))
            }
            (Self::Arrow(table), Ok(name)) => {
                let schema = table.batches().first().map(arrow_array::RecordBatch::schema);
                let names: Vec<String> = schema.map_or_else(Vec::new, |schema| {
                    schema.fields().iter().map(|field| field.name().clone()).collect()
                });
                let chunks = table.batches().iter().map(|batch| batch.column_by_name(&name).cloned());
                let chunks: Option<Vec<ArrayRef>> = chunks.collect();
                let missing =
                    || SloError::new_err(format!("no column '{name}'; there are {}", names.join(", ")));
                Ok(Column::Arrow(chunks.ok_or_else(missing)?))
            }
            (Self::Mapping(mapping), Ok(name)) => Ok(Column::Python(mapping.get_item(name)?)),
        }
    }

    pub(super) fn counts(
        &self,
        py: Python<'py>,
        name: &str,
        argument: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Counts> {
        match self.column(name, argument)? {
            Column::Arrow(chunks) => arrow_counts(name, &chunks),
            Column::Python(array) if array.hasattr("__arrow_c_stream__")? => {
                let chunks: PyChunkedArray = array.extract()?;
                arrow_counts(name, chunks.chunks())
            }
            Column::Python(array) => numpy_counts(py, name, &array),
        }
    }

    /// Milliseconds since the Unix epoch.
    pub(super) fn times(&self, py: Python<'py>, argument: Option<&Bound<'py, PyAny>>) -> PyResult<Vec<i64>> {
        match self.column("time", argument)? {
            Column::Arrow(chunks) => arrow_times(&chunks),
            Column::Python(array) if array.hasattr("__arrow_c_stream__")? => {
                let chunks: PyChunkedArray = array.extract()?;
                arrow_times(chunks.chunks())
            }
            Column::Python(array) => numpy_times(py, &array),
        }
    }
}

enum Column<'py> {
    Arrow(Vec<ArrayRef>),
    Python(Bound<'py, PyAny>),
}

impl Counts {
    pub(super) fn len(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.borrow(py)?.as_slice()?.len())
    }

    pub(super) fn borrow<'a, 'py>(&'a self, py: Python<'py>) -> PyResult<Borrowed<'a, 'py>> {
        Ok(match self {
            Self::Owned(counts) => Borrowed::Slice(counts),
            Self::Arrow(counts) => Borrowed::Slice(counts.values()),
            Self::Numpy(array) => {
                let array = array.bind(py).try_readonly();
                Borrowed::Numpy(array.map_err(|error| SloError::new_err(error.to_string()))?)
            }
        })
    }
}

impl Borrowed<'_, '_> {
    pub(super) fn as_slice(&self) -> PyResult<&[u64]> {
        match self {
            Self::Slice(slice) => Ok(slice),
            Self::Numpy(array) => array.as_slice().map_err(|error| SloError::new_err(error.to_string())),
        }
    }
}

fn refuse(name: &str, position: usize, what: &str) -> PyErr {
    data_error_at(position, &format!("'{name}' at {position} is {what}; counts are whole numbers from 0 on"))
}

fn of_integer(name: &str, position: usize, value: i64) -> PyResult<u64> {
    u64::try_from(value).map_err(|_| refuse(name, position, &value.to_string()))
}

fn of_float(name: &str, position: usize, value: f64) -> PyResult<u64> {
    // The largest count that a double holds exactly, with all below it.
    const MOST: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && (0.0..=MOST).contains(&value) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole and in range"
        )]
        return Ok(value as u64);
    }
    Err(refuse(name, position, &value.to_string()))
}

fn arrow_counts(name: &str, chunks: &[ArrayRef]) -> PyResult<Counts> {
    if let [only] = chunks
        && only.data_type() == &DataType::UInt64
        && only.null_count() == 0
    {
        return Ok(Counts::Arrow(only.as_primitive::<UInt64Type>().clone()));
    }
    let mut counts = Vec::with_capacity(chunks.iter().map(Array::len).sum());
    for chunk in chunks {
        let chunk = widened(name, chunk)?;
        for row in 0..chunk.len() {
            let position = counts.len();
            if chunk.is_null(row) {
                return Err(refuse(name, position, "null"));
            }
            counts.push(match chunk.data_type() {
                DataType::UInt64 => chunk.as_primitive::<UInt64Type>().value(row),
                DataType::Int64 => of_integer(name, position, chunk.as_primitive::<Int64Type>().value(row))?,
                _ => of_float(name, position, chunk.as_primitive::<Float64Type>().value(row))?,
            });
        }
    }
    Ok(Counts::Owned(counts))
}

/// Narrow numbers as wide ones.
fn widened(name: &str, chunk: &ArrayRef) -> PyResult<ArrayRef> {
    let wide = match chunk.data_type() {
        DataType::UInt64 | DataType::Int64 | DataType::Float64 => return Ok(Arc::clone(chunk)),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => DataType::UInt64,
        DataType::Int8 | DataType::Int16 | DataType::Int32 => DataType::Int64,
        DataType::Float16 | DataType::Float32 => DataType::Float64,
        other => return Err(data_error_at(0, &format!("'{name}' is of type {other}, which counts nothing"))),
    };
    arrow_cast::cast(chunk, &wide).map_err(|error| data_error_at(0, &format!("'{name}': {error}")))
}

fn numpy_counts<'py>(py: Python<'py>, name: &str, array: &Bound<'py, PyAny>) -> PyResult<Counts> {
    let array = py.import("numpy")?.call_method1("ascontiguousarray", (array,))?;
    if array.getattr("ndim")?.extract::<usize>()? != 1 {
        let shape = array.getattr("shape")?;
        return Err(data_error_at(0, &format!("'{name}' has the shape {shape}; it is to be one column")));
    }
    if let Ok(array) = array.cast::<PyArray1<u64>>() {
        return Ok(Counts::Numpy(array.clone().unbind()));
    }
    let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
    let wide = |dtype: &str| array.call_method1("astype", (dtype,));
    let readable = |error: numpy::BorrowError| SloError::new_err(error.to_string());
    let counts = match kind.as_str() {
        "u" => return Ok(Counts::Numpy(wide("uint64")?.cast_into::<PyArray1<u64>>()?.unbind())),
        "i" => {
            let array = wide("int64")?.cast_into::<PyArray1<i64>>()?;
            let array = array.try_readonly().map_err(readable)?;
            let values = array.as_slice().map_err(|error| SloError::new_err(error.to_string()))?;
            values
                .iter()
                .enumerate()
                .map(|(at, value)| of_integer(name, at, *value))
                .collect::<PyResult<_>>()?
        }
        "f" => {
            let array = wide("float64")?.cast_into::<PyArray1<f64>>()?;
            let array = array.try_readonly().map_err(readable)?;
            let values = array.as_slice().map_err(|error| SloError::new_err(error.to_string()))?;
            values
                .iter()
                .enumerate()
                .map(|(at, value)| of_float(name, at, *value))
                .collect::<PyResult<_>>()?
        }
        _ => {
            let dtype = array.getattr("dtype")?;
            return Err(data_error_at(0, &format!("'{name}' is of type {dtype}, which counts nothing")));
        }
    };
    Ok(Counts::Owned(counts))
}

fn arrow_times(chunks: &[ArrayRef]) -> PyResult<Vec<i64>> {
    let mut times = Vec::with_capacity(chunks.iter().map(Array::len).sum());
    for chunk in chunks {
        let position = times.len();
        let millis = match chunk.data_type() {
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => {
                let target = DataType::Timestamp(TimeUnit::Millisecond, None);
                let chunk = arrow_cast::cast(chunk, &target)
                    .and_then(|chunk| arrow_cast::cast(&chunk, &DataType::Int64));
                chunk.map_err(|error| data_error_at(position, &format!("'time': {error}")))?
            }
            _ => {
                let seconds = widened("time", chunk)?;
                let seconds = arrow_cast::cast(&seconds, &DataType::Float64)
                    .map_err(|error| data_error_at(position, &format!("'time': {error}")))?;
                let millis = seconds.as_primitive::<Float64Type>().iter().enumerate();
                for (row, seconds) in millis {
                    times.push(of_seconds(position + row, seconds.unwrap_or(f64::NAN))?);
                }
                continue;
            }
        };
        for (row, millis) in millis.as_primitive::<Int64Type>().iter().enumerate() {
            let missing = || data_error_at(position + row, &format!("'time' at {} is null", position + row));
            times.push(millis.ok_or_else(missing)?);
        }
    }
    Ok(times)
}

fn of_seconds(position: usize, seconds: f64) -> PyResult<i64> {
    // The end of the year 9999.
    const LAST: f64 = 253_402_300_800.0;
    if seconds.abs() <= LAST {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
        return Ok((seconds * 1_000.0).round() as i64);
    }
    let what = if seconds.is_finite() {
        "are these milliseconds? give seconds, or datetime64"
    } else {
        "which is no time"
    };
    Err(data_error_at(position, &format!("'time' at {position} is {seconds}; {what}")))
}

fn numpy_times<'py>(py: Python<'py>, array: &Bound<'py, PyAny>) -> PyResult<Vec<i64>> {
    let array = py.import("numpy")?.call_method1("ascontiguousarray", (array,))?;
    let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
    let unreadable = |error: String| data_error_at(0, &format!("'time': {error}"));
    match kind.as_str() {
        "M" => {
            let millis =
                array.call_method1("astype", ("datetime64[ms]",))?.call_method1("astype", ("int64",))?;
            let millis = millis.cast_into::<PyArray1<i64>>()?;
            let millis = millis.try_readonly().map_err(|error| unreadable(error.to_string()))?;
            let millis = millis.as_slice().map_err(|error| unreadable(error.to_string()))?;
            match millis.iter().position(|millis| *millis == i64::MIN) {
                Some(position) => {
                    Err(data_error_at(position, &format!("'time' at {position} is not a time")))
                }
                None => Ok(millis.to_vec()),
            }
        }
        "i" | "u" | "f" => {
            let seconds = array.call_method1("astype", ("float64",))?.cast_into::<PyArray1<f64>>()?;
            let seconds = seconds.try_readonly().map_err(|error| unreadable(error.to_string()))?;
            let seconds = seconds.as_slice().map_err(|error| unreadable(error.to_string()))?;
            seconds.iter().enumerate().map(|(position, seconds)| of_seconds(position, *seconds)).collect()
        }
        _ => {
            let dtype = array.getattr("dtype")?;
            Err(unreadable(format!(
                "{dtype} is no type of times; give datetime64, or seconds since the Unix epoch"
            )))
        }
    }
}
