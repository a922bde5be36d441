//! `slo.load`, `slo.Spec`, `slo.Slo`

use crate::{
    backtest::{Backtest, Wishes},
    budget::ErrorBudget,
    convert::timedelta,
    error::{SloError, spec_error, value_error, warn},
    evaluation::Evaluation,
    html,
    objective::Objective,
    policy::{AlertPolicy, Tier, tiers_html},
    rules::Rules,
    samples::Samples,
};
use pyo3::{
    exceptions::{PyKeyError, PyOSError},
    prelude::*,
    types::{PyAny, PyString},
};
use slo_core::{
    artifact,
    model::{self, Service},
    spec::{self, Document},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

/// Read a spec file.
///
/// Parameters
/// ----------
/// path : str or os.PathLike
///     A native ``slo/v1`` document, or several separated by ``---``; or a specification of Sloth, OpenSLO or Pyrra.
///
/// Returns
/// -------
/// Spec
///
/// Raises
/// ------
/// SpecError
///     A spec with faults; ``faults`` holds all of them, with line, column and hint.
/// OSError
///     A file that cannot be read.
///
/// Warns
/// -----
/// SloWarning
///     What another tool's specification says and no SLO here can.
#[pyfunction]
#[pyo3(signature = (path, /))]
pub(crate) fn load(py: Python<'_>, path: PathBuf) -> PyResult<Spec> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| os_error(&error, &name))?;
    read(py, Some(&name), &text)
}

/// Read a spec from text, or from what such text says: dicts and lists; like :func:`load`.
///
/// Examples
/// --------
/// >>> import slo
/// >>> spec = slo.parse('''
/// ... version: slo/v1
/// ... service: checkout
/// ... slos:
/// ...   - name: availability
/// ...     objective: 99.9%
/// ...     window: 30d
/// ...     sli: {events: {total: requests_total, bad: errors_total}}
/// ... ''')
/// >>> spec["checkout/availability"].objective
/// Objective('99.9%')
#[pyfunction]
#[pyo3(signature = (text, /))]
pub(crate) fn parse(py: Python<'_>, text: &Bound<'_, PyAny>) -> PyResult<Spec> {
    if text.is_instance_of::<PyString>() {
        return read(py, None, &text.extract::<String>()?);
    }
    // JSON is YAML.
    let dumps = py.import("slo._documents")?.getattr("dumps")?;
    read(py, None, &dumps.call1((text,))?.extract::<String>()?)
}

/// The subclass of `OSError` that Python itself would raise, with the file's name.
fn os_error(error: &std::io::Error, name: &str) -> PyErr {
    match error.raw_os_error() {
        Some(code) => {
            let text = error.to_string();
            let reason = text.split(" (os error").next().unwrap_or_default().to_owned();
            PyOSError::new_err((code, reason, name.to_owned()))
        }
        None => PyErr::from(std::io::Error::new(error.kind(), format!("{name}: {error}"))),
    }
}

fn read(py: Python<'_>, name: Option<&str>, text: &str) -> PyResult<Spec> {
    let mut documents = py.detach(|| spec::read(&[text]));
    let Some(document) = documents.pop() else { return Ok(Spec { services: vec![] }) };
    let Document { services, losses, .. } = document.map_err(|found| spec_error(py, name, &found))?;
    for loss in losses {
        let place = name.map_or_else(String::new, |name| format!("{name}:"));
        warn(py, &format!("{place}{loss}"))?;
    }
    Ok(Spec { services: services.into_iter().map(Arc::new).collect() })
}

/// The SLOs of a spec, by ``"service/slo"``.
#[pyclass(frozen, mapping, module = "slo")]
pub(crate) struct Spec {
    services: Vec<Arc<Service>>,
}

impl Spec {
    fn slos(&self) -> impl Iterator<Item = Slo> {
        self.services.iter().flat_map(|service| {
            service.slos().iter().map(|slo| Slo { service: Arc::clone(service), slo: slo.clone() })
        })
    }
}

#[pymethods]
impl Spec {
    /// The keys, in the order of the spec.
    fn keys(&self) -> Vec<String> {
        self.slos().map(|slo| slo.key()).collect()
    }

    /// The SLOs, in the order of the spec.
    fn values(&self) -> Vec<Slo> {
        self.slos().collect()
    }

    /// Keys and SLOs, in the order of the spec.
    fn items(&self) -> Vec<(String, Slo)> {
        self.slos().map(|slo| (slo.key(), slo)).collect()
    }

    /// The rules of all SLOs.
    ///
    /// Parameters
    /// ----------
    /// time_scale : int, default 1
    ///     Divide every window and interval by this, for demonstrations and tests.
    #[pyo3(signature = (*, time_scale = 1))]
    fn rules(&self, py: Python<'_>, time_scale: u32) -> PyResult<Rules> {
        py.detach(|| Rules::of(self.services.iter().map(|service| Service::clone(service)), time_scale))
    }

    /// Grafana dashboards: an overview, an incident page, and a page for each SLO.
    ///
    /// Returns
    /// -------
    /// dict of str to str
    ///     JSON, by the names of files.
    fn dashboards(&self, py: Python<'_>) -> PyResult<BTreeMap<String, String>> {
        let services: Vec<Service> = self.services.iter().map(|service| Service::clone(service)).collect();
        let made = py.detach(|| artifact::dashboards(&services)).map_err(|error| value_error(&error))?;
        Ok(made.into_iter().map(|one| (one.file, one.json.to_string())).collect())
    }

    /// The spec as text, in the native format.
    fn to_yaml(&self) -> String {
        let documents: Vec<String> = self.services.iter().map(|service| spec::write(service)).collect();
        documents.join("---\n")
    }

    fn __getitem__(&self, key: &str) -> PyResult<Slo> {
        self.slos().find(|slo| slo.key() == key).ok_or_else(|| {
            PyKeyError::new_err(format!("no SLO '{key}'; there are {}", self.keys().join(", ")))
        })
    }

    fn __contains__(&self, key: &str) -> bool {
        self.slos().any(|slo| slo.key() == key)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.keys().into_pyobject(py)?.call_method0("__iter__")
    }

    fn __len__(&self) -> usize {
        self.services.iter().map(|service| service.slos().len()).sum()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        let again = slf.py().import("slo._slo")?.getattr("parse")?;
        Ok((again, (slf.get().to_yaml(),)))
    }

    fn _repr_html_(&self) -> String {
        let rows = self.slos().map(|slo| {
            let budget = slo.error_budget();
            vec![
                slo.key(),
                budget.objective.to_string(),
                slo.slo.period().to_string(),
                budget.in_short(),
                slo.description().to_owned(),
            ]
        });
        html::table(&["SLO", "objective", "period", "budget", "what"], rows)
    }

    fn __repr__(&self) -> String {
        format!("<Spec: {}>", self.keys().join(", "))
    }
}

/// The SLO that was pickled.
#[pyfunction]
pub(crate) fn _an_slo(py: Python<'_>, text: &str, key: &str) -> PyResult<Slo> {
    read(py, None, text)?.__getitem__(key)
}

/// A service level objective; an item of a :class:`Spec`.
#[pyclass(frozen, eq, module = "slo")]
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Slo {
    service: Arc<Service>,
    slo: model::Slo,
}

impl Slo {
    pub(crate) fn sli(&self) -> &model::Sli {
        self.slo.sli()
    }

    pub(crate) fn target_labels(&self) -> &[model::LabelName] {
        self.service.target_labels()
    }

    pub(crate) fn counts_newborn(&self) -> bool {
        self.service.counts_newborn_series()
    }

    /// Refuses a history that is not said to be of one group, where each group has a budget of its own.
    fn check_group(&self, group: Option<BTreeMap<String, String>>) -> PyResult<()> {
        let by: BTreeSet<&str> = self.slo.by().iter().map(model::LabelName::as_str).collect();
        let group = group.unwrap_or_default();
        if by.iter().copied().eq(group.keys().map(String::as_str)) {
            return Ok(());
        }
        let message = if by.is_empty() {
            format!("{}: it has no groups; leave `group` out", self.key())
        } else {
            let example: Vec<String> = by.iter().map(|label| format!("{label:?}: \"…\"")).collect();
            format!(
                "{}: each group has a budget of its own; give the history of one, and group={{{}}}",
                self.key(),
                example.join(", ")
            )
        };
        Err(SloError::new_err(message))
    }

    pub(crate) fn error_budget(&self) -> ErrorBudget {
        ErrorBudget { objective: self.slo.objective(), period: self.slo.period().length() }
    }

    /// What is judged of a history: its time slices, without the times that are excluded.
    fn counted(
        &self,
        py: Python<'_>,
        samples: Py<Samples>,
        group: Option<BTreeMap<String, String>>,
    ) -> PyResult<Py<Samples>> {
        self.check_group(group)?;
        if self.service.exclusions().is_empty() && self.slo.slices().is_none() {
            return Ok(samples);
        }
        Py::new(py, samples.get().judged(py, &self.service, &self.slo)?)
    }

    pub(crate) fn promise(&self) -> (model::Objective, model::Period) {
        (self.slo.objective(), self.slo.period().clone())
    }

    fn key(&self) -> String {
        format!("{}/{}", self.service.name(), self.slo.name())
    }
}

#[pymethods]
impl Slo {
    /// Its name within the service.
    #[getter]
    fn name(&self) -> &str {
        self.slo.name().as_str()
    }

    /// The service.
    #[getter]
    fn service(&self) -> &str {
        self.service.name().as_str()
    }

    /// What is promised, in words.
    #[getter]
    fn description(&self) -> &str {
        self.slo.description()
    }

    /// The objective.
    #[getter]
    const fn objective(&self) -> Objective {
        Objective(self.slo.objective())
    }

    /// The time over which it is judged, a `timedelta`.
    #[getter]
    const fn period(&self) -> Duration {
        timedelta(self.slo.period().length())
    }

    /// The error budget.
    #[getter]
    fn budget(&self) -> ErrorBudget {
        self.error_budget()
    }

    /// The alert policy.
    #[getter]
    fn policy(&self) -> AlertPolicy {
        AlertPolicy(self.slo.policy().clone())
    }

    /// The alert tiers, fastest first.
    #[getter]
    fn tiers(&self) -> Vec<Tier> {
        let objective = Some(self.slo.objective());
        self.slo.policy().tiers().iter().map(|&tier| Tier { tier, objective }).collect()
    }

    /// The rules of this SLO.
    ///
    /// Parameters
    /// ----------
    /// time_scale : int, default 1
    ///     Divide every window and interval by this, for demonstrations and tests.
    #[pyo3(signature = (*, time_scale = 1))]
    fn rules(&self, time_scale: u32) -> PyResult<Rules> {
        Rules::of([self.service.only(&self.slo)], time_scale)
    }

    /// The SLO as a spec of its own, in the native format.
    fn to_yaml(&self) -> String {
        spec::write(&self.service.only(&self.slo))
    }

    /// What a history says of this SLO, over its period: of a calendar, the one in which the history ends.
    ///
    /// Parameters
    /// ----------
    /// samples : Samples
    ///     Steps that end in a time that the spec excludes do not count. Of an SLO that judges time slices, its events: in
    ///     steps that make whole slices.
    /// group : dict of str to str, optional
    ///     Of an SLO with groups (``by``), which one the history is of: each has a budget of its own.
    #[pyo3(signature = (samples, *, group = None))]
    fn evaluate(
        &self,
        py: Python<'_>,
        samples: Py<Samples>,
        group: Option<BTreeMap<String, String>>,
    ) -> PyResult<Evaluation> {
        let samples = self.counted(py, samples, group)?;
        Evaluation::of(py, samples, self.slo.objective(), self.slo.period().clone())
    }

    /// What the alerts of this SLO would have done on a history.
    ///
    /// Parameters
    /// ----------
    /// samples : Samples
    ///     As for :meth:`evaluate`.
    /// policy : AlertPolicy, optional
    ///     In place of the SLO's own, whose windows are rounded to the steps of the history.
    /// every : str or timedelta, optional
    ///     How often alerts are evaluated; after every step where it is not given.
    /// incidents : list of (datetime, datetime), or a table with ``start`` and ``end``, optional
    ///     What really happened, to be held against the pages; found in the history where it is not given.
    /// significant : float, default 0.02
    ///     The share of the period's budget that makes an incident, where none are given.
    /// warm_up : bool, default True
    ///     Whether a tier waits until the history is as long as its long window. Otherwise windows begin as short as the
    ///     history, as those of a new Prometheus do, and the first failures open tickets.
    /// threads : int, default 1
    ///     How many work at it: for histories that burn all the time.
    /// group : dict of str to str, optional
    ///     As for :meth:`evaluate`.
    #[pyo3(signature = (samples, policy = None, *, every = None, incidents = None, significant = 0.02, warm_up = true, threads = None, group = None))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn backtest(
        &self,
        py: Python<'_>,
        samples: Py<Samples>,
        policy: Option<AlertPolicy>,
        every: Option<&Bound<'_, PyAny>>,
        incidents: Option<&Bound<'_, PyAny>>,
        significant: f64,
        warm_up: bool,
        threads: Option<usize>,
        group: Option<BTreeMap<String, String>>,
    ) -> PyResult<Backtest> {
        let samples = self.counted(py, samples, group)?;
        let wishes = Wishes { every, incidents, significant, warm_up };
        let replay = wishes.replay(py, self.slo.objective(), self.slo.period().length())?;
        let policy = match policy {
            Some(policy) => policy,
            None => self.policy().fitted_to(py, samples.get().step_window())?,
        };
        Backtest::of(py, samples, policy, replay, threads)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String, String))> {
        let again = slf.py().import("slo._slo")?.getattr("_an_slo")?;
        // With its siblings: an SLO is one of a service.
        Ok((again, (spec::write(&slf.get().service), slf.get().key())))
    }

    fn _repr_html_(&self) -> String {
        let budget = self.error_budget();
        format!(
            "<p><b>{}</b> {}<br/>{} over {}: {}</p>{}",
            html::escape(&self.key()),
            html::escape(self.description()),
            budget.objective,
            self.slo.period(),
            budget.in_short(),
            tiers_html(self.slo.policy().tiers(), Some(budget.objective)),
        )
    }

    fn __repr__(&self) -> String {
        format!("<Slo {}: {} over {}>", self.key(), self.slo.objective(), self.slo.period())
    }
}
