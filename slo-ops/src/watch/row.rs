//! One SLO in a list.

use serde_json::{Value, json};
use slo_core::{
    artifact::status_json,
    model::{Service, Severity, Slo, Tier, Window},
    page::percent,
    plain,
    rules::{FiringAlert, Group, SloStatus},
};
use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

/// Objectives that differ by less are the same.
const SAME: f64 = 1e-9;

/// The state of an SLO; the most urgent comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SloState {
    /// An alert that pages is firing.
    Page,
    /// The error budget is spent.
    Spent,
    /// Another alert is firing.
    Ticket,
    /// The server has not recorded its rules.
    NoRules,
    /// Its rules are recorded, but there are no events.
    NoData,
    /// It is within its budget.
    Ok,
}

impl SloState {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 6] = [Self::Page, Self::Spent, Self::Ticket, Self::NoRules, Self::NoData, Self::Ok];

    /// Its name in addresses, JSON and CSS.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Spent => "spent",
            Self::Ticket => "ticket",
            Self::NoRules => "no-rules",
            Self::NoData => "no-data",
            Self::Ok => "ok",
        }
    }

    /// Its name for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Page => "Page",
            Self::Spent => "Spent",
            Self::Ticket => "Ticket",
            Self::NoRules => "No rules",
            Self::NoData => "No data",
            Self::Ok => "OK",
        }
    }

    /// The state of an SLO, or of one of its groups.
    #[must_use]
    pub fn of(slo: &Slo, status: &SloStatus) -> Self {
        let pages = |one: &FiringAlert| {
            let tier = slo.policy().tiers().iter().find(|tier| tier.burn().as_str() == one.alert);
            tier.map_or(one.severity == Severity::Page.as_str(), |tier| tier.severity() == Severity::Page)
        };
        match status.budget_projected {
            _ if status.firing.iter().any(pages) => Self::Page,
            // The rules that are loaded are not those of this spec.
            Some(_) if status.coverage.is_none() => Self::NoRules,
            Some(left) if left <= 0.0 => Self::Spent,
            _ if !status.firing.is_empty() => Self::Ticket,
            Some(_) => Self::Ok,
            None if status.objective.is_some() => Self::NoData,
            None => Self::NoRules,
        }
    }
}

/// One SLO in a list. If it has groups, its numbers are those of the worst group.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Row {
    /// The service.
    pub service: Arc<Service>,
    slo: Arc<Slo>,
    /// Its labels and those of its service.
    pub labels: BTreeMap<String, String>,
    /// The state of the worst group.
    pub state: SloState,
    /// The numbers of the worst group.
    pub status: SloStatus,
    /// All groups, the worst first; one without labels if the SLO has no groups.
    pub groups: Vec<SloStatus>,
    /// The budget left of the worst group at evenly spaced times, the last of which is now.
    pub left: Vec<Option<f64>>,
    /// What is wrong with its rules on the server, as far as that is known.
    pub faults: Vec<String>,
}

impl Row {
    /// A row for `slo` of `service`, from the statuses of its groups; `None` without a status.
    #[must_use]
    pub fn of(service: &Arc<Service>, slo: &Slo, mut groups: Vec<SloStatus>) -> Option<Self> {
        groups.sort_by(|one, other| {
            by_urgency((SloState::of(slo, one), one), (SloState::of(slo, other), other))
        });
        let status = groups.first()?.clone();
        let labels = service.labels().iter().chain(slo.labels().iter());
        let labels = labels.map(|(name, value)| (name.to_string(), value.clone())).collect();
        let row = Self {
            service: Arc::clone(service),
            slo: Arc::new(slo.clone()),
            labels,
            state: SloState::of(slo, &status),
            status,
            groups,
            left: Vec::new(),
            faults: Vec::new(),
        };
        Some(row.with_mismatches())
    }

    /// Notes where the rules that are loaded differ from the spec.
    fn with_mismatches(mut self) -> Self {
        let (status, slo) = (&self.status, self.slo());
        let spec = slo.objective().ratio().to_f64();
        let mut faults = Vec::new();
        if let Some(recorded) = status.objective.filter(|recorded| (recorded - spec).abs() > SAME) {
            faults.push(format!(
                "the loaded rules are for an objective of {}, the spec says {}: load the rules of `slo generate` again",
                percent(Some(recorded), 3),
                slo.objective()
            ));
        }
        if status.budget_projected.is_some() && status.coverage.is_none() {
            faults.push(format!(
                "the loaded rules are for another period than {}, or were generated with another `--time-scale`",
                slo.period()
            ));
        }
        self.faults.extend(faults);
        self
    }

    /// The SLO.
    #[must_use]
    pub fn slo(&self) -> &Slo {
        &self.slo
    }

    /// Its name: `service/slo`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.service.name(), self.slo().name())
    }

    /// The worst group, such as `route=/pay`; empty without groups.
    #[must_use]
    pub fn group(&self) -> String {
        group_name(&self.status.group)
    }

    /// The team that owns it: its label `team`, or else `owner`.
    #[must_use]
    pub fn team(&self) -> Option<&str> {
        self.labels.get("team").or_else(|| self.labels.get("owner")).map(String::as_str)
    }

    /// The windows over which its burn rates are shown: the shortest and the long ones of the alerts that page.
    #[must_use]
    pub fn windows(&self) -> Vec<Window> {
        let paging = || self.slo().policy().tiers().iter().filter(|tier| tier.severity() == Severity::Page);
        paging().take(1).map(Tier::short).chain(paging().map(Tier::long)).collect()
    }

    /// The windows of its curves: the shortest, and the long window of each alert.
    #[must_use]
    pub fn long_windows(&self) -> Vec<Window> {
        let tiers = || self.slo().policy().tiers().iter();
        tiers().take(1).map(Tier::short).chain(tiers().map(Tier::long)).collect()
    }

    /// The burn rate over the long window of the fastest alert.
    #[must_use]
    pub fn burn_rate(&self) -> Option<f64> {
        self.status.burn_over(self.slo().policy().tiers().first()?.long())
    }

    /// How long the budget lasts, in seconds; `None` if it lasts longer than the period, or is unknown.
    #[must_use]
    pub fn lasts(&self) -> Option<f64> {
        let period = self.status.length.as_seconds().to_f64();
        self.status.time_to_exhaustion.filter(|seconds| *seconds < period)
    }

    /// The firing alerts, such as `page: fast, medium; ticket: slow`.
    #[must_use]
    pub fn firing(&self) -> String {
        let mut severities: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for one in &self.status.firing {
            severities.entry(&one.severity).or_default().push(&one.alert);
        }
        let of_one = |(severity, alerts): (&str, Vec<&str>)| format!("{severity}: {}", alerts.join(", "));
        plain(&severities.into_iter().map(of_one).collect::<Vec<_>>().join("; ")).into_owned()
    }

    /// The more urgent one first: by state, then by how long the budget lasts, then by what is left of it.
    #[must_use]
    pub fn by_urgency(&self, other: &Self) -> Ordering {
        by_urgency((self.state, &self.status), (other.state, &other.status))
            .then_with(|| self.name().cmp(&other.name()))
    }

    /// The row as JSON: the status of the worst group, and what a list says of an SLO.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut json = status_json(&self.service, self.slo(), &self.status);
        if let Value::Object(fields) = &mut json {
            fields.insert("state".to_owned(), json!(self.state.name()));
            fields.insert("description".to_owned(), json!(self.slo().description()));
            fields.insert("labels".to_owned(), json!(self.labels));
            fields.insert("groups".to_owned(), json!(self.groups.len()));
            fields.insert("burn_down".to_owned(), json!(self.left));
            fields.insert("faults".to_owned(), json!(self.faults));
        }
        json
    }
}

fn by_urgency(
    (state, one): (SloState, &SloStatus),
    (other_state, other): (SloState, &SloStatus),
) -> Ordering {
    let lasts = |status: &SloStatus| status.time_to_exhaustion.unwrap_or(f64::INFINITY);
    let left = |status: &SloStatus| status.budget_projected.unwrap_or(f64::INFINITY);
    state
        .cmp(&other_state)
        .then_with(|| lasts(one).total_cmp(&lasts(other)))
        .then_with(|| left(one).total_cmp(&left(other)))
}

/// The labels of a group, such as `route=/pay, method=GET`.
#[must_use]
pub(super) fn group_name(group: &Group) -> String {
    let parts: Vec<String> = group.iter().map(|(label, value)| format!("{label}={value}")).collect();
    plain(&parts.join(", ")).into_owned()
}
