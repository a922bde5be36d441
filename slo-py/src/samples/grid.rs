//! Times in equal steps.

use super::{Counts, Samples};
use crate::error::{data_error_at, value_error};
use pyo3::prelude::*;
use slo_core::model::Window;

/// Where each row belongs.
pub(super) struct Grid {
    start: i64,
    step: Window,
    // The step of each row; every one, in order, where `None`.
    steps: Option<Vec<usize>>,
    len: usize,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finding {
    pub(super) kind: Kind,
    pub(super) column: &'static str,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Gap,
    Reset,
}

impl Kind {
    pub(super) fn of(name: &str) -> Option<Self> {
        [Self::Gap, Self::Reset].into_iter().find(|kind| kind.name() == name)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Reset => "reset",
        }
    }
}

/// What would need more memory than there can be is a mistake in the times.
const MOST_STEPS: usize = 1 << 33;

impl Grid {
    /// `len` steps, none of which is missing.
    pub(super) const fn regular(start: i64, step: Window, len: usize) -> Self {
        Self { start, step, steps: None, len }
    }

    /// The grid of rows that end at `times`, in milliseconds.
    pub(super) fn of(times: &[i64], step: Option<Window>) -> PyResult<Self> {
        let mut least = i64::MAX;
        for (position, pair) in times.windows(2).enumerate() {
            let [before, after] = pair else { continue };
            if after <= before {
                let what = if after == before { "a duplicate" } else { "earlier than the one before" };
                let position = position + 1;
                return Err(data_error_at(
                    position,
                    &format!("'time' at {position} is {what}; sort by time, once each"),
                ));
            }
            least = least.min(after - before);
        }
        let step = match step {
            Some(step) => step,
            None if times.len() < 2 => {
                return Err(data_error_at(0, "one row has no step; give 'step'"));
            }
            None => {
                Window::from_millis(u64::try_from(least).unwrap_or(0)).map_err(|error| value_error(&error))?
            }
        };
        let millis = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        let first = times.first().copied().unwrap_or(0);
        let mut steps = Vec::with_capacity(times.len());
        for (position, time) in times.iter().enumerate() {
            let since = time - first;
            if since % millis != 0 {
                let message = format!(
                    "'time' at {position} is {since} ms after the first, which is not a whole number of steps of {step}; \
                     resample, or give the 'step' that the times are made of"
                );
                return Err(data_error_at(position, &message));
            }
            steps.push(usize::try_from(since / millis).unwrap_or(usize::MAX));
        }
        let len = steps.last().map_or(0, |last| last + 1);
        if len > MOST_STEPS {
            return Err(data_error_at(times.len() - 1, &format!("{len} steps of {step} are too many")));
        }
        let is_regular = len == steps.len();
        Ok(Self { start: first - millis, step, steps: (!is_regular).then_some(steps), len })
    }

    /// Increments in their places.
    pub(super) fn place(self, py: Python<'_>, total: Counts, bad: Counts) -> PyResult<Samples> {
        let Self { start, step, steps, len } = self;
        let Some(steps) = steps else { return Ok(Samples { start, step, total, bad, findings: vec![] }) };
        let spread = |counts: &Counts| -> PyResult<Counts> {
            let counts = counts.borrow(py)?;
            let mut placed = vec![0; len];
            for (step, count) in steps.iter().zip(counts.as_slice()?) {
                if let Some(place) = placed.get_mut(*step) {
                    *place = *count;
                }
            }
            Ok(Counts::Owned(placed))
        };
        let (total, bad) = (spread(&total)?, spread(&bad)?);
        check_rows(py, &total, &bad, |step| steps.binary_search(&step).ok())?;
        Ok(Samples { start, step, total, bad, findings: gaps(&steps) })
    }

    /// What counters have grown by, from each row to the next; after a gap, all of it in one step.
    pub(super) fn increments(self, py: Python<'_>, total: &Counts, bad: &Counts) -> PyResult<Samples> {
        let Self { start, step, steps, len } = self;
        let steps = steps.unwrap_or_else(|| (0..len).collect());
        // The first row is what the others are compared with.
        let after_first = len.saturating_sub(1);
        let mut findings: Vec<Finding> = gaps(&steps)
            .into_iter()
            .map(|gap| Finding { start: gap.start.saturating_sub(1), end: gap.end.saturating_sub(1), ..gap })
            .collect();
        let mut grown = |column: &'static str, counts: &Counts| -> PyResult<Counts> {
            let counts = counts.borrow(py)?;
            let mut placed = vec![0; after_first];
            for (pair, step) in counts.as_slice()?.windows(2).zip(steps.iter().skip(1)) {
                let [before, after] = pair else { continue };
                let position = step.saturating_sub(1);
                if after < before {
                    findings.push(Finding { kind: Kind::Reset, column, start: position, end: position + 1 });
                }
                if let Some(place) = placed.get_mut(position) {
                    *place = after.checked_sub(*before).unwrap_or(*after);
                }
            }
            Ok(Counts::Owned(placed))
        };
        let (total, bad) = (grown("total", total)?, grown("bad", bad)?);
        check_rows(py, &total, &bad, |step| steps.binary_search(&(step + 1)).ok())?;
        findings.sort_by_key(|finding| finding.start);
        let start = start.saturating_add(i64::try_from(step.as_millis()).unwrap_or(0));
        Ok(Samples { start, step, total, bad, findings })
    }
}

/// Refuses more bad events than events, by the row that says so.
fn check_rows(
    py: Python<'_>,
    total: &Counts,
    bad: &Counts,
    row_of: impl Fn(usize) -> Option<usize>,
) -> PyResult<()> {
    let (total, bad) = (total.borrow(py)?, bad.borrow(py)?);
    let mut steps = total.as_slice()?.iter().zip(bad.as_slice()?).enumerate();
    match steps.find(|(_, (total, bad))| bad > total) {
        None => Ok(()),
        Some((step, (total, bad))) => {
            let row = row_of(step).unwrap_or(step);
            Err(data_error_at(row, &format!("row {row}: {bad} bad events of {total}")))
        }
    }
}

/// Steps between rows that have none.
fn gaps(steps: &[usize]) -> Vec<Finding> {
    let pairs = steps.windows(2).filter_map(|pair| match pair {
        [before, after] if after - before > 1 => Some((before + 1, *after)),
        _ => None,
    });
    pairs.map(|(start, end)| Finding { kind: Kind::Gap, column: "time", start, end }).collect()
}
