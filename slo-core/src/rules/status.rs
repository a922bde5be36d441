//! The status of a service's SLOs, from the last recorded values.

use super::{Group, Series, Span};
use crate::{
    math::{BurnRate, time_to_exhaustion},
    model::{LabelName, MatchOp, Matcher, Selector, Service, Slo, Tier, Window},
    promql::Expr,
};
use std::collections::{BTreeMap, BTreeSet};

/// The status of an SLO, or of one of its groups.
///
/// It holds the last recorded values; `None` if nothing was recorded.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SloStatus {
    /// The group; empty without groups.
    pub group: Group,
    /// Share of good events in the period.
    pub sli: Option<f64>,
    /// Share of the error budget left, of the events seen so far.
    pub budget_remaining: Option<f64>,
    /// Share of the whole period's error budget left, if no more events are bad.
    pub budget_projected: Option<f64>,
    /// Share of the period that was recorded.
    pub coverage: Option<f64>,
    /// Burn rates over the windows of the alerts, shortest first.
    pub burn_rates: Vec<(Window, Option<f64>)>,
    /// Seconds until the budget is gone, at the burn rate over the long window of the fastest tier.
    pub time_to_exhaustion: Option<f64>,
    /// Length of the current period.
    pub length: Window,
    /// The firing alerts.
    pub firing: Vec<FiringAlert>,
    /// The objective that the server has recorded, a constant: without traffic, it is what shows that the rules are
    /// evaluated.
    pub objective: Option<f64>,
}

/// A firing alert.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct FiringAlert {
    /// The tier of its burn rate, or its name.
    pub alert: String,
    /// The value of its label `severity`.
    pub severity: String,
}

impl SloStatus {
    /// Burn rate over one of the alerts' windows.
    #[must_use]
    pub fn burn_over(&self, window: Window) -> Option<f64> {
        self.burn_rates.iter().find(|(one, _)| *one == window)?.1
    }
}

/// The last recorded values of a service's SLOs, and their firing alerts.
///
#[cfg_attr(feature = "spec", doc = "```")]
#[cfg_attr(not(feature = "spec"), doc = "```ignore")]
/// # let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99%, window: 30d,
/// #    sli: {events: {total: all_total, bad: failed_total}}}]}";
/// # let service = slo_core::spec::parse(text).unwrap().remove(0);
/// use slo_core::rules::Recorded;
///
/// let [series, alerts] = Recorded::queries([&service]);
/// assert_eq!(alerts.to_string(), r#"ALERTS{slo!="",alertstate="firing",service="a"}"#);
/// // A server's answer to the first query:
/// let labels = [("__name__", "slo:error_budget:projected_remaining_ratio"), ("service", "a"), ("slo", "b")];
/// let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
/// let recorded = Recorded::of(&service, [(&labels, 0.25)], []);
/// assert_eq!(recorded.statuses(&service.slos()[0])[0].budget_projected, Some(0.25));
/// ```
#[derive(Debug, Clone)]
pub struct Recorded {
    /// By metric and SLO.
    values: BTreeMap<(String, String), Groups>,
    /// By SLO, with the group.
    firing: BTreeMap<String, BTreeSet<(Group, FiringAlert)>>,
}

/// A value for each group of an SLO; a single one without groups.
type Groups = BTreeMap<Group, f64>;

/// A sample of an answer: its labels with `__name__`, and its value.
type Sample<'a> = (&'a BTreeMap<String, String>, f64);

impl Recorded {
    /// Two queries: for all recorded series of the SLOs of these services except tiles, and for their firing
    /// alerts.
    #[must_use]
    pub fn queries<'a>(services: impl IntoIterator<Item = &'a Service>) -> [Expr; 2] {
        let names: Vec<String> = services.into_iter().map(|service| service.name().to_string()).collect();
        let own = || of_services(&names);
        let series = [
            matcher("__name__", MatchOp::Regex, "slo:.+"),
            matcher("__name__", MatchOp::NotRegex, ".*:increase.*"),
            own(),
        ];
        let alerts =
            [matcher("slo", MatchOp::NotEqual, ""), matcher("alertstate", MatchOp::Equal, "firing"), own()];
        [("", series), ("ALERTS", alerts)]
            .map(|(metric, matchers)| Selector::composed(metric, matchers.into()).into())
    }

    /// The query for the share of the period's budget that is left, of all SLOs of these services.
    #[must_use]
    pub fn budgets<'a>(services: impl IntoIterator<Item = &'a Service>) -> Expr {
        let names: Vec<String> = services.into_iter().map(|service| service.name().to_string()).collect();
        let own = of_services(&names);
        Selector::composed(&Series::BudgetProjected.to_string(), [own].into()).into()
    }

    /// Reads the answers to [`queries`](Self::queries) for one service. Series of other services and SLOs are ignored, and
    /// so are values that are not finite.
    #[must_use]
    pub fn of<'a>(
        service: &Service,
        series: impl IntoIterator<Item = Sample<'a>>,
        alerts: impl IntoIterator<Item = Sample<'a>>,
    ) -> Self {
        let slos: BTreeMap<&str, &Slo> =
            service.slos().iter().map(|slo| (slo.name().as_str(), slo)).collect();
        let mut recorded = Self { values: BTreeMap::new(), firing: BTreeMap::new() };
        for (labels, value) in series {
            let is_own = label(labels, "service") == service.name().as_str() && value.is_finite();
            let Some(slo) = slos.get(label(labels, "slo")).filter(|_| is_own) else { continue };
            let key = (label(labels, "__name__").to_owned(), slo.name().to_string());
            recorded.values.entry(key).or_default().insert(group_of(slo, labels), value);
        }
        for (labels, _) in alerts {
            if label(labels, "service") != service.name().as_str() {
                continue;
            }
            let Some(slo) = slos.get(label(labels, "slo")) else { continue };
            let tier = Some(label(labels, "burn_tier")).filter(|tier| !tier.is_empty());
            let alert = tier.unwrap_or_else(|| label(labels, "alertname")).to_owned();
            let found = FiringAlert { alert, severity: label(labels, "severity").to_owned() };
            let of_slo = recorded.firing.entry(slo.name().to_string()).or_default();
            of_slo.insert((group_of(slo, labels), found));
        }
        recorded
    }

    /// The status of each group of an SLO, or of the SLO if it has no groups.
    #[must_use]
    pub fn statuses(&self, slo: &Slo) -> Vec<SloStatus> {
        self.groups(slo).into_iter().map(|group| self.status(slo, group)).collect()
    }

    fn status(&self, slo: &Slo, group: Group) -> SloStatus {
        let value = |series: Series| self.value(slo, series, &group);
        let burn = |window: Window| value(Series::BurnRate(window.into()));
        let (period, length) = (Span::from(slo.period()), self.length(slo));
        let projected = value(Series::BudgetProjected);
        let fastest = slo.policy().tiers().first().map(Tier::long);
        let fastest = fastest.and_then(burn).and_then(|burn| BurnRate::new(burn).ok());
        let windows = slo.policy().windows();
        SloStatus {
            sli: value(Series::ErrorRatio(period)).map(|ratio| 1.0 - ratio),
            budget_remaining: value(Series::BudgetRemaining),
            budget_projected: projected,
            coverage: value(Series::Coverage(period)),
            burn_rates: windows.into_iter().map(|window| (window, burn(window))).collect(),
            time_to_exhaustion: projected
                .and_then(|left| time_to_exhaustion(left, fastest, length).ok().flatten()),
            length,
            firing: self.firing(slo, &group),
            objective: self.value(slo, Series::Objective, &Group::new()),
            group,
        }
    }

    /// The groups with a known budget or a firing alert; one empty group if there are none.
    fn groups(&self, slo: &Slo) -> Vec<Group> {
        let known: BTreeSet<&Group> =
            self.values_of(slo, Series::BudgetProjected).into_iter().flat_map(BTreeMap::keys).collect();
        let firing = self.firing.get(slo.name().as_str()).into_iter().flatten().map(|(group, _)| group);
        let others = firing.filter(|group| !known.iter().any(|known| is_of(group, known)));
        let all: BTreeSet<&Group> = known.iter().copied().chain(others).collect();
        if all.is_empty() { vec![Group::new()] } else { all.into_iter().cloned().collect() }
    }

    /// The firing alerts of a group: its own, and those of several groups.
    fn firing(&self, slo: &Slo, group: &Group) -> Vec<FiringAlert> {
        let is_group = |labels: &Group| {
            self.values_of(slo, Series::BudgetProjected).is_some_and(|groups| groups.contains_key(labels))
        };
        let all = self.firing.get(slo.name().as_str()).into_iter().flatten();
        let own = all.filter(|(alert, _)| alert == group || !is_group(alert) && is_of(alert, group));
        own.map(|(_, alert)| alert.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn values_of(&self, slo: &Slo, series: Series) -> Option<&Groups> {
        self.values.get(&(series.to_string(), slo.name().to_string()))
    }

    fn value(&self, slo: &Slo, series: Series, group: &Group) -> Option<f64> {
        self.values_of(slo, series)?.get(group).copied()
    }

    /// The length of the current period.
    fn length(&self, slo: &Slo) -> Window {
        // A calendar has no groups.
        let bound = |series| self.value(slo, series, &Group::new());
        let recorded = bound(Series::PeriodEnd).zip(bound(Series::PeriodStart)).and_then(|(end, start)| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "seconds of a period"
            )]
            let millis = ((end - start) * 1_000.0).round() as u64;
            Window::from_millis(millis).ok()
        });
        recorded.unwrap_or_else(|| slo.period().length())
    }
}

fn matcher(label: &'static str, op: MatchOp, value: &str) -> Matcher {
    Matcher { label: LabelName::from_static(label), op, value: value.to_owned() }
}

/// The services of these names, which have no characters with a meaning in regular expressions but the dot.
fn of_services(names: &[String]) -> Matcher {
    match names {
        [name] => matcher("service", MatchOp::Equal, name),
        names => matcher("service", MatchOp::Regex, &names.join("|").replace('.', "\\.")),
    }
}

/// The group of a series: those of its labels that are in the `by` of the SLO.
#[must_use]
pub fn group_of(slo: &Slo, labels: &BTreeMap<String, String>) -> Group {
    let by = slo.by().iter().filter_map(|label| labels.get_key_value(label.as_str()));
    by.map(|(label, value)| (label.clone(), value.clone())).collect()
}

/// Whether all labels of an alert's group match another group.
fn is_of(alert: &Group, group: &Group) -> bool {
    alert.iter().all(|(label, value)| group.get(label) == Some(value))
}

fn label<'a>(labels: &'a BTreeMap<String, String>, name: &str) -> &'a str {
    labels.get(name).map_or("", String::as_str)
}
