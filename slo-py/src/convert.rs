//! Conversions between Python and Rust.

use crate::error::{SloError, data_error, value_error};
use pyo3::{
    exceptions::PyTypeError,
    prelude::*,
    types::{PyAny, PyDateTime, PyDelta, PyDeltaAccess, PyString},
};
use slo_core::{
    math::Tally,
    model::{Ratio, Timestamp, Window},
    replay::Bootstrap,
};
use std::{
    panic::resume_unwind,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// An exact ratio as a `fractions.Fraction`.
pub(crate) fn fraction(py: Python<'_>, ratio: Ratio) -> PyResult<Bound<'_, PyAny>> {
    py.import("fractions")?.getattr("Fraction")?.call1((ratio.numerator(), ratio.denominator()))
}

/// An exact number, read by `fractions.Fraction` from text: a float counts as its printed text.
pub(crate) fn ratio(value: &Bound<'_, PyAny>) -> PyResult<Ratio> {
    let text = value.str()?;
    let refuse = || SloError::new_err(format!("{text} is not an exact number of 0 or more"));
    let exact = value.py().import("fractions")?.getattr("Fraction")?.call1((&text,)).map_err(|_| refuse())?;
    let part = |name: &str| exact.getattr(name)?.extract::<u128>().map_err(|_| refuse());
    Ratio::new(part("numerator")?, part("denominator")?).map_err(|error| value_error(&error))
}

/// Counts that do not contradict each other.
pub(crate) fn tally(total: u64, bad: u64) -> PyResult<Tally> {
    Tally::new(total, bad).map_err(|error| data_error(&error))
}

/// A length of time as a `datetime.timedelta`.
pub(crate) const fn timedelta(window: Window) -> Duration {
    window.as_duration()
}

/// A time as a `datetime` in UTC.
pub(crate) fn datetime(py: Python<'_>, time: Timestamp) -> PyResult<Bound<'_, PyAny>> {
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
    epoch.add(module.getattr("timedelta")?.call1((0, 0, 0, time.as_millis()))?)
}

/// A time from a `datetime` with a time zone.
pub(crate) fn moment(value: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    if !value.is_instance_of::<PyDateTime>() {
        let kind = value.get_type().name()?;
        let message = format!("a time must be a datetime with a time zone, not {kind}");
        return Err(PyTypeError::new_err(message));
    }
    if value.getattr("tzinfo")?.is_none() {
        let message = format!("{value} has no time zone; write tzinfo=timezone.utc");
        return Err(SloError::new_err(message));
    }
    let seconds: f64 = value.call_method0("timestamp")?.extract()?;
    #[expect(clippy::cast_possible_truncation, reason = "a datetime is of the years 1 to 9999")]
    let millis = (seconds * 1_000.0).round() as i64;
    Ok(Timestamp::from_millis(millis))
}

/// This moment.
pub(crate) fn now(py: Python<'_>) -> PyResult<Timestamp> {
    let module = py.import("datetime")?;
    moment(&module.getattr("datetime")?.call_method1("now", (module.getattr("timezone")?.getattr("utc")?,))?)
}

/// A time in ISO 8601.
pub(crate) fn iso(py: Python<'_>, time: Timestamp) -> PyResult<String> {
    let text: String = datetime(py, time)?.call_method0("isoformat")?.extract()?;
    Ok(text.replace("+00:00", "Z"))
}

/// A length of time from a `timedelta` or from text such as `30d`.
pub(crate) fn window(value: &Bound<'_, PyAny>) -> PyResult<Window> {
    if let Ok(delta) = value.cast::<PyDelta>() {
        let whole = i64::from(delta.get_days()) * 86_400_000 + i64::from(delta.get_seconds()) * 1_000;
        let micros = delta.get_microseconds();
        let millis = u64::try_from(whole + i64::from(micros / 1_000)).ok().filter(|_| micros % 1_000 == 0);
        let refuse = || SloError::new_err(format!("{delta} is not a positive number of milliseconds"));
        return Window::from_millis(millis.ok_or_else(refuse)?).map_err(|error| value_error(&error));
    }
    let Ok(text) = value.cast::<PyString>() else {
        let kind = value.get_type().name()?;
        let message = format!("a length of time must be text such as \"30d\" or a timedelta, not {kind}");
        return Err(PyTypeError::new_err(message));
    };
    text.to_str()?.parse().map_err(|error| value_error(&error))
}

/// How a history of `step`s is resampled; by default, in blocks of about six hours.
pub(crate) fn block(block: Option<&Bound<'_, PyAny>>, step: Window, seed: u64) -> PyResult<Bootstrap> {
    let usual = Bootstrap { seed, ..Bootstrap::usual(step) };
    block.map_or(Ok(usual), |block| Ok(Bootstrap { mean_block: window(block)?, ..usual }))
}

/// Histories of fewer steps are not split between threads.
pub(crate) const FEW_STEPS: usize = 500_000;

/// How many processors there are; finding out takes longer than a short replay.
fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}

/// Refuses a value that is not a share of one.
pub(crate) fn share(name: &str, value: f64) -> PyResult<()> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(SloError::new_err(format!("{name}: {value} is not a share of one; write 0.05 for 5 %")))
}

/// The given window, or an hour: for longer steps, as many steps as hold it.
pub(crate) fn recent(window: Option<&Bound<'_, PyAny>>, step: Window) -> PyResult<Window> {
    if let Some(window) = window {
        return self::window(window);
    }
    an_hour(step).map_err(|error| value_error(&error))
}

/// An hour; for longer steps, as many steps as hold it.
pub(crate) fn an_hour(step: Window) -> Result<Window, slo_core::Error> {
    let steps = Window::hours(1).as_millis().div_ceil(step.as_millis());
    Window::from_millis(step.as_millis().saturating_mul(steps))
}

/// The number of threads for `parts`: as given, or as many as there are processors.
pub(crate) fn threads(given: Option<usize>, parts: usize) -> PyResult<usize> {
    match given {
        Some(0) => Err(SloError::new_err("0 threads cannot work; give 1 or more, or leave it out")),
        Some(threads) => Ok(threads.min(parts.max(1))),
        None => Ok(processors().min(parts.max(1))),
    }
}

/// Does the work for every item on this many threads, and keeps their order.
///
/// Threads of the standard library, not a pool: a pool that exists when a process forks hangs its child.
pub(crate) fn in_threads<T: Sync, R: Send>(
    threads: usize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    if threads <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            match items.get(index) {
                Some(item) => done.push((index, work(item))),
                None => return done,
            }
        }
    };
    let mut all = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(take)).collect();
        let mut all = take();
        for other in others {
            all.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        all
    });
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, result)| result).collect()
}
