//! Expressions for polars, through the C interface of its plugins.
//!
//! It is the interface of `polars-ffi` 0.55, version 0.1. Series are passed as structs of the Arrow C data
//! interface, and polars refuses other versions. Nothing here needs Python, so expressions run on all of
//! polars' threads.
#![expect(unsafe_code, reason = "pointers come from polars, which keeps to the contract at each of them")]

use crate::error::with_hint;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, UInt64Array,
    cast::AsArray,
    ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi, to_ffi},
    make_array,
    types::UInt64Type,
};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field};
use slo_core::{
    model::{Objective, Ratio, Timestamp, Window},
    replay::{AlertRule, Series, alerts},
};
use std::{
    cell::RefCell,
    ffi::{CString, c_char, c_void},
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr, slice,
    sync::Arc,
};

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// A series as polars hands it over.
#[repr(C)]
struct SeriesExport {
    field: *mut FFI_ArrowSchema,
    arrays: *mut *mut FFI_ArrowArray,
    len: usize,
    release: Option<unsafe extern "C" fn(*mut Self)>,
    private_data: *mut c_void,
}

/// What an exported series owns.
struct Owned {
    field: Box<FFI_ArrowSchema>,
    arrays: Box<[*mut FFI_ArrowArray]>,
}

/// Version 0.1 of the interface.
#[unsafe(no_mangle)]
extern "C" fn _polars_plugin_get_version() -> u32 {
    1
}

/// Why the last call on this thread failed.
#[unsafe(no_mangle)]
extern "C" fn _polars_plugin_get_last_error_message() -> *const c_char {
    LAST_ERROR.with(|error| error.borrow().as_ptr())
}

/// The burn rate of the last steps, after each: of the columns `total` and `bad`, and scalars: steps of the window, and the
/// objective in 10⁻¹².
///
/// # Safety
/// As polars calls it.
#[unsafe(no_mangle)]
unsafe extern "C" fn _polars_plugin_slo_burn_rate(
    inputs: *mut SeriesExport,
    len: usize,
    _: *const u8,
    _: usize,
    out: *mut SeriesExport,
    _: *const c_void,
) {
    // SAFETY: this function's contract.
    unsafe { answer(inputs, len, out, burn_rate) }
}

/// Whether an alert fires, after each step: of the columns `total` and `bad`, and scalars: steps of the long and the short
/// window, numerator and denominator of the threshold, fewest bad events.
///
/// # Safety
/// As polars calls it.
#[unsafe(no_mangle)]
unsafe extern "C" fn _polars_plugin_slo_fires(
    inputs: *mut SeriesExport,
    len: usize,
    _: *const u8,
    _: usize,
    out: *mut SeriesExport,
    _: *const c_void,
) {
    // SAFETY: this function's contract.
    unsafe { answer(inputs, len, out, fires) }
}

/// The field of [`_polars_plugin_slo_burn_rate`].
///
/// # Safety
/// As polars calls it.
#[unsafe(no_mangle)]
unsafe extern "C" fn _polars_plugin_field_slo_burn_rate(
    fields: *const FFI_ArrowSchema,
    len: usize,
    out: *mut FFI_ArrowSchema,
    _: *const u8,
    _: usize,
) {
    // SAFETY: this function's contract.
    unsafe { field(fields, len, out, DataType::Float64) }
}

/// The field of [`_polars_plugin_slo_fires`].
///
/// # Safety
/// As polars calls it.
#[unsafe(no_mangle)]
unsafe extern "C" fn _polars_plugin_field_slo_fires(
    fields: *const FFI_ArrowSchema,
    len: usize,
    out: *mut FFI_ArrowSchema,
    _: *const u8,
    _: usize,
) {
    // SAFETY: this function's contract.
    unsafe { field(fields, len, out, DataType::Boolean) }
}

/// # Safety
/// `fields` are `len` schemas, `out` is a place for one.
unsafe fn field(fields: *const FFI_ArrowSchema, len: usize, out: *mut FFI_ArrowSchema, data_type: DataType) {
    let made = guarded(|| {
        // SAFETY: the caller's promise.
        let fields = unsafe { slice::from_raw_parts(fields, len) };
        let name = fields.first().and_then(FFI_ArrowSchema::name).unwrap_or_default();
        FFI_ArrowSchema::try_from(&Field::new(name, data_type, true)).map_err(|error| error.to_string())
    });
    if let Some(made) = made {
        // SAFETY: the caller's promise; what was there owns nothing.
        unsafe { ptr::write(out, made) };
    }
}

/// Calls `work` with the columns.
///
/// # Safety
/// `inputs` are `len` series, given away; `out` is a place for one that owns nothing.
unsafe fn answer(
    inputs: *mut SeriesExport,
    len: usize,
    out: *mut SeriesExport,
    work: impl FnOnce(&[ArrayRef]) -> Result<ArrayRef, String>,
) {
    let made = guarded(|| {
        // SAFETY: the caller's promise.
        let inputs = unsafe { slice::from_raw_parts_mut(inputs, len) };
        let mut name = String::new();
        let mut columns = Vec::with_capacity(len);
        for (number, input) in inputs.iter_mut().enumerate() {
            // SAFETY: the caller's promise; each is taken once.
            let (field, column) = unsafe { take(input) };
            if number == 0 {
                name.clone_from(&field);
            }
            columns.push(column.map_err(|error| format!("'{field}': {error}")));
        }
        let columns = columns.into_iter().collect::<Result<Vec<_>, _>>()?;
        give(&name, &work(&columns)?)
    });
    if let Some(made) = made {
        // SAFETY: the caller's promise.
        unsafe { ptr::write(out, made) };
    }
}

/// What `work` makes; where it fails or panics, polars asks why.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Option<T> {
    // polars knows this word.
    let message = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(made)) => return Some(made),
        Ok(Err(message)) => message,
        Err(_) => "PANIC".to_owned(),
    };
    LAST_ERROR.with(|error| *error.borrow_mut() = CString::new(message).unwrap_or_default());
    None
}

/// The name and the counts of a series.
///
/// # Safety
/// The series is valid, and nobody uses it afterwards.
unsafe fn take(series: &mut SeriesExport) -> (String, Result<ArrayRef, String>) {
    // SAFETY: a valid series has a field, and `len` arrays that are given away with it.
    let (field, arrays) = unsafe { (&*series.field, slice::from_raw_parts(series.arrays, series.len)) };
    let name = field.name().unwrap_or_default().to_owned();
    let mut chunks = Vec::with_capacity(arrays.len());
    for array in arrays {
        // SAFETY: moved out once; the release below frees the box, and not what was in it.
        let array = unsafe { from_ffi(ptr::read(*array), field) };
        chunks
            .push(array.map(make_array).map_err(|error| error.to_string()).and_then(|chunk| counts(&chunk)));
    }
    if let Some(release) = series.release {
        // SAFETY: valid and not yet released.
        unsafe { release(series) };
    }
    let chunks = chunks.into_iter().collect::<Result<Vec<UInt64Array>, String>>();
    let joined = chunks.map(|chunks| match <[UInt64Array; 1]>::try_from(chunks) {
        Ok([only]) => Arc::new(only) as ArrayRef,
        Err(chunks) => {
            let values = chunks.iter().flat_map(|chunk| chunk.values().iter().copied());
            Arc::new(UInt64Array::from_iter_values(values)) as ArrayRef
        }
    });
    (name, joined)
}

/// Whole numbers from 0 on.
fn counts(chunk: &ArrayRef) -> Result<UInt64Array, String> {
    if !chunk.data_type().is_integer() {
        return Err(format!("counts are whole numbers, not {}; cast them first", chunk.data_type()));
    }
    if chunk.null_count() > 0 {
        return Err("counts must not be null; use fill_null(0) for rows without events".to_owned());
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let wide = cast_with_options(chunk, &DataType::UInt64, &options).map_err(|error| error.to_string())?;
    Ok(wide.as_primitive::<UInt64Type>().clone())
}

/// A series for polars.
fn give(name: &str, column: &ArrayRef) -> Result<SeriesExport, String> {
    let (array, _) = to_ffi(&column.to_data()).map_err(|error| error.to_string())?;
    let field = FFI_ArrowSchema::try_from(&Field::new(name, column.data_type().clone(), true));
    let field = Box::new(field.map_err(|error| error.to_string())?);
    let owned = Box::new(Owned { field, arrays: Box::new([Box::into_raw(Box::new(array))]) });
    Ok(SeriesExport {
        field: ptr::from_ref(owned.field.as_ref()).cast_mut(),
        arrays: owned.arrays.as_ptr().cast_mut(),
        len: 1,
        release: Some(release),
        private_data: Box::into_raw(owned).cast(),
    })
}

/// Frees what a series of ours owns, but for its arrays, which were taken.
///
/// # Safety
/// As polars calls it: once, with what [`give`] made.
unsafe extern "C" fn release(series: *mut SeriesExport) {
    // SAFETY: this function's contract.
    let series = unsafe { &mut *series };
    // SAFETY: made by `give`, from a box.
    let owned = unsafe { Box::from_raw(series.private_data.cast::<Owned>()) };
    for array in &owned.arrays {
        // SAFETY: made by `give`, from a box; what was in it is somebody else's now.
        drop(unsafe { Box::from_raw(array.cast::<ManuallyDrop<FFI_ArrowArray>>()) });
    }
    series.release = None;
    series.private_data = ptr::null_mut();
}

/// Two columns of counts, and numbers.
type Arguments<'a, const N: usize> = (&'a [u64], &'a [u64], [u64; N]);

/// The columns of counts, and the numbers after them.
fn arguments<const N: usize>(inputs: &[ArrayRef]) -> Result<Arguments<'_, N>, String> {
    let [total, bad, numbers @ ..] = inputs else { return Err("'total' and 'bad' are missing".to_owned()) };
    let number = |array: &ArrayRef| array.as_primitive::<UInt64Type>().values().first().copied().unwrap_or(0);
    let numbers: Vec<u64> = numbers.iter().map(number).collect();
    let numbers = numbers.try_into().map_err(|_| format!("{N} numbers are wanted"))?;
    Ok((total.as_primitive::<UInt64Type>().values(), bad.as_primitive::<UInt64Type>().values(), numbers))
}

/// A history whose steps are a second, since only their number matters.
fn history<'a>(total: &'a [u64], bad: &'a [u64]) -> Result<Series<'a>, String> {
    Series::new(Timestamp::EPOCH, Window::seconds(1), total, bad).map_err(|error| with_hint(&error))
}

/// So many steps of a second.
fn window(steps: u64) -> Result<Window, String> {
    Window::from_millis(steps.saturating_mul(1_000)).map_err(|error| error.to_string())
}

fn burn_rate(inputs: &[ArrayRef]) -> Result<ArrayRef, String> {
    // A percentage has ten decimals at most.
    const PERCENT: u64 = 10_000_000_000;
    let (total, bad, [steps, objective]) = arguments(inputs)?;
    if total.is_empty() {
        return Ok(Arc::new(Float64Array::from(Vec::<f64>::new())));
    }
    let objective: Objective = format!("{}.{:010}%", objective / PERCENT, objective % PERCENT)
        .parse()
        .map_err(|error: slo_core::Error| error.to_string())?;
    let steps = usize::try_from(steps).unwrap_or(usize::MAX);
    let rates = history(total, bad)?.burn_rates(steps, objective);
    if rates.without_events.is_empty() {
        return Ok(Arc::new(Float64Array::from(rates.values)));
    }
    let mut values: Vec<Option<f64>> = rates.values.into_iter().map(Some).collect();
    for row in rates.without_events.into_iter().flatten() {
        if let Some(value) = values.get_mut(row) {
            *value = None;
        }
    }
    Ok(Arc::new(Float64Array::from(values)))
}

fn fires(inputs: &[ArrayRef]) -> Result<ArrayRef, String> {
    let (total, bad, [long, short, numerator, denominator, fewest_bad]) = arguments(inputs)?;
    if total.is_empty() {
        return Ok(Arc::new(BooleanArray::from(Vec::<bool>::new())));
    }
    let threshold = Ratio::new(numerator.into(), denominator.into()).map_err(|error| error.to_string())?;
    let rule = AlertRule { fewest_bad, ..AlertRule::new(window(long)?, window(short)?, threshold) };
    let episodes = alerts(&history(total, bad)?, &rule, 1).map_err(|error| with_hint(&error))?;
    let mut firing = vec![false; total.len()];
    for episode in episodes {
        if let Some(rows) = firing.get_mut(episode.start..episode.end) {
            rows.fill(true);
        }
    }
    Ok(Arc::new(BooleanArray::from(firing)))
}
