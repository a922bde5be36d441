//! Histories put together.

use super::{
    class::Samples,
    columns::Counts,
    findings::{Finding, Kind, findings},
};
use crate::error::{SloError, value_error};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use slo_core::replay::{Merged, Series, merged};
use std::ops::Range;

/// Merge histories: later months, or other instances and regions.
///
/// If several parts have the same step, their events add up. If none has it, there is a gap. The order of the
/// parts does not matter.
///
/// Parameters
/// ----------
/// *parts : Samples
///     With the same step, and starts that are whole steps apart.
///
/// Returns
/// -------
/// Samples
///
/// Examples
/// --------
/// >>> import slo
/// >>> one = slo.Samples({"time": [0, 60], "total": [10, 10], "bad": [0, 1]})
/// >>> two = slo.Samples({"time": [60, 120], "total": [5, 5], "bad": [0, 0]})
/// >>> slo.merge(one, two)
/// <Samples: 3 steps of 1m from 1970-01-01T00:00:00Z, 30 events, 1 bad>
#[pyfunction]
#[pyo3(signature = (*parts))]
pub(crate) fn merge(py: Python<'_>, parts: &Bound<'_, PyTuple>) -> PyResult<Samples> {
    let parts = parts.iter().map(|part| Ok(part.cast_into::<Samples>()?.unbind()));
    let parts = parts.collect::<PyResult<Vec<Py<Samples>>>>()?;
    let Some(first) = parts.first().map(Py::get) else {
        return Err(SloError::new_err("nothing to merge; give one or more Samples"));
    };
    let mut borrowed = Vec::with_capacity(parts.len());
    for part in &parts {
        let part = part.get();
        borrowed.push((part, part.total.borrow(py)?, part.bad.borrow(py)?));
    }
    let mut series = Vec::with_capacity(parts.len());
    for (part, total, bad) in &borrowed {
        let one = Series::summed(part.start, part.step, total.as_slice()?, bad.as_slice()?, &part.sums);
        series.push(one.map_err(|error| value_error(&error))?);
    }
    let Merged { start, total, bad, .. } =
        py.detach(|| merged(&series)).map_err(|error| value_error(&error))?;
    // A step is known if some part knows of it.
    let mut known = vec![false; total.len()];
    let mut others = Vec::new();
    for (part, counts, _) in &borrowed {
        let len = counts.as_slice()?.len();
        if len == 0 {
            continue;
        }
        let steps = part.start.millis_since(start) / first.step.as_millis();
        let later = usize::try_from(steps).unwrap_or(usize::MAX);
        let mut here = vec![true; len];
        for one in &part.findings {
            if one.kind == Kind::Gap {
                here.get_mut(one.steps.clone()).unwrap_or_default().fill(false);
            } else {
                let steps = one.steps.start.saturating_add(later)..one.steps.end.saturating_add(later);
                others.push(Finding { kind: one.kind, steps });
            }
        }
        for (known, here) in known.iter_mut().skip(later).zip(here) {
            *known |= here;
        }
    }
    let mut gaps: Vec<Range<usize>> = Vec::new();
    for step in known.iter().enumerate().filter_map(|(step, known)| (!known).then_some(step)) {
        match gaps.last_mut() {
            Some(gap) if gap.end == step => gap.end = step + 1,
            _ => gaps.push(step..step + 1),
        }
    }
    let mut found = findings(gaps, vec![]);
    found.extend(others);
    // In an order that does not depend on that of the parts, each once.
    found.sort_by_key(|one| (one.steps.start, one.steps.end, one.kind.name()));
    found.dedup_by(|one, other| one.kind == other.kind && one.steps == other.steps);
    Samples::of(py, start, first.step, Counts::Owned(total), Counts::Owned(bad), found)
}
