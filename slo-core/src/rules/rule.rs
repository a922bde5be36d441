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
#[expect(clippy::exhaustive_enums, reason = "Prometheus has no other kind of rule")]
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
        /// Its kind.
        kind: AlertKind,
        /// Whom it is for.
        severity: Severity,
        /// Its name; by default that of its kind.
        name: String,
        /// Labels added to it.
        labels: Labels,
        /// Its annotations, as Prometheus templates.
        annotations: BTreeMap<String, String>,
        /// The condition under which it fires.
        expr: Expr,
        /// How long the condition must hold before it fires, if set.
        hold: Option<Window>,
        /// How long it keeps firing after the condition ends, if set.
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

/// The kind of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AlertKind {
    /// The burn rate is above the factor of one tier.
    Burn(BurnTier),
    /// The same for all tiers of a severity: with Sloth's names, they are one alert.
    AnyBurn(Severity),
    /// A budget alert of the SLO.
    Budget(BudgetAlert),
    /// The two counters of the SLI disagree.
    CountersDisagree,
}

impl AlertKind {
    /// The default name of such an alert.
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
