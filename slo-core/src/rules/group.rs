//! Rules and the groups they are evaluated in.

use crate::{
    model::{Labels, Window},
    promql::Expr,
};
use std::collections::BTreeMap;

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
        record: String,
        /// Labels added to it.
        labels: Labels,
        /// Its value.
        expr: Expr,
    },
    /// Alerts for every series of the expression.
    Alert {
        /// The alert's name.
        alert: String,
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
    pub fn name(&self) -> &str {
        match self {
            Self::Record { record, .. } => record,
            Self::Alert { alert, .. } => alert,
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
