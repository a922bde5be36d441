//! `slo.incidents`: how long the stages of episodes take.

use super::Episode;
use crate::{
    error::SloError,
    stats::convert::{ends, level, ok},
};
use pyo3::prelude::*;
use slo_ops::incident::{Stage, StageTimes};

fn stage(name: &str) -> PyResult<Stage> {
    let names = Stage::ALL.map(Stage::name).join(", ");
    let found = Stage::ALL.into_iter().find(|stage| stage.name() == name);
    found.ok_or_else(|| SloError::new_err(format!("`{name}` is not a stage; write one of {names}")))
}

fn times(episodes: &[PyRef<'_, Episode>]) -> StageTimes {
    StageTimes::of(episodes.iter().map(|episode| &episode.episode))
}

/// A geometric mean, its interval, and the number of values.
type Typical = (f64, Option<(f64, f64)>, u64);

/// How long a stage typically takes.
///
/// This is the geometric mean in seconds, with its interval and the number of episodes.
///
/// Parameters
/// ----------
/// episodes : list of Episode
///     Episodes without this stage do not count.
/// stage : str
///     ``"detect"``, ``"notify"``, ``"acknowledge"``, ``"diagnose"``, ``"mitigate"``, ``"resolve"`` or ``"restore"``.
/// confidence : float, default 0.95
///     The confidence level, between 0 and 1.
///
/// Returns
/// -------
/// (float, (float, float) or None, int) or None
///     The interval is None for a single episode. The result is None if no episode has this stage.
#[pyfunction]
#[pyo3(signature = (episodes, stage, *, confidence = 0.95))]
pub(crate) fn typical_stage(
    episodes: Vec<PyRef<'_, Episode>>,
    stage: &str,
    confidence: f64,
) -> PyResult<Option<Typical>> {
    let found = ok(times(&episodes).typical(self::stage(stage)?, level(confidence)?))?;
    Ok(found.map(|time| (time.geometric_mean, time.interval.map(ends), time.count as u64)))
}

/// How a stage has changed: the ratio of geometric means, after to before.
///
/// Parameters
/// ----------
/// before, after : list of Episode
///     At least five episodes each with this stage.
/// stage : str
///     A stage of :func:`typical_stage`.
/// confidence : float, default 0.95
///     The confidence level, between 0 and 1.
///
/// Returns
/// -------
/// (float, (float, float))
///     The ratio and its interval; an interval that contains 1 is no evidence of a change.
#[pyfunction]
#[pyo3(signature = (before, after, stage, *, confidence = 0.95))]
pub(crate) fn compare_stage(
    before: Vec<PyRef<'_, Episode>>,
    after: Vec<PyRef<'_, Episode>>,
    stage: &str,
    confidence: f64,
) -> PyResult<(f64, (f64, f64))> {
    let change = ok(times(&before).compare(&times(&after), self::stage(stage)?, level(confidence)?))?;
    Ok((change.ratio, ends(change.interval)))
}
