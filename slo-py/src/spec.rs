//! `slo.load`, `slo.Spec`, `slo.Slo`

use crate::{
    backtest::{Backtest, Replay},
    budget::ErrorBudget,
    convert::{fraction, timedelta},
    error::{SloError, spec_error, value_error},
    evaluation::Evaluation,
    objective::Objective,
    rules::Rules,
    samples::Samples,
};
use pyo3::{
    exceptions::{PyKeyError, PyOSError},
    prelude::*,
    types::PyAny,
};
use slo_core::{
    model::{self, Service},
    spec,
};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Read a spec file.
///
/// Parameters
/// ----------
/// path : str or os.PathLike
///     A native ``slo/v1`` document, or several separated by ``---``.
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
#[pyfunction]
#[pyo3(signature = (path, /))]
pub(crate) fn load(py: Python<'_>, path: PathBuf) -> PyResult<Spec> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| os_error(&error, &name))?;
    read(py, Some(&name), &text)
}

/// Read a spec from text; like :func:`load`.
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
pub(crate) fn parse(py: Python<'_>, text: &str) -> PyResult<Spec> {
    read(py, None, text)
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
    let services = py.detach(|| spec::parse(text)).map_err(|found| spec_error(py, name, &found))?;
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
        py.detach(|| Rules::of(self.services.iter().map(Arc::as_ref), time_scale))
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

    fn __repr__(&self) -> String {
        format!("<Spec: {}>", self.keys().join(", "))
    }
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

    /// Refuses what the rules do and a history here does not yet: half of it would be other numbers.
    fn check_replayable(&self) -> PyResult<()> {
        let unknown = [
            (!self.service.exclusions().is_empty(), "times that do not count (`exclude`)"),
            (!matches!(self.slo.period(), model::Period::Rolling(_)), "calendar periods"),
            (self.slo.slices().is_some(), "time slices"),
            (!self.slo.by().is_empty(), "budgets of groups (`by`)"),
        ];
        match unknown.into_iter().find(|(asked, _)| *asked) {
            None => Ok(()),
            Some((_, what)) => {
                let message = format!("{}: {what} are known to the rules, not to histories", self.key());
                Err(SloError::new_err(message))
            }
        }
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
    const fn budget(&self) -> ErrorBudget {
        ErrorBudget { objective: self.slo.objective(), period: self.slo.period().length() }
    }

    /// The alert tiers, fastest first.
    #[getter]
    fn tiers(&self) -> Vec<Tier> {
        let objective = self.slo.objective();
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
        Rules::of([&self.service.only(&self.slo)], time_scale)
    }

    /// What a history says of this SLO.
    ///
    /// Parameters
    /// ----------
    /// samples : Samples
    fn evaluate(&self, py: Python<'_>, samples: Py<Samples>) -> PyResult<Evaluation> {
        self.check_replayable()?;
        Evaluation::of(py, samples, self.slo.objective(), self.slo.period().length())
    }

    /// What the alerts of this SLO would have done on a history.
    ///
    /// Parameters
    /// ----------
    /// samples : Samples
    /// every : str or timedelta, optional
    ///     How often alerts are evaluated; after every step where it is not given.
    /// significant : float, default 0.02
    ///     The share of the period's budget that makes an incident.
    #[pyo3(signature = (samples, *, every = None, significant = 0.02))]
    fn backtest(
        &self,
        py: Python<'_>,
        samples: Py<Samples>,
        every: Option<&Bound<'_, PyAny>>,
        significant: f64,
    ) -> PyResult<Backtest> {
        self.check_replayable()?;
        let (objective, period) = (self.slo.objective(), self.slo.period().length());
        let replay = Replay { objective, period, policy: self.slo.policy() };
        Backtest::of(py, samples, &replay, every, significant)
    }

    fn __repr__(&self) -> String {
        format!("<Slo {}: {} over {}>", self.key(), self.slo.objective(), self.slo.period())
    }
}

/// A burn-rate alert tier of an SLO.
#[pyclass(frozen, eq, module = "slo")]
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Tier {
    tier: model::Tier,
    objective: model::Objective,
}

#[pymethods]
impl Tier {
    /// How fast the budget burns: ``fast``, ``medium``, ``slow`` or ``trickle``.
    #[getter]
    const fn burn_tier(&self) -> &'static str {
        self.tier.burn().as_str()
    }

    /// Who hears of it: ``page`` or ``ticket``.
    #[getter]
    const fn severity(&self) -> &'static str {
        self.tier.severity().as_str()
    }

    /// The long window, a `timedelta`.
    #[getter]
    const fn long(&self) -> Duration {
        timedelta(self.tier.long())
    }

    /// The short window, a `timedelta`.
    #[getter]
    const fn short(&self) -> Duration {
        timedelta(self.tier.short())
    }

    /// The fewest bad events in the long window with which it fires; 0 without a guard.
    #[getter]
    const fn fewest_bad(&self) -> u64 {
        self.tier.fewest_bad()
    }

    /// The burn rate above which it fires, a `Fraction`.
    #[getter]
    fn factor<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        fraction(py, self.tier.factor().map_err(|error| value_error(&error))?)
    }

    /// The error ratio above which it fires, a `Fraction`.
    #[getter]
    fn threshold<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        fraction(py, self.tier.threshold(self.objective).map_err(|error| value_error(&error))?)
    }

    fn __repr__(&self) -> String {
        let factor = self.tier.factor().map_or_else(|error| error.to_string(), |factor| factor.to_string());
        format!(
            "<Tier {}: {} above {factor} over {} and {}>",
            self.tier.burn(),
            self.tier.severity(),
            self.tier.long(),
            self.tier.short()
        )
    }
}
