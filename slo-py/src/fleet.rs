//! `slo.fleet`: many services in one table.

use crate::{
    budget::ErrorBudget,
    convert::{self, in_threads, threads},
    error::{SloError, row_error, value_error},
    objective::objective,
    period::judged,
    samples::{Gaps, table_of_many},
    slo::Slo,
    table::{Columns, Table},
};
use pyo3::{
    prelude::*,
    types::{PyAny, PyDict},
};
use slo_core::{
    math::{BurnRate, Tally, time_to_exhaustion},
    model::{Objective, Period, Window},
    replay::{Judged, RowError, Rows, Series, split},
};

/// The evaluation of one service.
struct Row {
    objective: Objective,
    judged: Judged,
    recent: Tally,
}

/// Evaluate many services at once: a table with a row for each.
///
/// Parameters
/// ----------
/// data : anything with an Arrow stream, or a mapping of names to arrays
///     A row for each service and step of time, in any order.
/// key : str, default ``"service"``
///     The column with the service of each row.
/// objectives : str, Decimal, float, Objective, ErrorBudget or Slo, or a dict of these by key
/// period : str or timedelta, default ``"30d"``
///     The period of objectives that do not have one.
/// window : str or timedelta, default ``"1h"``
///     The window of ``burn_rate``.
/// time, total, bad, label, gaps, tz, step
///     As for :class:`Samples`. Gaps of a service are those between its own first and last row.
/// threads : int, optional
///     By default, as many as there are processors.
///
/// Returns
/// -------
/// Table
///     The key, ``objective``, ``total``, ``bad``, ``sli``, ``budget_remaining`` (of the events seen),
///     ``projected_budget_remaining`` (of the whole period), ``burn_rate``, ``time_to_exhaustion`` (seconds at that rate,
///     null if never) and ``coverage``, over the period at the end of each service's history; sorted by key.
///
/// Examples
/// --------
/// >>> import slo
/// >>> rows = {"service": ["web", "api", "web", "api"], "time": [0, 0, 3600, 3600], "total": [1000] * 4, "bad": [0, 1, 0, 9]}
/// >>> slo.fleet(rows, objectives="99%")["sli"].tolist()
/// [0.995, 1.0]
#[pyfunction]
#[pyo3(
    signature = (
        data, *, objectives, key = "service", period = None, window = None, time = None, total = None, bad = None,
        label = "start", gaps = "unknown", tz = None, step = None, threads = None
    ),
    text_signature = "(data, *, objectives, key='service', period='30d', window='1h', time='time', total='total', bad='bad', label='start', gaps='unknown', tz=None, step=None, threads=None)"
)]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub(crate) fn fleet(
    py: Python<'_>,
    data: &Bound<'_, PyAny>,
    objectives: &Bound<'_, PyAny>,
    key: &str,
    period: Option<&Bound<'_, PyAny>>,
    window: Option<&Bound<'_, PyAny>>,
    time: Option<&Bound<'_, PyAny>>,
    total: Option<&Bound<'_, PyAny>>,
    bad: Option<&Bound<'_, PyAny>>,
    label: &str,
    gaps: &str,
    tz: Option<&str>,
    step: Option<&Bound<'_, PyAny>>,
    threads: Option<usize>,
) -> PyResult<Table> {
    let period = period.map_or(Ok(Window::days(30)), convert::window)?;
    let step = step.map(convert::window).transpose()?;
    let window = window.map(convert::window).transpose()?;
    let (begins, gaps) = (crate::samples::begins(label)?, Gaps::parse(gaps)?);
    let many = table_of_many(py, data, key, time, total, bad, tz)?;
    let words: Vec<&str> = many.keys.iter().map(String::as_str).collect();
    let rows = py.detach(|| split(&words, &many.times));
    let mut work = Vec::with_capacity(rows.len());
    for (name, rows) in rows {
        work.push((name, rows, promise(objectives, name, period)?));
    }
    let (total, bad) = (many.total.borrow(py)?, many.bad.borrow(py)?);
    let (total, bad) = (total.as_slice()?, bad.as_slice()?);
    let threads = self::threads(threads, work.len())?;
    let one = |(name, rows, (objective, period)): &(&str, Vec<usize>, (Objective, Period))| {
        let pick = |column: &[u64]| -> Vec<u64> {
            rows.iter().filter_map(|row| column.get(*row).copied()).collect()
        };
        let times: Vec<i64> = rows.iter().filter_map(|row| many.times.get(*row).copied()).collect();
        // A fault is told by the row of the table.
        let of_table = |fault: RowError| {
            (
                format!("{key} '{name}': "),
                RowError { row: fault.row.and_then(|row| rows.get(row).copied()), ..fault },
            )
        };
        let placed = if begins { Rows::beginning_at(&times, step) } else { Rows::ending_at(&times, step) };
        let placed = placed.map_err(of_table)?;
        let (total, bad) = (placed.place(&pick(total)), placed.place(&pick(bad)));
        let unseen = if gaps == Gaps::Zero { Vec::new() } else { placed.gaps() };
        let evaluate = || {
            let series = Series::new(placed.start(), placed.step(), &total, &bad)?;
            let judged = judged(&series, period)?.knowing(&series, &unseen, &[]);
            let window = window.map_or_else(|| convert::an_hour(placed.step()), Ok)?;
            let recent = series.window(series.len(), series.steps_in(window)?);
            Ok(Row { objective: *objective, judged, recent })
        };
        evaluate().map_err(|error: slo_core::Error| of_table(RowError { row: None, error }))
    };
    let done = py.detach(|| in_threads(threads, &work, one));
    let mut found = Vec::with_capacity(done.len());
    for row in done {
        found.push(row.map_err(|(whose, fault)| {
            let error = row_error(&fault);
            SloError::new_err(format!("{whose}{}", Python::attach(|py| error.value(py).to_string())))
        })?);
    }
    table(key, &work.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), &found)
}

/// The objective and the period of a service.
fn promise(objectives: &Bound<'_, PyAny>, name: &str, period: Window) -> PyResult<(Objective, Period)> {
    let own = match objectives.cast::<PyDict>() {
        Ok(all) => all.get_item(name)?.ok_or_else(|| {
            SloError::new_err(format!("no objective for '{name}'; give one, or leave its rows out"))
        })?,
        Err(_) => objectives.clone(),
    };
    if let Ok(slo) = own.cast::<Slo>() {
        return Ok(slo.get().promise());
    }
    if let Ok(budget) = own.cast::<ErrorBudget>() {
        return Ok((budget.get().objective, Period::Rolling(budget.get().period)));
    }
    Ok((objective(&own)?, Period::Rolling(period)))
}

fn table(key: &str, names: &[&str], rows: &[Row]) -> PyResult<Table> {
    let objectives: Vec<String> = rows.iter().map(|row| row.objective.to_string()).collect();
    let mut projected = Vec::with_capacity(rows.len());
    let mut lasts = Vec::with_capacity(rows.len());
    for row in rows {
        let ok = |error: slo_core::Error| value_error(&error);
        let spent = row.judged.spent(row.judged.seen().bad(), row.objective).map_err(ok)?;
        let left = spent.map(|spent| 1.0 - spent);
        let burn = BurnRate::of(row.recent, row.objective);
        lasts.push(match left {
            Some(left) => time_to_exhaustion(left, burn, row.judged.period()).map_err(ok)?,
            None => None,
        });
        projected.push(left);
    }
    let burn = |row: &Row| BurnRate::of(row.recent, row.objective).map(BurnRate::value);
    Columns::default()
        .words(key, names.iter().copied())
        .words("objective", objectives.iter().map(String::as_str))
        .counts("total", rows.iter().map(|row| row.judged.seen().total()).collect())
        .counts("bad", rows.iter().map(|row| row.judged.seen().bad()).collect())
        .numbers("sli", rows.iter().map(|row| row.judged.seen().sli()))
        .numbers("budget_remaining", rows.iter().map(|row| row.judged.budget(row.objective).remaining()))
        .numbers("projected_budget_remaining", projected)
        .numbers("burn_rate", rows.iter().map(burn))
        .numbers("time_to_exhaustion", lasts)
        .numbers("coverage", rows.iter().map(|row| Some(row.judged.coverage())))
        .table()
}
