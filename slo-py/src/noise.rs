//! `slo.noise`: which alerts cost attention for nothing.

use crate::{
    convert,
    error::{SloError, value_error},
    samples::{Samples, Source},
    slo::Slo,
    table::{Columns, Table},
};
use pyo3::prelude::*;
use slo_core::{artifact::Hours, model::Timestamp};
use slo_ops::{
    alert::LabelSet,
    noise::{self, AlertHistory, Firing, NoiseRules, picture},
};

/// Which alerts cost attention for nothing, and what would have spared them.
///
/// Parameters
/// ----------
/// firings : table
///     Any Arrow table or mapping with a row for each time that an alert fired: `alertname`, `began`, `ended` (times), and, if there
///     are such columns, the labels `service`, `slo`, `severity`, and `spent`: the share of a period's error budget that was spent
///     while it fired.
/// start, end : datetime
///     The time that the table covers.
/// worth : float, default 0.01
///     A firing that cost less than this share of a period's budget was for nothing.
/// hours : str, optional
///     The hours in which people work, such as "Mon-Fri 09:00-17:00 Europe/Berlin".
///
/// Raises
/// ------
/// SloError
///     Columns that are missing or differ in length, hours that are none.
#[pyclass(frozen, module = "slo.noise")]
pub(crate) struct Noise {
    history: AlertHistory,
    noise: noise::Noise,
}

#[pymethods]
impl Noise {
    #[new]
    #[pyo3(signature = (firings, *, start, end, worth = 0.01, hours = None))]
    fn new(
        py: Python<'_>,
        firings: &Bound<'_, PyAny>,
        start: &Bound<'_, PyAny>,
        end: &Bound<'_, PyAny>,
        worth: f64,
        hours: Option<&str>,
    ) -> PyResult<Self> {
        let source = Source::of(Some(firings))?;
        let names = source.words("alertname", None)?;
        let times = |name: &str| -> PyResult<Vec<i64>> { source.times(py, name, None)?.in_zone(None) };
        let (began, ended) = (times("began")?, times("ended")?);
        let mut labels: Vec<LabelSet> =
            names.into_iter().map(|name| [("alertname".to_owned(), name)].into()).collect();
        for name in ["service", "slo", "severity"].into_iter().filter(|name| source.has(name)) {
            let words = source.words(name, None)?;
            if words.len() != labels.len() {
                return Err(differ());
            }
            for (labels, word) in labels.iter_mut().zip(words).filter(|(_, word)| !word.is_empty()) {
                labels.insert(name.to_owned(), word);
            }
        }
        let spent = if source.has("spent") { Some(source.numbers("spent")?) } else { None };
        let lengths = [began.len(), ended.len(), spent.as_ref().map_or(labels.len(), Vec::len)];
        if lengths.iter().any(|length| *length != labels.len()) {
            return Err(differ());
        }
        let mut all = Vec::new();
        for (row, ((labels, began), ended)) in labels.into_iter().zip(began).zip(ended).enumerate() {
            let spent = spent.as_ref().and_then(|spent| spent.get(row).copied().flatten());
            let (began, ended) = (Timestamp::from_millis(began), Timestamp::from_millis(ended));
            all.push(Firing { labels, began, ended, messages: 0, spent });
        }
        let history = AlertHistory::new(all, convert::moment(start)?, convert::moment(end)?);
        let hours = hours.map(str::parse::<Hours>).transpose().map_err(|error| value_error(&error))?;
        let rules = NoiseRules { worth, hours, ..NoiseRules::default() };
        let noise = noise::Noise::of(&history, &(), &rules).map_err(|error| value_error(&error))?;
        Ok(Self { history, noise })
    }

    /// Each alert, those with most firings for nothing first.
    ///
    /// Returns
    /// -------
    /// Table
    ///     `alert`, `service`, `slo`, `severity`, `firings`, `priced` (firings whose cost is known), `for_nothing`, `precision` with
    ///     `precision_low` and `precision_high` (Wilson's interval at 95 %), `median_seconds`, `flaps`, `out_of_hours`, `spent`.
    #[getter]
    fn alerts(&self) -> PyResult<Table> {
        let all = &self.noise.alerts;
        Columns::default()
            .words("alert", all.iter().map(|one| one.key.alert.as_str()))
            .words("service", all.iter().map(|one| one.key.service.as_str()))
            .words("slo", all.iter().map(|one| one.key.slo.as_str()))
            .words("severity", all.iter().map(|one| one.key.severity.as_str()))
            .counts("firings", all.iter().map(|one| one.firings).collect())
            .counts("priced", all.iter().map(|one| one.priced).collect())
            .counts("for_nothing", all.iter().map(|one| one.for_nothing).collect())
            .numbers("precision", all.iter().map(|one| one.precision.map(|(share, _)| share)))
            .numbers("precision_low", all.iter().map(|one| one.precision.map(|(_, interval)| interval.low())))
            .numbers(
                "precision_high",
                all.iter().map(|one| one.precision.map(|(_, interval)| interval.high())),
            )
            .numbers("median_seconds", all.iter().map(|one| Some(one.median_seconds)))
            .counts("flaps", all.iter().map(|one| one.flaps).collect())
            .numbers("out_of_hours", all.iter().map(|one| one.out_of_hours.map(|count| count as f64)))
            .numbers("spent", all.iter().map(|one| one.spent))
            .table()
    }

    /// Alerts that come with another one.
    ///
    /// Returns
    /// -------
    /// Table
    ///     `target`, `source` (the alert that it comes with), `firings`, `together`, `p`.
    #[getter]
    fn pairs(&self) -> PyResult<Table> {
        let all = &self.noise.pairs;
        let texts: Vec<[String; 2]> =
            all.iter().map(|one| [one.target.to_string(), one.source.to_string()]).collect();
        Columns::default()
            .words("target", texts.iter().map(|[target, _]| target.as_str()))
            .words("source", texts.iter().map(|[_, source]| source.as_str()))
            .counts("firings", all.iter().map(|one| one.firings).collect())
            .counts("together", all.iter().map(|one| one.together).collect())
            .numbers("p", all.iter().map(|one| Some(one.p)))
            .table()
    }

    /// What would have spared firings, replayed on the same history.
    ///
    /// Returns
    /// -------
    /// Table
    ///     `measure`, `spared` (firings), `snippet` (what to write).
    #[getter]
    fn measures(&self) -> PyResult<Table> {
        let all = &self.noise.measures;
        let texts: Vec<[String; 2]> = all.iter().map(|one| [one.to_string(), one.snippet()]).collect();
        Columns::default()
            .words("measure", texts.iter().map(|[text, _]| text.as_str()))
            .counts("spared", all.iter().map(noise::Measure::spared).collect())
            .words("snippet", texts.iter().map(|[_, snippet]| snippet.as_str()))
            .table()
    }

    /// The picture of the history, as SVG: firings a day, and a row for each of the noisiest alerts.
    #[pyo3(signature = (time_zone = "UTC"))]
    fn svg(&self, time_zone: &str) -> String {
        picture(&self.history, &self.noise, time_zone)
    }

    fn __repr__(&self) -> String {
        format!(
            "Noise({} firings, {} pages, {} measures)",
            self.noise.firings,
            self.noise.pages,
            self.noise.measures.len()
        )
    }

    #[pyo3(name = "_repr_html_")]
    fn html(&self) -> PyResult<String> {
        Ok(self.svg("UTC") + &self.alerts()?.html() + &self.measures()?.html())
    }
}

fn differ() -> PyErr {
    SloError::new_err("the columns of the firings differ in length")
}

/// The alerts of an SLO on a history: as they are, with a guard if it has none, and with windows twice as long.
///
/// Parameters
/// ----------
/// slo : Slo
/// samples : Samples
///
/// Returns
/// -------
/// Table
///     `change`, `pages`, `true_pages`, `tickets`, `incidents`, `detected`, `median_detection_seconds`.
#[pyfunction]
#[pyo3(signature = (slo, samples, /))]
pub(crate) fn what_if(py: Python<'_>, slo: &Slo, samples: Py<Samples>) -> PyResult<Table> {
    let samples = slo.counted(py, samples, None)?;
    let found = samples.get().series(py, |series| noise::what_if(slo.inner(), series))?;
    let found = found.map_err(|error| value_error(&error))?;
    let changes: Vec<String> = found.iter().map(|one| one.change.to_string()).collect();
    Columns::default()
        .words("change", changes.iter().map(String::as_str))
        .counts("pages", found.iter().map(|one| one.pages).collect())
        .counts("true_pages", found.iter().map(|one| one.true_pages).collect())
        .counts("tickets", found.iter().map(|one| one.tickets).collect())
        .counts("incidents", found.iter().map(|one| one.incidents).collect())
        .counts("detected", found.iter().map(|one| one.detected).collect())
        .numbers("median_detection_seconds", found.iter().map(|one| one.median_detection_seconds))
        .table()
}
