//! Rules and the groups they are evaluated in.

use super::Series;
use crate::{
    model::{BudgetAlert, BurnTier, Labels, Severity, Window},
    promql::Expr,
};
use std::{borrow::Cow, collections::BTreeMap};

/// A group of rules that Prometheus evaluates one after the other, at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleGroup {
    /// Its name, unique within a rule file.
    pub name: String,
    /// How often it is evaluated.
    pub interval: Window,
    /// Its rules; each sees the results of those before it.
    pub rules: Vec<Rule>,
}

/// A recording or alerting rule; closed, because Prometheus has just these two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// Records a series.
    Record {
        /// The series.
        series: Series,
        /// Labels added to it.
        labels: Labels,
        /// Its value.
        expr: Expr,
    },
    /// Alerts for every series of the expression.
    Alert {
        /// What it is about.
        kind: AlertKind,
        /// Its name; that of its kind where the SLO does not give another.
        name: String,
        /// Labels added to it.
        labels: Labels,
        /// What is told to people, as Prometheus templates.
        annotations: BTreeMap<String, String>,
        /// When it fires.
        expr: Expr,
        /// For how long that must have been so, if at all.
        hold: Option<Window>,
        /// For how long it goes on afterwards, if at all.
        keep_firing_for: Option<Window>,
    },
}

impl Rule {
    /// The name of its series or alert.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Record { series, .. } => series.to_string().into(),
            Self::Alert { name, .. } => name.into(),
        }
    }

    /// Whether it is an alert that watches the tiles, and is evaluated with them.
    pub(super) const fn is_of_tiles(&self) -> bool {
        matches!(
            self,
            Self::Alert {
                kind: AlertKind::Budget(BudgetAlert::Absent { .. }) | AlertKind::CountersDisagree,
                ..
            }
        )
    }

    /// The series that it records; `None` for an alert.
    #[must_use]
    pub const fn series(&self) -> Option<Series> {
        match self {
            Self::Record { series, .. } => Some(*series),
            Self::Alert { .. } => None,
        }
    }

    /// Its expression.
    #[must_use]
    pub const fn expr(&self) -> &Expr {
        match self {
            Self::Record { expr, .. } | Self::Alert { expr, .. } => expr,
        }
    }
}

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AlertKind {
    /// The budget is burning as fast as one tier allows, or faster.
    Burn(BurnTier),
    /// The same of all tiers of a severity, which are one alert under Sloth's names.
    AnyBurn(Severity),
    /// What the SLO asks to be alerted on besides.
    Budget(BudgetAlert),
    /// Two counters contradict each other.
    CountersDisagree,
}

impl AlertKind {
    /// The usual name of such an alert.
    ///
    /// ```
    /// use slo_core::{model::BurnTier, rules::AlertKind};
    ///
    /// assert_eq!(AlertKind::Burn(BurnTier::Fast).name(), "SLOErrorBudgetBurn");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Burn(_) | Self::AnyBurn(_) => "SLOErrorBudgetBurn",
            Self::Budget(alert) => alert.name(),
            Self::CountersDisagree => "SLOCountersDisagree",
        }
    }
}
