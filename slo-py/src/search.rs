//! `ErrorBudget.search`: alerts that a history speaks for.

use crate::{convert::timedelta, error::value_error, samples::Samples};
use pyo3::prelude::*;
use slo_core::{
    model::{Objective, Ratio, Window},
    replay::{self, Search, incidents},
};
use std::{fmt::Write, time::Duration};

/// An alert policy of a search, and how it would have done; made by :meth:`ErrorBudget.search`.
#[pyclass(frozen, module = "slo")]
pub(crate) struct Candidate(replay::Candidate);

/// What is searched for.
pub(crate) struct Wish {
    pub(crate) objective: Objective,
    pub(crate) period: Window,
    pub(crate) most_rules: usize,
    pub(crate) least_recall: f64,
    pub(crate) significant: f64,
}

impl Wish {
    /// The policies that no other beats.
    pub(crate) fn search(&self, py: Python<'_>, samples: &Samples) -> PyResult<Vec<Candidate>> {
        let found = samples.series(py, |series| {
            let expected = series.expected_in(self.period)?;
            let found = incidents(series, self.objective, Ratio::ONE, expected, self.significant)?;
            let search = Search {
                most_rules: self.most_rules,
                least_recall: self.least_recall,
                ..Search::usual(series.step())
            };
            search.run(series, self.objective, expected, &found)
        })?;
        let found = found.map_err(|error: slo_core::Error| value_error(&error))?;
        Ok(found.into_iter().map(Candidate).collect())
    }
}

#[pymethods]
impl Candidate {
    /// Long window, short window and the burn rate that both must exceed, of each rule.
    #[getter]
    fn rules(&self) -> Vec<(Duration, Duration, f64)> {
        let rules = self.0.rules.iter().zip(&self.0.factors);
        rules.map(|(rule, factor)| (timedelta(rule.long), timedelta(rule.short), factor.to_f64())).collect()
    }

    /// Alerts in the history.
    #[getter]
    const fn alerts(&self) -> usize {
        self.0.score.alerts
    }

    /// Alerts that were about no incident.
    #[getter]
    fn false_alerts(&self) -> usize {
        self.0.false_alerts()
    }

    /// The share of incidents that were detected, or None without incidents.
    #[getter]
    fn recall(&self) -> Option<f64> {
        self.0.score.recall()
    }

    /// What incidents had spent in all before they were detected, in budgets of a period.
    #[getter]
    fn spent(&self) -> f64 {
        self.0.spent()
    }

    /// The rules as the ``alerting`` of a spec, fastest first, all of them pages.
    fn to_yaml(&self) -> String {
        let mut rules: Vec<_> = self.0.rules.iter().zip(&self.0.factors).collect();
        rules.sort_by_key(|(_, factor)| std::cmp::Reverse(**factor));
        let mut text = String::from("alerting:\n  tiers:\n");
        for (name, (rule, factor)) in ["fast", "medium", "slow", "trickle"].iter().zip(rules) {
            let (long, short) = (rule.long, rule.short);
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "    - {{burn_tier: {name}, severity: page, factor: {factor}, long: {long}, short: {short}}}"
            );
        }
        text
    }

    fn __repr__(&self) -> String {
        let rules = self.0.rules.iter().zip(&self.0.factors);
        let rules: Vec<String> =
            rules.map(|(rule, factor)| format!("{factor}× over {} and {}", rule.long, rule.short)).collect();
        format!(
            "<Candidate: {}; {} alerts, {} false, {:.3} budgets spent before>",
            if rules.is_empty() { "no rules".to_owned() } else { rules.join(", ") },
            self.0.score.alerts,
            self.0.false_alerts(),
            self.0.spent()
        )
    }
}
