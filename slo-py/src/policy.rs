//! `slo.AlertPolicy` and `slo.Tier`

use crate::{
    convert::{fraction, ratio, timedelta, window},
    error::{SloError, value_error, warn},
    html,
    objective::{self, Objective},
};
use pyo3::{prelude::*, types::PyAny};
use slo_core::{
    model::{self, BurnTier, Ratio, Window},
    spec::write_alerting,
};
use std::time::Duration;

/// The burn-rate alerts of an SLO: tiers of two windows each.
///
/// Parameters
/// ----------
/// tiers : list of Tier
///     Fastest first, each burn tier once, all of the same period.
///
/// Examples
/// --------
/// >>> import slo
/// >>> slo.AlertPolicy.workbook("30d")
/// <AlertPolicy: 14.4× over 1h and 5m, 6× over 6h and 30m, 3× over 1d and 2h, 1× over 3d and 6h>
/// >>> fast = slo.Tier("fast", "page", factor="10", long="1h", short="5m")
/// >>> slo.AlertPolicy([fast])
/// <AlertPolicy: 10× over 1h and 5m>
#[pyclass(frozen, eq, hash, from_py_object, module = "slo")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct AlertPolicy(pub(crate) model::AlertPolicy);

#[pymethods]
impl AlertPolicy {
    #[new]
    #[pyo3(signature = (tiers, /))]
    fn new(tiers: Vec<PyRef<'_, Tier>>) -> PyResult<Self> {
        let tiers = tiers.iter().map(|tier| tier.tier).collect();
        model::AlertPolicy::new(tiers).map(Self).map_err(|error| value_error(&error))
    }

    /// The four alert tiers of the SRE Workbook.
    ///
    /// They fire at 2 % of the budget within 1 h, 5 % within 6 h, and 10 % within 1 d and 3 d.
    ///
    /// Parameters
    /// ----------
    /// period : str, timedelta, ErrorBudget or Slo, default ``"30d"``
    ///     From 28 days on, windows and burn rates stay the same; for shorter periods, the windows shrink.
    ///     For a budget or an SLO, there is a warning about tiers that can never fire.
    #[staticmethod]
    #[pyo3(signature = (period = None, /), text_signature = "(period='30d', /)")]
    fn workbook(py: Python<'_>, period: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let of = |period| model::AlertPolicy::for_period(period).map_err(|error| value_error(&error));
        let Some(period) = period else { return of(Window::days(30)).map(Self) };
        if !period.hasattr("objective")? {
            return of(window(period)?).map(Self);
        }
        let policy = Self(of(window(&period.getattr("period")?)?)?);
        policy.reachable(py, objective::objective(&period.getattr("objective")?)?)?;
        Ok(policy)
    }

    /// The tiers, fastest first.
    #[getter]
    fn tiers(&self) -> Vec<Tier> {
        self.0.tiers().iter().map(|&tier| Tier { tier, objective: None }).collect()
    }

    /// The same policy with a guard against low traffic.
    ///
    /// Tiers then fire only on a significant number of bad events.
    fn guarded(&self) -> Self {
        Self(self.0.clone().guarded())
    }

    /// The same policy, with each tier firing at the error ratio `at` or below.
    ///
    /// It is for low objectives, where a tier would need more bad events than there are events.
    ///
    /// Parameters
    /// ----------
    /// objective : str, Decimal, float or Objective
    /// at : str, Fraction or Decimal
    ///     An exact number, such as ``"0.5"``.
    fn firing_at(&self, objective: &Bound<'_, PyAny>, at: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (objective, at) = (objective::objective(objective)?, ratio(at)?);
        self.0.firing_at(objective, at).map(Self).map_err(|error| value_error(&error))
    }

    /// The same policy with windows rounded to whole numbers of ``step``.
    ///
    /// A history with such steps needs it. The burn rates stay. A tier that becomes equal to a faster one is
    /// left out.
    ///
    /// Parameters
    /// ----------
    /// step : str or timedelta
    ///
    /// Examples
    /// --------
    /// >>> import slo
    /// >>> slo.AlertPolicy.workbook().fitted("1h")
    /// <AlertPolicy: 14.4× over 2h and 1h, 6× over 6h and 1h, 3× over 1d and 2h, 1× over 3d and 6h>
    fn fitted(&self, step: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.0.fitted(window(step)?).map(Self).map_err(|error| value_error(&error))
    }

    /// The policy as the ``alerting`` section of a spec.
    pub(crate) fn to_yaml(&self) -> PyResult<String> {
        write_alerting(&self.0).map_err(|error| value_error(&error))
    }

    fn __len__(&self) -> usize {
        self.0.tiers().len()
    }

    fn __getnewargs__(&self) -> (Vec<Tier>,) {
        (self.tiers(),)
    }

    fn __repr__(&self) -> String {
        let tiers: Vec<String> = self.0.tiers().iter().map(in_short).collect();
        format!("<AlertPolicy: {}>", tiers.join(", "))
    }

    fn _repr_html_(&self) -> String {
        tiers_html(self.0.tiers(), None)
    }
}

impl AlertPolicy {
    /// The same policy for a history of steps; warns Python if it changes.
    pub(crate) fn fitted_to(self, py: Python<'_>, step: Window) -> PyResult<Self> {
        if self.check_fits(step).is_ok() {
            return Ok(self);
        }
        let fitted = Self(self.0.fitted(step).map_err(|error| value_error(&error))?);
        let tiers: Vec<String> = fitted.0.tiers().iter().map(in_short).collect();
        let message = format!(
            "the windows of the alerts are rounded to steps of {step}: {}; give a policy to choose others",
            tiers.join(", ")
        );
        warn(py, &message)?;
        Ok(fitted)
    }

    /// Refuses windows that are not whole numbers of a history's steps.
    pub(crate) fn check_fits(&self, step: Window) -> PyResult<()> {
        match self.0.windows().into_iter().find(|window| !window.is_multiple_of(step)) {
            None => Ok(()),
            Some(window) => {
                let message = format!(
                    "the alert window of {window} is not a whole number of steps of {step}; give policy.fitted({:?})",
                    step.to_string()
                );
                Err(SloError::new_err(message))
            }
        }
    }

    /// The tiers that can fire; warns Python of the others.
    pub(crate) fn reachable(
        &self,
        py: Python<'_>,
        objective: model::Objective,
    ) -> PyResult<Vec<model::Tier>> {
        let mut tiers = Vec::new();
        for tier in self.0.tiers() {
            if tier.is_reachable(objective, Ratio::ONE).map_err(|error| value_error(&error))? {
                tiers.push(*tier);
                continue;
            }
            let threshold = tier.threshold(objective).map_err(|error| value_error(&error))?;
            let message = format!(
                "the {} tier never fires: at {objective}, it needs an error ratio above {threshold}; lower it with \
                 policy.firing_at({:?}, \"0.5\")",
                tier.burn(),
                objective.to_string(),
            );
            warn(py, &message)?;
        }
        Ok(tiers)
    }
}

/// A short description of a tier.
pub(crate) fn in_short(tier: &model::Tier) -> String {
    let factor = tier.factor().map_or_else(|error| error.to_string(), |factor| factor.to_string());
    let guard = match tier.fewest_bad() {
        0 => String::new(),
        bad => format!(" with {bad} or more bad events"),
    };
    format!("{factor}× over {} and {}{guard}", tier.long(), tier.short())
}

/// Tiers as a table for a page.
pub(crate) fn tiers_html(tiers: &[model::Tier], objective: Option<model::Objective>) -> String {
    let number = |ratio: Result<Ratio, slo_core::Error>| {
        ratio.map_or_else(|_| "–".to_owned(), |ratio| ratio.to_string())
    };
    let rows = tiers.iter().map(|tier| {
        let mut row = vec![
            tier.burn().to_string(),
            tier.severity().to_string(),
            format!("{}×", number(tier.factor())),
            tier.long().to_string(),
            tier.short().to_string(),
        ];
        if let Some(objective) = objective {
            row.push(number(tier.threshold(objective)));
        }
        row.push(tier.fewest_bad().to_string());
        row
    });
    let mut heads = vec!["tier", "severity", "burn rate", "long", "short"];
    if objective.is_some() {
        heads.push("error ratio");
    }
    heads.push("fewest bad");
    html::table(&heads, rows)
}

/// A burn-rate alert tier.
///
/// Parameters
/// ----------
/// burn_tier : ``"fast"``, ``"medium"``, ``"slow"`` or ``"trickle"``
/// severity : ``"page"`` or ``"ticket"``
/// factor : str, int, Fraction, Decimal or float
///     The burn rate above which it fires. It is exact: a float counts as its printed text.
/// spent : str, Fraction or Decimal
///     In place of ``factor``: the share of the period's budget that is spent when it fires, such as ``"0.02"`` or ``"2%"``.
/// long, short : str or timedelta
///     The windows; both must exceed the burn rate.
/// period : str or timedelta, default ``"30d"``
///     The period of the budget.
/// fewest_bad : int, default 0
///     The fewest bad events in the long window with which it fires.
#[pyclass(frozen, eq, hash, module = "slo")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Tier {
    pub(crate) tier: model::Tier,
    pub(crate) objective: Option<model::Objective>,
}

#[pymethods]
impl Tier {
    #[new]
    #[pyo3(
        signature = (burn_tier, severity, *, factor = None, spent = None, long, short, period = None, fewest_bad = 0, objective = None),
        text_signature = "(burn_tier, severity, *, factor=None, spent=None, long, short, period='30d', fewest_bad=0, objective=None)"
    )]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        burn_tier: &str,
        severity: &str,
        factor: Option<&Bound<'_, PyAny>>,
        spent: Option<&Bound<'_, PyAny>>,
        long: &Bound<'_, PyAny>,
        short: &Bound<'_, PyAny>,
        period: Option<&Bound<'_, PyAny>>,
        fewest_bad: u64,
        objective: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let period = period.map_or(Ok(Window::days(30)), window)?;
        let burn: BurnTier = burn_tier.parse().map_err(|error| value_error(&error))?;
        let severity = severity.parse().map_err(|error| value_error(&error))?;
        let windows = [window(long)?, window(short)?];
        let tier = match (factor, spent) {
            (Some(factor), None) => model::Tier::by_factor(burn, severity, ratio(factor)?, windows, period),
            (None, Some(spent)) => model::Tier::by_share(burn, severity, share_of(spent)?, windows, period),
            _ => return Err(SloError::new_err("give one of 'factor' and 'spent'")),
        };
        let tier = tier.map_err(|error| value_error(&error))?;
        let objective = objective.map(objective::objective).transpose()?;
        Ok(Self { tier: tier.with_fewest_bad(fewest_bad), objective })
    }

    /// How fast the budget burns: ``fast``, ``medium``, ``slow`` or ``trickle``.
    #[getter]
    const fn burn_tier(&self) -> &'static str {
        self.tier.burn().as_str()
    }

    /// Its severity: ``page`` or ``ticket``.
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

    /// The period of its budget, a `timedelta`.
    #[getter]
    const fn period(&self) -> Duration {
        timedelta(self.tier.period())
    }

    /// The fewest bad events in the long window with which it fires; 0 without a guard.
    #[getter]
    const fn fewest_bad(&self) -> u64 {
        self.tier.fewest_bad()
    }

    /// The share of the period's budget that is spent when it fires, a `Fraction`.
    #[getter]
    fn spent<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        fraction(py, self.tier.share())
    }

    /// The objective of its SLO, which sets ``threshold``, or None.
    #[getter]
    fn objective(&self) -> Option<Objective> {
        self.objective.map(Objective)
    }

    /// The burn rate above which it fires, a `Fraction`.
    #[getter]
    fn factor<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        fraction(py, self.tier.factor().map_err(|error| value_error(&error))?)
    }

    /// The error ratio above which it fires, a `Fraction`.
    ///
    /// Raises
    /// ------
    /// SloError
    ///     A tier without an objective.
    #[getter]
    fn threshold<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Some(objective) = self.objective else {
            let message = "a tier without an objective has no threshold; give it an `objective`";
            return Err(SloError::new_err(message));
        };
        fraction(py, self.tier.threshold(objective).map_err(|error| value_error(&error))?)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, TierState<'py>)> {
        let (py, this) = (slf.py(), slf.get());
        let window = |window: Window| window.to_string();
        let again = py.import("slo._slo")?.getattr("_tier")?;
        let tier = &this.tier;
        let state = (
            this.burn_tier(),
            this.severity(),
            this.factor(py)?,
            window(tier.long()),
            window(tier.short()),
            window(tier.period()),
            tier.fewest_bad(),
            this.objective(),
        );
        Ok((again, state))
    }

    fn __repr__(&self) -> String {
        format!("<Tier {}: {} above {}>", self.tier.burn(), self.tier.severity(), in_short(&self.tier))
    }
}

type TierState<'py> =
    (&'static str, &'static str, Bound<'py, PyAny>, String, String, String, u64, Option<Objective>);

/// The tier that was pickled.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the fields of a tier")]
pub(crate) fn _tier(
    burn_tier: &str,
    severity: &str,
    factor: &Bound<'_, PyAny>,
    long: &Bound<'_, PyAny>,
    short: &Bound<'_, PyAny>,
    period: &Bound<'_, PyAny>,
    fewest_bad: u64,
    objective: Option<&Bound<'_, PyAny>>,
) -> PyResult<Tier> {
    Tier::new(burn_tier, severity, Some(factor), None, long, short, Some(period), fewest_bad, objective)
}

/// A share of one, or a percentage with `%`.
fn share_of(value: &Bound<'_, PyAny>) -> PyResult<Ratio> {
    let text = value.str()?.to_string();
    let Some(percent) = text.strip_suffix('%') else { return ratio(value) };
    let percent: Ratio = percent.trim().parse().map_err(|error| value_error(&error))?;
    let share = percent.checked_div(Ratio::whole(100));
    share.ok_or_else(|| SloError::new_err(format!("{text} is too fine a share")))
}

/// The given policy, or the Workbook's for a period.
pub(crate) fn or_workbook(policy: Option<&AlertPolicy>, period: Window) -> PyResult<AlertPolicy> {
    match policy {
        Some(policy) => Ok(policy.clone()),
        None => model::AlertPolicy::for_period(period).map(AlertPolicy).map_err(|error| value_error(&error)),
    }
}
