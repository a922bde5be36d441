//! `ErrorBudget.search`: the alert policies that fit a history best.

use crate::{
    backtest::warn_outside, convert::timedelta, error::value_error, policy::AlertPolicy, samples::Samples,
};
use pyo3::prelude::*;
use slo_core::{
    model::{self, BurnTier, Severity, Tier, Window},
    replay::{self, Replay, Search},
};
use std::time::Duration;

/// An alert policy found by :meth:`ErrorBudget.search`, with its results.
#[pyclass(frozen, module = "slo")]
pub(crate) struct Candidate {
    found: replay::Candidate,
    period: Window,
}

/// The options of a search.
pub(crate) struct Wish {
    pub(crate) replay: Replay,
    pub(crate) most_rules: usize,
    pub(crate) least_recall: f64,
}

impl Wish {
    /// The policies that no other beats.
    pub(crate) fn search(&self, py: Python<'_>, samples: &Samples) -> PyResult<Vec<Candidate>> {
        let found = samples.series(py, |series| {
            let budget = series.budget_in(self.replay.period, self.replay.objective)?;
            let (found, outside) = self.replay.incidents(series)?;
            let search = Search {
                most_rules: self.most_rules,
                least_recall: self.least_recall,
                every: self.replay.every_steps(series)?,
                grace: self.replay.grace(series),
                warm_up: self.replay.warm_up,
                ..Search::usual(series.step())
            };
            Ok((search.run(series, budget, &found)?, outside))
        })?;
        let (found, outside) = found.map_err(|error: slo_core::Error| value_error(&error))?;
        warn_outside(py, outside)?;
        Ok(found.into_iter().map(|found| Candidate { found, period: self.replay.period }).collect())
    }
}

#[pymethods]
impl Candidate {
    /// Each rule: long window, short window, and the burn rate that both must exceed.
    #[getter]
    fn rules(&self) -> Vec<(Duration, Duration, f64)> {
        let rules = self.found.rules.iter();
        rules.map(|one| (timedelta(one.rule.long), timedelta(one.rule.short), one.factor.to_f64())).collect()
    }

    /// The number of alerts in the history.
    #[getter]
    const fn alerts(&self) -> usize {
        self.found.score.alerts
    }

    /// The number of alerts that belong to no incident.
    #[getter]
    fn false_alerts(&self) -> usize {
        self.found.false_alerts()
    }

    /// The number of alerts that repeat an earlier alert for the same incident.
    #[getter]
    fn repeats(&self) -> usize {
        self.found.repeats()
    }

    /// The share of incidents that were detected, or None without incidents.
    #[getter]
    fn recall(&self) -> Option<f64> {
        self.found.score.recall()
    }

    /// The budget spent by all incidents before detection, in budgets of a period.
    #[getter]
    fn spent(&self) -> f64 {
        self.found.spent()
    }

    /// The rules as a policy of pages, fastest first; None without rules.
    #[getter]
    fn policy(&self) -> PyResult<Option<AlertPolicy>> {
        const NAMES: [BurnTier; 4] = [BurnTier::Fast, BurnTier::Medium, BurnTier::Slow, BurnTier::Trickle];
        let mut rules = self.found.rules.clone();
        if rules.is_empty() {
            return Ok(None);
        }
        rules.sort_by_key(|one| std::cmp::Reverse(one.factor));
        let tiers = NAMES.into_iter().zip(rules).map(|(burn, one)| {
            Tier::by_factor(burn, Severity::Page, one.factor, [one.rule.long, one.rule.short], self.period)
        });
        let policy = tiers.collect::<Result<_, _>>().and_then(model::AlertPolicy::new);
        policy.map(|policy| Some(AlertPolicy(policy))).map_err(|error| value_error(&error))
    }

    /// The rules as the ``alerting`` section of a spec, as pages, fastest first.
    fn to_yaml(&self) -> PyResult<String> {
        match self.policy()? {
            Some(policy) => policy.to_yaml(),
            None => Ok(String::from("alerting:\n  page: {silent: true}\n  ticket: {silent: true}\n")),
        }
    }

    fn __repr__(&self) -> String {
        let rules = self.found.rules.iter();
        let rules: Vec<String> = rules
            .map(|one| format!("{}× over {} and {}", one.factor, one.rule.long, one.rule.short))
            .collect();
        format!(
            "<Candidate: {}; {} alerts, {} false, {} repeats, {:.3} budgets spent before>",
            if rules.is_empty() { "no rules".to_owned() } else { rules.join(", ") },
            self.found.score.alerts,
            self.found.false_alerts(),
            self.found.repeats(),
            self.found.spent()
        )
    }
}
