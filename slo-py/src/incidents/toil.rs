//! `slo.incidents`: how much of a team's time is work by hand.

use super::Episode;
use crate::error::{spec_error, value_error};
use pyo3::{prelude::*, types::PyAny};
use slo_ops::toil::{HandsOn, ToilReport, read_toil};

/// How much of a team's time is work by hand.
///
/// Parameters
/// ----------
/// sheet : str
///     The text of a file with the weeks of a team (``version: slo-toil/v1``).
/// episodes : list of Episode, default []
///     Those that somebody acknowledged in these weeks count, from the acknowledgement until users were no longer affected.
/// seed : int, default 0
///     The seed of the resampling for the interval.
///
/// Returns
/// -------
/// dict
///     ``share`` with its ``interval`` at 95 % (None for fewer than 8 weeks), ``cap``, ``verdict`` ("below", "above" or "uncertain"), ``weeks``,
///     ``worked_hours``, ``unfinished``, and ``sources``: dicts with ``name``, ``is_runbook``, ``runs``, ``hours``, ``share``.
///
/// Raises
/// ------
/// SpecError
///     A sheet with faults; ``faults`` holds all of them.
/// SloError
///     A week with more toil than work.
///
/// Examples
/// --------
/// >>> from slo.incidents import toil_report
/// >>> sheet = '''
/// ... version: slo-toil/v1
/// ... weeks:
/// ...   - {week: 2026-W45, worked: 100h, toil: {certificates: 20h}}
/// ...   - {week: 2026-W46, worked: 60h, toil: {certificates: 20h}}
/// ... '''
/// >>> report = toil_report(sheet)
/// >>> report["share"], report["verdict"]
/// (0.25, 'uncertain')
#[pyfunction]
#[pyo3(signature = (sheet, /, *, episodes = vec![], seed = 0), text_signature = "(sheet, /, *, episodes=[], seed=0)")]
pub(crate) fn toil_report<'py>(
    py: Python<'py>,
    sheet: &str,
    episodes: Vec<PyRef<'py, Episode>>,
    seed: u64,
) -> PyResult<Bound<'py, PyAny>> {
    let sheet = read_toil(sheet).map_err(|faults| spec_error(py, None, &faults))?;
    let answers: Vec<HandsOn> = episodes.iter().filter_map(|one| HandsOn::of(&one.episode)).collect();
    let report = ToilReport::of(&sheet, &answers, seed).map_err(|error| value_error(&error))?;
    let text =
        serde_json::to_string(&report).map_err(|error| crate::error::SloError::new_err(error.to_string()))?;
    py.import("json")?.call_method1("loads", (text,))
}
