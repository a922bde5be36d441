//! `slo.stats`: the test of a new version, as `slo gate` does it.

use super::convert::{ok, tally};
use pyo3::prelude::*;
use slo_core::stats::{self, ReleaseRules, ReleaseVerdict};

/// A test of a new version: is it good, or harmful? It may be read at every look.
///
/// Parameters
/// ----------
/// objective : str
///     The objective, such as "99.9%".
/// allowed_burn_rate, harmful_burn_rate : float, default 1 and 6
///     The burn rate up to which a version is good, and from which on it is harmful.
/// harmful_ratio : float, default 2
///     How many times the error ratio of the old version is harmful.
/// false_fail, false_pass : float, default 0.01 and 0.05
///     The largest probabilities that a good version fails, and that a harmful one passes.
/// design_effect : float, default 1
///     How many events fail together.
///
/// Examples
/// --------
/// >>> from slo import stats
/// >>> test = stats.ReleaseTest("99.9%")
/// >>> test.alone(total=5_000, bad=4).verdict, test.alone(total=500, bad=5).verdict
/// ('pass', 'fail')
/// >>> test.alone(total=0, bad=0)
/// ReleaseFinding(verdict='inconclusive', p_if_good=1.000, p_if_harmful=1.000, events_needed=598)
/// >>> outage = [((900, 300), (100, 34))]  # a database is down: both versions fail
/// >>> test.beside(outage).verdict
/// 'pass'
#[pyclass(frozen, module = "slo")]
pub(crate) struct ReleaseTest(stats::ReleaseTest);

#[pymethods]
impl ReleaseTest {
    #[new]
    #[pyo3(signature = (objective, *, allowed_burn_rate = 1.0, harmful_burn_rate = 6.0, harmful_ratio = 2.0, false_fail = 0.01, false_pass = 0.05, design_effect = 1.0))]
    fn new(
        objective: &str,
        allowed_burn_rate: f64,
        harmful_burn_rate: f64,
        harmful_ratio: f64,
        false_fail: f64,
        false_pass: f64,
        design_effect: f64,
    ) -> PyResult<Self> {
        let rules = ReleaseRules {
            allowed_burn_rate,
            harmful_burn_rate,
            harmful_ratio,
            false_fail,
            false_pass,
            design_effect,
        };
        ok(stats::ReleaseTest::new(ok(objective.parse())?, rules)).map(Self)
    }

    /// The error ratios up to which a version is good, and from which on it is harmful, by the objective alone.
    #[getter]
    const fn error_ratios(&self) -> (f64, f64) {
        self.0.error_ratios()
    }

    /// Compares the new version with the objective.
    #[pyo3(signature = (*, total, bad))]
    fn alone(&self, total: u64, bad: u64) -> PyResult<ReleaseFinding> {
        Ok(ReleaseFinding(self.0.alone(tally(total, bad)?)))
    }

    /// Compares the new version with the objective, and with the old one beside it.
    ///
    /// Parameters
    /// ----------
    /// steps : list of ((total, bad), (total, bad))
    ///     The new events of the old and of the new version, since the step before.
    fn beside(&self, steps: Vec<((u64, u64), (u64, u64))>) -> PyResult<ReleaseFinding> {
        let steps: Vec<_> = steps
            .into_iter()
            .map(|(old, new)| Ok((tally(old.0, old.1)?, tally(new.0, new.1)?)))
            .collect::<PyResult<_>>()?;
        ok(self.0.beside(steps)).map(ReleaseFinding)
    }

    /// Compares the new version with the objective, and with the time before it.
    ///
    /// Parameters
    /// ----------
    /// before, new : (total, bad)
    ///     The events before the release, and since.
    fn after(&self, before: (u64, u64), new: (u64, u64)) -> PyResult<ReleaseFinding> {
        Ok(ReleaseFinding(self.0.after(tally(before.0, before.1)?, tally(new.0, new.1)?)))
    }
}

/// A verdict on a new version, with its evidence.
#[pyclass(frozen, eq, module = "slo")]
#[derive(PartialEq)]
pub(crate) struct ReleaseFinding(stats::ReleaseFinding);

#[pymethods]
impl ReleaseFinding {
    /// "pass", "fail" or "inconclusive".
    #[getter]
    const fn verdict(&self) -> &'static str {
        self.0.verdict.as_str()
    }

    /// How probable so much evidence of harm is at most if the version is good.
    #[getter]
    const fn p_if_good(&self) -> f64 {
        self.0.p_if_good
    }

    /// How probable so little evidence of harm is at most if the version is harmful.
    #[getter]
    const fn p_if_harmful(&self) -> f64 {
        self.0.p_if_harmful
    }

    /// How many more events of the new version would tell, if the error ratios stay as they are; None if they would not, or if
    /// there is a verdict.
    #[getter]
    const fn events_needed(&self) -> Option<u64> {
        match self.0.verdict {
            ReleaseVerdict::Inconclusive { events_needed } => events_needed,
            ReleaseVerdict::Pass | ReleaseVerdict::Fail => None,
        }
    }

    fn __repr__(&self) -> String {
        let needed = self.events_needed().map_or_else(|| "None".to_owned(), |events| events.to_string());
        format!(
            "ReleaseFinding(verdict='{}', p_if_good={:.3}, p_if_harmful={:.3}, events_needed={needed})",
            self.verdict(),
            self.0.p_if_good,
            self.0.p_if_harmful
        )
    }
}
