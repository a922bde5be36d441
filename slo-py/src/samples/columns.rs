//! Columns that come from Python: numpy, Arrow, or any sequence.

use crate::{
    convert,
    error::{SloError, column_error, data_error_at, row_error},
};
use arrow_array::{
    Array, ArrayRef, RecordBatch, UInt64Array,
    cast::AsArray,
    types::{Float64Type, Int64Type, UInt64Type},
};
use arrow_cast::CastOptions;
use arrow_schema::{ArrowError, DataType, SchemaRef, TimeUnit};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::{
    exceptions::{PyImportError, PyKeyError},
    prelude::*,
    types::{PyDateTime, PyString},
};
use pyo3_arrow::input::{AnyArray, AnyRecordBatch};
use slo_core::{
    model::Timestamp,
    replay::{Misread, millis_of_micros, millis_of_seconds, whole_count},
};
use std::sync::Arc;

/// Where columns come from.
pub(crate) enum Source<'a, 'py> {
    /// From the arguments.
    Arguments,
    /// By name from an Arrow table.
    Arrow(Vec<RecordBatch>, SchemaRef),
    /// By name from a mapping.
    Mapping(&'a Bound<'py, PyAny>),
}

/// A column of counts.
pub(crate) enum Counts {
    Owned(Vec<u64>),
    Arrow(UInt64Array),
    Numpy(Py<PyArray1<u64>>),
}

/// A column that is being read.
pub(crate) enum Borrowed<'a, 'py> {
    Slice(&'a [u64]),
    Numpy(PyReadonlyArray1<'py, u64>),
}

impl<'a, 'py> Source<'a, 'py> {
    pub(crate) fn of(data: Option<&'a Bound<'py, PyAny>>) -> PyResult<Self> {
        match data {
            None => Ok(Self::Arguments),
            Some(data) => match arrow::<AnyRecordBatch>(data)? {
                Some(table) => {
                    let (batches, schema) = table.into_table()?.into_inner();
                    Ok(Self::Arrow(batches, schema))
                }
                None if data.hasattr("collect")? && data.hasattr("lazy")? => {
                    Err(SloError::new_err("a LazyFrame is not a table; give frame.collect()"))
                }
                None if data.hasattr("keys")? && data.hasattr("__getitem__")? => Ok(Self::Mapping(data)),
                None => {
                    let kind = data.get_type().name()?;
                    let message = format!(
                        "{kind} is not a table; give a table, a dict of arrays, or the arrays by keyword"
                    );
                    Err(SloError::new_err(message))
                }
            },
        }
    }

    /// Whether there is a column of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::Arguments => false,
            Self::Arrow(_, schema) => schema.index_of(name).is_ok(),
            Self::Mapping(mapping) => mapping.contains(name).unwrap_or(false),
        }
    }

    /// The column of an argument, which is its name or the column itself.
    fn column(&self, default: &str, argument: Option<&Bound<'py, PyAny>>) -> PyResult<Column<'py>> {
        let named = argument
            .map_or(Ok(default.to_owned()), |argument| argument.cast::<PyString>().map(ToString::to_string));
        match (self, named) {
            (Self::Arguments, _) => {
                let message = format!("'{default}' is missing; give a table, or the arrays by keyword");
                argument.map(|array| Column::Python(array.clone())).ok_or_else(|| SloError::new_err(message))
            }
            (_, Err(_)) => {
                Err(SloError::new_err(format!("'{default}' must be the name of a column of the table")))
            }
            (Self::Arrow(batches, schema), Ok(name)) => {
                if schema.index_of(&name).is_err() {
                    let names: Vec<&str> =
                        schema.fields().iter().map(|field| field.name().as_str()).collect();
                    return Err(no_column(&name, &names.join(", ")));
                }
                let chunks = batches.iter().filter_map(|batch| batch.column_by_name(&name).cloned());
                Ok(Column::Arrow(chunks.collect()))
            }
            (Self::Mapping(mapping), Ok(name)) => match mapping.get_item(&name) {
                Ok(column) => Ok(Column::Python(column)),
                Err(error) if error.is_instance_of::<PyKeyError>(mapping.py()) => {
                    let names: Vec<String> = match mapping.try_iter() {
                        Ok(names) => {
                            names.map(|name| Ok(name?.str()?.to_string())).collect::<PyResult<_>>()?
                        }
                        Err(_) => vec![],
                    };
                    Err(no_column(&name, &names.join(", ")))
                }
                Err(error) => Err(error),
            },
        }
    }

    pub(crate) fn counts(
        &self,
        py: Python<'py>,
        name: &str,
        argument: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Counts> {
        match self.column(name, argument)? {
            Column::Arrow(chunks) => arrow_counts(name, &chunks),
            Column::Python(array) => match arrow::<AnyArray>(&array)? {
                Some(array) => arrow_counts(name, array.into_chunked_array()?.chunks()),
                None => numpy_counts(py, name, &array),
            },
        }
    }

    /// Words; null is refused.
    pub(crate) fn words(&self, name: &str, argument: Option<&Bound<'py, PyAny>>) -> PyResult<Vec<String>> {
        let missing = |row: usize| data_error_at(row, &format!("'{name}' at {row} is null"));
        let words = self.words_if_any(name, argument)?;
        words.into_iter().enumerate().map(|(row, word)| word.ok_or_else(|| missing(row))).collect()
    }

    /// Words; `None` for null.
    pub(crate) fn words_if_any(
        &self,
        name: &str,
        argument: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Vec<Option<String>>> {
        let of_python = |words: &Bound<'py, PyAny>| -> PyResult<Vec<Option<String>>> {
            let word = |(row, word): (usize, PyResult<Bound<'py, PyAny>>)| {
                word?.extract().map_err(|_| data_error_at(row, &format!("'{name}' at {row} is not text")))
            };
            words.try_iter()?.enumerate().map(word).collect()
        };
        let chunks = match self.column(name, argument)? {
            Column::Arrow(chunks) => chunks,
            Column::Python(words) => match arrow::<AnyArray>(&words)? {
                Some(array) => array.into_chunked_array()?.chunks().to_vec(),
                None => return of_python(&words),
            },
        };
        let mut words = Vec::new();
        for chunk in chunks {
            let chunk = arrow_cast::cast(&chunk, &DataType::Utf8)
                .map_err(|error| data_error_at(words.len(), &format!("'{name}': {error}")))?;
            words.extend(chunk.as_string::<i32>().iter().map(|word| word.map(str::to_owned)));
        }
        Ok(words)
    }

    /// Numbers; `None` for null and NaN.
    pub(crate) fn numbers(&self, name: &str) -> PyResult<Vec<Option<f64>>> {
        let known = |number: Option<f64>| number.filter(|number| number.is_finite());
        let of_python = |numbers: &Bound<'py, PyAny>| -> PyResult<Vec<Option<f64>>> {
            let number = |(row, number): (usize, PyResult<Bound<'py, PyAny>>)| {
                number?
                    .extract()
                    .map(known)
                    .map_err(|_| data_error_at(row, &format!("'{name}' at {row} is not a number")))
            };
            numbers.try_iter()?.enumerate().map(number).collect()
        };
        let chunks = match self.column(name, None)? {
            Column::Arrow(chunks) => chunks,
            Column::Python(numbers) => match arrow::<AnyArray>(&numbers)? {
                Some(array) => array.into_chunked_array()?.chunks().to_vec(),
                None => return of_python(&numbers),
            },
        };
        let mut numbers = Vec::new();
        for chunk in chunks {
            let chunk = arrow_cast::cast(&chunk, &DataType::Float64)
                .map_err(|error| data_error_at(numbers.len(), &format!("'{name}': {error}")))?;
            numbers.extend(chunk.as_primitive::<Float64Type>().iter().map(known));
        }
        Ok(numbers)
    }

    /// Times.
    pub(crate) fn times(
        &self,
        py: Python<'py>,
        name: &str,
        argument: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Times> {
        if let (Self::Arrow(_, schema), Some(column)) = (self, named(name, argument))
            && let Ok(field) = schema.field_with_name(&column)
            && field.metadata().get("ARROW:extension:name").is_some_and(|kind| kind == "pandas.period")
        {
            return Err(periods(&column));
        }
        let times = match self.column(name, argument)? {
            Column::Arrow(chunks) => arrow_times(name, &chunks),
            Column::Python(array) => {
                refuse_periods(name, &array)?;
                match arrow::<AnyArray>(&array)? {
                    Some(array) => arrow_times(name, array.into_chunked_array()?.chunks()),
                    None => numpy_times(py, name, &array),
                }
            }
        }?;
        if times.are_seconds {
            refuse_dates(name, &times.millis)?;
        }
        Ok(times)
    }
}

/// Times in milliseconds since the Unix epoch.
pub(crate) struct Times {
    pub(super) millis: Vec<i64>,
    /// Whether they have no zone, and count as UTC.
    is_naive: bool,
    /// Whether they are numbers.
    are_seconds: bool,
}

impl Times {
    /// The same in a zone, if they have none.
    pub(crate) fn in_zone(self, zone: Option<&str>) -> PyResult<Vec<i64>> {
        match zone {
            Some(zone) if self.is_naive => {
                slo_core::replay::zoned(&self.millis, zone).map_err(|error| row_error(&error))
            }
            _ => Ok(self.millis),
        }
    }
}

/// Refuses pandas' periods, which Arrow reads as plain numbers.
fn refuse_periods(name: &str, array: &Bound<'_, PyAny>) -> PyResult<()> {
    let Ok(dtype) = array.getattr("dtype") else { return Ok(()) };
    let kind = dtype.get_type().name()?.to_string();
    if kind != "PeriodDtype" {
        return Ok(());
    }
    Err(periods(name))
}

fn periods(name: &str) -> PyErr {
    let message = format!(
        "'{name}' holds periods; convert them with .dt.to_timestamp(), or .to_timestamp() for an index"
    );
    data_error_at(0, &message)
}

/// The name of the column that an argument gives.
fn named(default: &str, argument: Option<&Bound<'_, PyAny>>) -> Option<String> {
    argument.map_or(Some(default.to_owned()), |argument| Some(argument.cast::<PyString>().ok()?.to_string()))
}

/// Refuses numbers that are dates or years, not seconds.
fn refuse_dates(name: &str, millis: &[i64]) -> PyResult<()> {
    let what = match Misread::of(millis) {
        None => return Ok(()),
        Some(Misread::Dates) => "a date; parse it, with pandas' to_datetime(…, format=\"%Y%m%d\")",
        Some(_) => "a year; give when it began, as a datetime",
    };
    let first = millis.first().map_or(0, |millis| millis / 1_000);
    Err(data_error_at(0, &format!("'{name}' at 0 is {first}, which looks like {what}")))
}

/// The content of an Arrow stream; `None` without one, or without a library that it needs (pandas needs
/// pyarrow).
fn arrow<'py, T: for<'a> FromPyObject<'a, 'py, Error = PyErr>>(
    data: &Bound<'py, PyAny>,
) -> PyResult<Option<T>> {
    if !data.hasattr("__arrow_c_stream__")? && !data.hasattr("__arrow_c_array__")? {
        return Ok(None);
    }
    match data.extract() {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_instance_of::<PyImportError>(data.py()) => Ok(None),
        Err(error) => Err(error),
    }
}

fn no_column(name: &str, names: &str) -> PyErr {
    column_error(&format!("no column '{name}'; there are {names}"))
}

enum Column<'py> {
    Arrow(Vec<ArrayRef>),
    Python(Bound<'py, PyAny>),
}

impl Counts {
    pub(super) fn len(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.borrow(py)?.as_slice()?.len())
    }

    pub(crate) fn borrow<'a, 'py>(&'a self, py: Python<'py>) -> PyResult<Borrowed<'a, 'py>> {
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
    pub(crate) fn as_slice(&self) -> PyResult<&[u64]> {
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
    whole_count(value).ok_or_else(|| refuse(name, position, &value.to_string()))
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
        // A decimal without places is what duckdb makes of a sum.
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::Decimal128(_, 0) => {
            DataType::UInt64
        }
        DataType::Int8 | DataType::Int16 | DataType::Int32 => DataType::Int64,
        DataType::Float16 | DataType::Float32 => DataType::Float64,
        other => return Err(data_error_at(0, &counts_nothing(name, &other.to_string()))),
    };
    let options = CastOptions { safe: false, ..CastOptions::default() };
    arrow_cast::cast_with_options(chunk, &wide, &options)
        .map_err(|error| data_error_at(0, &format!("'{name}': {error}")))
}

/// The message for a column that holds no counts, with a hint.
fn counts_nothing(name: &str, kind: &str) -> String {
    let hint = match kind {
        "object" | "Utf8" | "LargeUtf8" | "Utf8View" | "str" | "string" => {
            "; convert it, with pandas' .astype(\"int64\") or polars' .cast(pl.UInt64)"
        }
        "bool" | "Boolean" => {
            "; make it 0 and 1, with pandas' .astype(\"int64\") or polars' .cast(pl.UInt64)"
        }
        _ => "",
    };
    format!("'{name}' is of type {kind}, which cannot hold counts{hint}")
}

/// An aligned, contiguous array; masked values are refused.
fn plain<'py>(py: Python<'py>, name: &str, array: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let numpy = py.import("numpy")?;
    if numpy.getattr("ma")?.call_method1("isMaskedArray", (array,))?.is_truthy()? {
        let masked = numpy.call_method1("flatnonzero", (array.getattr("mask")?,))?;
        if masked.len()? > 0 {
            let row: usize = masked.get_item(0)?.extract()?;
            return Err(data_error_at(row, &format!("'{name}' at {row} is masked")));
        }
    }
    numpy.call_method1("require", (array, py.None(), "CA"))
}

/// Arrays of fewer counts are copied: a megabyte takes a tenth of a millisecond.
const FEW: usize = 131_072;

fn numpy_counts<'py>(py: Python<'py>, name: &str, array: &Bound<'py, PyAny>) -> PyResult<Counts> {
    let array = plain(py, name, array)?;
    if array.getattr("ndim")?.extract::<usize>()? != 1 {
        let shape = array.getattr("shape")?;
        return Err(data_error_at(0, &format!("'{name}' has the shape {shape}; it must be one column")));
    }
    if let Ok(array) = array.cast::<PyArray1<u64>>() {
        // Read-only, so that later changes to the array do not change the results.
        if array.len()? < FEW {
            return Ok(Counts::Owned(array.to_vec().map_err(|error| SloError::new_err(error.to_string()))?));
        }
        array.getattr("flags")?.setattr("writeable", false)?;
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
            return Err(data_error_at(0, &counts_nothing(name, &dtype.to_string())));
        }
    };
    Ok(Counts::Owned(counts))
}

fn arrow_times(name: &str, chunks: &[ArrayRef]) -> PyResult<Times> {
    let (mut is_naive, mut are_seconds) = (false, false);
    let mut times = Vec::with_capacity(chunks.iter().map(Array::len).sum());
    for chunk in chunks {
        let first = times.len();
        let wrong = |error: &ArrowError| data_error_at(first, &format!("'{name}': {error}"));
        let missing = |row: usize| data_error_at(row, &format!("'{name}' at {row} is null"));
        match chunk.data_type() {
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => {
                is_naive |= !matches!(chunk.data_type(), DataType::Timestamp(_, Some(_)));
                // Microseconds, so that those of nanoseconds are rounded as floats are.
                let target = DataType::Timestamp(TimeUnit::Microsecond, None);
                let micros = arrow_cast::cast(chunk, &target)
                    .and_then(|chunk| arrow_cast::cast(&chunk, &DataType::Int64))
                    .map_err(|error| wrong(&error))?;
                for (row, micros) in (first..).zip(micros.as_primitive::<Int64Type>().iter()) {
                    times.push(of_micros(name, row, micros.ok_or_else(|| missing(row))?)?);
                }
            }
            _ => {
                if !chunk.data_type().is_numeric() {
                    let message = format!(
                        "'{name}' is of type {}, which is not a type of times; parse it, with polars' str.to_datetime or pandas' to_datetime",
                        chunk.data_type()
                    );
                    return Err(data_error_at(first, &message));
                }
                are_seconds = true;
                let seconds = widened(name, chunk)?;
                let seconds =
                    arrow_cast::cast(&seconds, &DataType::Float64).map_err(|error| wrong(&error))?;
                for (row, seconds) in (first..).zip(seconds.as_primitive::<Float64Type>().iter()) {
                    times.push(of_seconds(name, row, seconds.ok_or_else(|| missing(row))?)?);
                }
            }
        }
    }
    Ok(Times { millis: times, is_naive, are_seconds })
}

fn of_seconds(name: &str, row: usize, seconds: f64) -> PyResult<i64> {
    let what = if seconds.is_finite() {
        "are these milliseconds, or finer? give seconds, or datetime64"
    } else {
        "which is not a time"
    };
    let wrong = || data_error_at(row, &format!("'{name}' at {row} is {seconds}; {what}"));
    millis_of_seconds(seconds).ok_or_else(wrong)
}

fn of_micros(name: &str, row: usize, micros: i64) -> PyResult<i64> {
    let wrong = || data_error_at(row, &format!("'{name}' at {row} is not a time of the years up to 9999"));
    millis_of_micros(micros).ok_or_else(wrong)
}

fn numpy_times<'py>(py: Python<'py>, name: &str, array: &Bound<'py, PyAny>) -> PyResult<Times> {
    // pandas' times with a zone: as UTC.
    let has_zone = match array.getattr("dtype") {
        Ok(dtype) => dtype.hasattr("tz")? && array.hasattr("to_numpy")?,
        Err(_) => false,
    };
    let array = if has_zone { array.call_method1("to_numpy", ("datetime64[ns]",))? } else { array.clone() };
    let array = plain(py, name, &array)?;
    let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
    let unreadable = |error: String| data_error_at(0, &format!("'{name}': {error}"));
    let millis: PyResult<Vec<i64>> = match kind.as_str() {
        "M" => {
            let missing = py.import("numpy")?.call_method1("isnat", (&array,))?;
            let missing = missing.call_method0("nonzero")?.get_item(0)?;
            if missing.len()? > 0 {
                let row: usize = missing.get_item(0)?.extract()?;
                return Err(data_error_at(row, &format!("'{name}' at {row} is not a time")));
            }
            // Whole seconds tell whether microseconds fit.
            let seconds = int64(&array.call_method1("astype", ("datetime64[s]",))?)?;
            let micros = int64(&array.call_method1("astype", ("datetime64[us]",))?)?;
            let rows = seconds.iter().zip(&micros).enumerate();
            rows.map(|(row, (seconds, micros))| {
                let is_near = millis_of_seconds(*seconds as f64).is_some();
                of_micros(name, row, if is_near { *micros } else { i64::MAX })
            })
            .collect()
        }
        "i" | "u" | "f" => {
            let seconds = array.call_method1("astype", ("float64",))?.cast_into::<PyArray1<f64>>()?;
            let seconds = seconds.try_readonly().map_err(|error| unreadable(error.to_string()))?;
            let seconds = seconds.as_slice().map_err(|error| unreadable(error.to_string()))?;
            seconds.iter().enumerate().map(|(row, seconds)| of_seconds(name, row, *seconds)).collect()
        }
        "O" => {
            let moment = |(row, moment): (usize, PyResult<Bound<'py, PyAny>>)| {
                let moment = moment?;
                if !moment.is_instance_of::<PyDateTime>() {
                    let kind = moment.get_type().name()?;
                    return Err(data_error_at(
                        row,
                        &format!("'{name}' at {row} is of type {kind}, not a datetime"),
                    ));
                }
                convert::moment(&moment)
                    .map(Timestamp::as_millis)
                    .map_err(|error| data_error_at(row, &format!("'{name}' at {row}: {}", error.value(py))))
            };
            array.try_iter()?.enumerate().map(moment).collect()
        }
        _ => {
            let dtype = array.getattr("dtype")?;
            Err(unreadable(format!(
                "{dtype} is not a type of times; give datetime64, datetimes, or seconds since the Unix epoch"
            )))
        }
    };
    Ok(Times { millis: millis?, is_naive: kind == "M" && !has_zone, are_seconds: "iuf".contains(&kind) })
}

fn int64(array: &Bound<'_, PyAny>) -> PyResult<Vec<i64>> {
    let array = array.call_method1("astype", ("int64",))?.cast_into::<PyArray1<i64>>()?;
    let array = array.try_readonly().map_err(|error| SloError::new_err(error.to_string()))?;
    Ok(array.as_slice().map_err(|error| SloError::new_err(error.to_string()))?.to_vec())
}
