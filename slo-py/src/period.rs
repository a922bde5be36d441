//! Periods of SLOs, and stretches of histories.

use crate::{
    convert::window,
    error::{SloError, value_error},
};
use pyo3::{
    prelude::*,
    types::{PyAny, PyString},
};
use slo_core::{
    Error,
    model::{Calendar, Period, Window},
    replay::{Judged, Series},
};
use std::ops::Range;

/// The part of a history that an objective judges.
pub(crate) fn judged(series: &Series<'_>, period: &Period) -> Result<Judged, Error> {
    match period {
        Period::Calendar(calendar) => Judged::calendar(series, calendar),
        other => Judged::rolling(series, other.length()),
    }
}

/// A period as it was pickled: text, or the unit, zone and anchor of a calendar.
pub(crate) fn period_state(period: &Period) -> PyResult<Vec<String>> {
    match period {
        Period::Rolling(window) => Ok(vec![window.to_string()]),
        Period::Calendar(calendar) => {
            Ok(vec![calendar.unit().to_string(), calendar.zone().to_owned(), calendar.anchor()])
        }
        _ => Err(SloError::new_err("this version of the package does not know the period")),
    }
}

/// The period that was pickled.
pub(crate) fn period_of(state: &[String]) -> PyResult<Period> {
    let period = match state {
        [window] => window.parse().map(Period::Rolling),
        [unit, zone, anchor] => {
            unit.parse().and_then(|unit| Calendar::new(unit, zone)?.anchored_at(anchor)).map(Period::Calendar)
        }
        _ => return Err(SloError::new_err("the period was pickled by another version of the package")),
    };
    period.map_err(|error| value_error(&error))
}

/// The stretches that a history is cut into.
pub(crate) enum Stretches {
    /// Of a calendar.
    Calendar(Calendar),
    /// Of equal length, counted from the Unix epoch.
    Equal(Window),
}

impl Stretches {
    /// From ``day`` to ``year`` in a zone, or of a length.
    pub(crate) fn of(value: &Bound<'_, PyAny>, zone: Option<&str>) -> PyResult<Self> {
        let unit = match value.cast::<PyString>() {
            Ok(text) => text.to_string().parse().ok(),
            Err(_) => None,
        };
        match (unit, zone) {
            (Some(unit), zone) => Calendar::new(unit, zone.unwrap_or("UTC"))
                .map(Self::Calendar)
                .map_err(|error| value_error(&error)),
            (None, None) => window(value).map(Self::Equal),
            (None, Some(_)) => {
                let message = format!(
                    "{value} has the same length in every zone; hint: write \"day\", \"week\", \"month\", \
                     \"quarter\" or \"year\""
                );
                Err(SloError::new_err(message))
            }
        }
    }

    pub(crate) fn cut(&self, series: &Series<'_>) -> Result<Vec<Range<usize>>, Error> {
        match self {
            Self::Calendar(calendar) => series.calendar_stretches(calendar),
            Self::Equal(length) => series.stretches(*length),
        }
    }
}
