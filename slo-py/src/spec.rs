//! `slo.load`, `slo.Spec`

use crate::{
    error::{spec_error, value_error, warn},
    html,
    rules::Rules,
    slo::Slo,
};
use pyo3::{
    exceptions::{PyKeyError, PyOSError},
    prelude::*,
    types::{PyAny, PyString},
};
use slo_core::{
    artifact,
    model::Service,
    spec::{self, Document},
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

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
///     A part of another tool's specification that has no counterpart here.
#[pyfunction]
#[pyo3(signature = (path, /))]
pub(crate) fn load(py: Python<'_>, path: PathBuf) -> PyResult<Spec> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| os_error(&error, &name))?;
    read(py, Some(&name), &text)
}

/// Read a spec from text, or from its content as dicts and lists; like :func:`load`.
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
    /// target : str, default "prometheus"
    ///     What evaluates the rules: ``"prometheus"``, ``"operator"``, ``"mimir"``, ``"thanos"`` or ``"victoriametrics"``.
    #[pyo3(signature = (*, time_scale = 1, target = "prometheus"))]
    fn rules(&self, py: Python<'_>, time_scale: u32, target: &str) -> PyResult<Rules> {
        let services = self.services.iter().map(|service| Service::clone(service));
        py.detach(|| Rules::of(services, time_scale, target))
    }

    /// Grafana dashboards: an overview, an incident page, and a page for each SLO.
    ///
    /// Returns
    /// -------
    /// dict of str to str
    ///     The JSON of each dashboard, by file name.
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
        html::table(&["SLO", "objective", "period", "budget", "description"], rows)
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
