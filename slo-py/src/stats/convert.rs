//! Conversions of arguments and results.

use crate::error::value_error;
use pyo3::prelude::*;
use slo_core::{
    Error,
    math::Tally,
    stats::{Confidence, Interval},
};

pub(crate) fn ok<T>(result: Result<T, Error>) -> PyResult<T> {
    result.map_err(|error| value_error(&error))
}

pub(super) fn tally(total: u64, bad: u64) -> PyResult<Tally> {
    crate::convert::tally(total, bad)
}

pub(crate) fn level(confidence: f64) -> PyResult<Confidence> {
    ok(Confidence::new(confidence))
}

pub(crate) fn ends(interval: Interval) -> (f64, f64) {
    (interval.low(), interval.high())
}
