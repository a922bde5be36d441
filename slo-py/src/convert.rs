//! Values that cross the border.

use crate::error::value_error;
use pyo3::{
    prelude::*,
    types::{PyAny, PyDelta, PyDeltaAccess},
};
use slo_core::model::{Ratio, Window};
use std::time::Duration;

/// An exact ratio as a `fractions.Fraction`.
pub(crate) fn fraction(py: Python<'_>, ratio: Ratio) -> PyResult<Bound<'_, PyAny>> {
    py.import("fractions")?.getattr("Fraction")?.call1((ratio.numerator(), ratio.denominator()))
}

/// A length of time as a `datetime.timedelta`.
pub(crate) const fn timedelta(window: Window) -> Duration {
    window.as_duration()
}

/// A time as a `datetime` in UTC.
pub(crate) fn datetime(py: Python<'_>, millis: i64) -> PyResult<Bound<'_, PyAny>> {
    let module = py.import("datetime")?;
    let epoch = module.getattr("datetime")?.call1((
        1970,
        1,
        1,
        0,
        0,
        0,
        0,
        module.getattr("timezone")?.getattr("utc")?,
    ))?;
    epoch.add(module.getattr("timedelta")?.call1((0, 0, 0, millis))?)
}

/// A `datetime` that knows its time zone, in milliseconds since the Unix epoch.
pub(crate) fn millis(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    if value.getattr("tzinfo")?.is_none() {
        let message = format!("{value} has no time zone; write tzinfo=timezone.utc");
        return Err(crate::error::SloError::new_err(message));
    }
    let seconds: f64 = value.call_method0("timestamp")?.extract()?;
    #[expect(clippy::cast_possible_truncation, reason = "a datetime is of the years 1 to 9999")]
    let millis = (seconds * 1_000.0).round() as i64;
    Ok(millis)
}

/// The time, in milliseconds since the Unix epoch.
pub(crate) fn now(py: Python<'_>) -> PyResult<i64> {
    let module = py.import("datetime")?;
    millis(&module.getattr("datetime")?.call_method1("now", (module.getattr("timezone")?.getattr("utc")?,))?)
}

/// A time in ISO 8601.
pub(crate) fn iso(py: Python<'_>, millis: i64) -> PyResult<String> {
    let text: String = datetime(py, millis)?.call_method0("isoformat")?.extract()?;
    Ok(text.replace("+00:00", "Z"))
}

/// A length of time from a `timedelta` or from text such as `30d`.
pub(crate) fn window(value: &Bound<'_, PyAny>) -> PyResult<Window> {
    if let Ok(delta) = value.cast::<PyDelta>() {
        let whole = i64::from(delta.get_days()) * 86_400_000 + i64::from(delta.get_seconds()) * 1_000;
        let micros = delta.get_microseconds();
        let millis = u64::try_from(whole + i64::from(micros / 1_000)).ok().filter(|_| micros % 1_000 == 0);
        let refuse =
            || crate::error::SloError::new_err(format!("{delta} is not a positive number of milliseconds"));
        return Window::from_millis(millis.ok_or_else(refuse)?).map_err(|error| value_error(&error));
    }
    value.extract::<String>()?.parse().map_err(|error| value_error(&error))
}
