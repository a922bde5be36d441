//! Options and checks for reading tables.

use super::columns::{self, Counts};
use crate::error::{SloError, data_error_at};
use pyo3::{prelude::*, types::PyAny};
use slo_core::model::EventPair;

/// How steps without a row are treated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gaps {
    Unknown,
    Zero,
    Refused,
}

impl Gaps {
    pub(crate) fn parse(text: &str) -> PyResult<Self> {
        let known = [Self::Unknown, Self::Zero, Self::Refused];
        let which = one_of("gaps", text, ["unknown", "zero", "refuse"])?;
        Ok(known.into_iter().nth(which).unwrap_or(Self::Unknown))
    }
}

/// Whether times are the starts of steps.
pub(crate) fn begins(label: &str) -> PyResult<bool> {
    Ok(one_of("label", label, ["start", "end"])? == 0)
}

/// The columns of many histories.
pub(crate) struct Many {
    pub(crate) keys: Vec<String>,
    pub(crate) times: Vec<i64>,
    pub(crate) total: Counts,
    pub(crate) bad: Counts,
}

/// The columns of a table of many histories.
pub(crate) fn table_of_many<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    key: &str,
    time: Option<&Bound<'py, PyAny>>,
    total: Option<&Bound<'py, PyAny>>,
    bad: Option<&Bound<'py, PyAny>>,
    tz: Option<&str>,
) -> PyResult<Many> {
    let source = columns::Source::of(Some(data))?;
    let keys = source.words(key, None)?;
    let (total, bad) = (source.counts(py, "total", total)?, source.counts(py, "bad", bad)?);
    let times = source.times(py, "time", time)?.in_zone(tz)?;
    for (name, len) in [("time", times.len()), ("total", total.len(py)?), ("bad", bad.len(py)?)] {
        if len != keys.len() {
            let message = format!("'{key}' has {} rows, '{name}' {len}", keys.len());
            return Err(data_error_at(len.min(keys.len()), &message));
        }
    }
    Ok(Many { keys, times, total, bad })
}

/// The position of an argument's value in a list of words.
pub(super) fn one_of<const N: usize>(name: &str, value: &str, words: [&str; N]) -> PyResult<usize> {
    words.iter().position(|word| *word == value).ok_or_else(|| {
        let words = words.map(|word| format!("'{word}'")).join(", ");
        SloError::new_err(format!("{name} is '{value}'; write one of {words}"))
    })
}

/// All and the bad events, of two that are given.
pub(super) fn two_of_three<'py>(
    py: Python<'py>,
    source: &columns::Source<'_, 'py>,
    total: Option<&Bound<'py, PyAny>>,
    bad: Option<&Bound<'py, PyAny>>,
    good: Option<&Bound<'py, PyAny>>,
) -> PyResult<(Counts, Counts)> {
    let Some(good) = good else {
        return Ok((source.counts(py, "total", total)?, source.counts(py, "bad", bad)?));
    };
    if total.is_some() && bad.is_some() {
        return Err(SloError::new_err("'total', 'bad' and 'good' are one too many; give two of them"));
    }
    let good = source.counts(py, "good", Some(good))?;
    let columns = if bad.is_some() { EventPair::GoodBad } else { EventPair::TotalGood };
    let (name, other) = match bad {
        Some(bad) => ("bad", source.counts(py, "bad", Some(bad))?),
        None => ("total", source.counts(py, "total", total)?),
    };
    let (good, others) = (good.borrow(py)?, other.borrow(py)?);
    let (good, others) = (good.as_slice()?, others.as_slice()?);
    if good.len() != others.len() {
        let message = format!("'good' has {} rows, '{name}' {}", good.len(), others.len());
        return Err(data_error_at(good.len().min(others.len()), &message));
    }
    let (mut totals, mut bads) = (Vec::with_capacity(good.len()), Vec::with_capacity(good.len()));
    for (row, (good, other)) in good.iter().zip(others).enumerate() {
        let (first, second) = if bad.is_some() { (*good, *other) } else { (*other, *good) };
        let message =
            || data_error_at(row, &format!("row {row}: {good} good events beside {other} as '{name}'"));
        let (total, bad) = columns.events(first, second).ok_or_else(message)?;
        totals.push(total);
        bads.push(bad);
    }
    Ok((Counts::Owned(totals), Counts::Owned(bads)))
}

/// Refuses more bad events than events, and names the row.
pub(super) fn check_rows(py: Python<'_>, total: &Counts, bad: &Counts) -> PyResult<()> {
    let (total, bad) = (total.borrow(py)?, bad.borrow(py)?);
    let (total, bad) = (total.as_slice()?, bad.as_slice()?);
    match total.iter().zip(bad).enumerate().find(|(_, (total, bad))| bad > total) {
        None => Ok(()),
        Some((row, (total, bad))) => {
            let message = format!("row {row}: {bad} bad events are more than the total of {total}");
            Err(data_error_at(row, &message))
        }
    }
}
