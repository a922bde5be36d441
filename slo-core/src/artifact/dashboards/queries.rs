//! Queries that several dashboards use.

use super::super::matcher::equals;
use crate::{
    model::{LabelName, MatchOp, Matcher, Period, Ratio, Selector, Service, Slo, Tier, Window},
    promql::{BinaryOp, Expr, Matching},
    rules::{Series, Span},
};
use std::collections::{BTreeMap, BTreeSet};

/// The series of a metric that have some labels.
pub(super) fn select(series: Series, matchers: &[Matcher]) -> Selector {
    series.selector(matchers.into())
}

/// The last recorded values of some SLOs.
pub(super) fn last(series: Series, matchers: &[Matcher]) -> Expr {
    select(series, matchers).into()
}

/// The SLOs that are shown.
pub(super) fn shown() -> [Matcher; 1] {
    [matcher("service", MatchOp::Regex, "$service")]
}

pub(super) fn matcher(label: &'static str, op: MatchOp, value: impl Into<String>) -> Matcher {
    Matcher { label: LabelName::from_static(label), op, value: value.into() }
}

/// A number in a query.
pub(super) const fn number(number: Ratio) -> Expr {
    Expr::Number(number)
}

pub(super) const ZERO: Expr = number(Ratio::ZERO);
pub(super) const ONE: Expr = number(Ratio::ONE);

/// Labels of our own.
pub(super) fn labels<const N: usize>(names: [&'static str; N]) -> [LabelName; N] {
    names.map(LabelName::from_static)
}

/// The labels of an SLO.
pub(super) fn slo_labels() -> [LabelName; 2] {
    labels(["service", "slo"])
}

/// The firing alerts that match.
pub(super) fn firing(matchers: &[Matcher]) -> Expr {
    firing_with(&[], matchers)
}

/// The same, with matchers before those of the SLO.
pub(super) fn firing_with(more: &[Matcher], matchers: &[Matcher]) -> Expr {
    let state = [matcher("alertstate", MatchOp::Equal, "firing")];
    Selector::composed("ALERTS", [&state, more, matchers].concat().into()).into()
}

/// Alerts on SLOs have this label.
pub(super) fn any_slo() -> Matcher {
    matcher("slo", MatchOp::NotEqual, "")
}

/// The start times of the firing alerts that match. Prometheus also records them for pending alerts.
pub(super) fn since(matchers: &[Matcher]) -> Expr {
    let ignoring = Matching::Ignoring(labels(["alertstate"]).into());
    let since = Selector::composed("ALERTS_FOR_STATE", matchers.into());
    Expr::from(since).binary(BinaryOp::And, ignoring, firing(matchers))
}

/// A query of all SLOs, with a different query for each kind of SLO. The query of a kind selects only the
/// SLOs of that kind, because others may record a series of the same name for a different window.
pub(super) fn each_kind<K: Ord>(
    services: &[Service],
    kind: impl Fn(&Slo) -> Option<K>,
    query: impl Fn(&K, &[Matcher]) -> Expr,
) -> Expr {
    // Of each kind, the names of its SLOs by service.
    let mut kinds: BTreeMap<K, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for service in services {
        for slo in service.slos() {
            let Some(kind) = kind(slo) else { continue };
            let slos = kinds.entry(kind).or_default().entry(service.name().as_str()).or_default();
            slos.insert(slo.name().as_str());
        }
    }
    let is_one = kinds.len() == 1;
    let queries = kinds.iter().flat_map(|(kind, services)| {
        let all = services.iter().map(|(service, slos)| [equals("service", [service]), equals("slo", slos)]);
        let of_some: Vec<_> = if is_one { vec![None] } else { all.map(Some).collect() };
        of_some
            .into_iter()
            .map(move |narrowed| (kind, [&shown()[..], narrowed.as_slice().as_flattened()].concat()))
    });
    let any = queries.map(|(kind, matchers)| query(kind, &matchers)).reduce(Expr::or);
    // There are SLOs, or there would be no dashboard.
    any.unwrap_or_else(|| Expr::vector(Ratio::ZERO))
}

/// The labels that join the recorded series of an SLO to its alerts. Alerts have further labels, by which
/// another SLO may have groups.
pub(super) fn join_labels(slo: &Slo) -> Vec<LabelName> {
    let groups: BTreeSet<LabelName> = slo.by().iter().cloned().collect();
    slo_labels().into_iter().chain(groups).collect()
}

/// The share of each period that was recorded.
pub(super) fn coverage(services: &[Service]) -> Expr {
    each_kind(services, |slo| Some(period(slo)), |period, shown| last(Series::Coverage(*period), shown))
}

/// The period of an SLO, as in the names of its series.
pub(super) fn period(slo: &Slo) -> Span {
    slo.period().into()
}

/// The long window of the fastest alert, over which burn rates are shown.
pub(super) fn long(slo: &Slo) -> Option<Window> {
    slo.policy().tiers().first().map(Tier::long)
}

/// The burn rate of each budget.
pub(super) fn burns(services: &[Service]) -> Expr {
    each_kind(services, long, |window, shown| last(Series::BurnRate((*window).into()), shown))
}

/// How long each budget lasts at the burn rate of its fastest alert's long window, in seconds: zero once it
/// is gone, burning or not.
pub(super) fn lasts(services: &[Service]) -> Expr {
    let kind = |slo: &Slo| Some((slo.period().to_string(), rolling(slo.period()), long(slo)?));
    each_kind(services, kind, |(period, rolling, window), shown| {
        let info = last(Series::Info, &[matcher("period", MatchOp::Equal, period)]);
        let left = last(Series::BudgetProjected, shown).binary(
            BinaryOp::And,
            Matching::On(slo_labels().into()),
            info,
        );
        lasts_at(&left, *rolling, last(Series::BurnRate((*window).into()), shown))
    })
}

/// How long a budget lasts at a burn rate if the share `left` is left, in seconds.
pub(super) fn lasts_at(left: &Expr, rolling: Option<Window>, burn_rate: Expr) -> Expr {
    let left = || left.clone().clamp_min(Ratio::ZERO);
    times_length(left(), rolling).div(burn_rate.greater(ZERO)).or(left().equal(ZERO))
}

/// The length of a rolling period; `None` for a calendar period, whose length is recorded.
#[cfg_attr(
    not(feature = "calendar"),
    expect(clippy::unnecessary_wraps, reason = "without calendars, all of them roll")
)]
pub(super) const fn rolling(period: &Period) -> Option<Window> {
    match period {
        Period::Rolling(window) => Some(*window),
        #[cfg(feature = "calendar")]
        Period::Calendar(_) => None,
    }
}

/// `factor` times the length of a period in seconds; for a calendar, the length of the current period.
fn times_length(factor: Expr, rolling: Option<Window>) -> Expr {
    if let Some(window) = rolling {
        return factor.mul(number(window.as_seconds()));
    }
    let length = last(Series::PeriodEnd, &[]).sub(last(Series::PeriodStart, &[]));
    factor.binary(BinaryOp::Multiply, Matching::OnManyToOne(slo_labels().into()), length)
}
