//! Queries that several dashboards ask.

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

/// What was recorded last of some SLOs.
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

/// A number of the queries.
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

/// The alerts on SLOs that fire, of those that match.
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

/// Since when the alerts fire that match: Prometheus also knows it of those that only wait to.
pub(super) fn since(matchers: &[Matcher]) -> Expr {
    let ignoring = Matching::Ignoring(labels(["alertstate"]).into());
    let since = Selector::composed("ALERTS_FOR_STATE", matchers.into());
    Expr::from(since).binary(BinaryOp::And, ignoring, firing(matchers))
}

/// A query of all SLOs, where those of different kinds are asked for differently: each kind's is of its own SLOs only, since
/// others may have recorded the same name for another window of theirs.
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

/// The labels that what is recorded of an SLO is joined to its alerts by. Those have labels besides that another SLO may have
/// groups by.
pub(super) fn join_labels(slo: &Slo) -> Vec<LabelName> {
    let groups: BTreeSet<LabelName> = slo.by().iter().cloned().collect();
    slo_labels().into_iter().chain(groups).collect()
}

/// The share of each period that was seen.
pub(super) fn coverage(services: &[Service]) -> Expr {
    each_kind(services, |slo| Some(period(slo)), |period, shown| last(Series::Coverage(*period), shown))
}

/// The period of an SLO, as its series call it.
pub(super) fn period(slo: &Slo) -> Span {
    slo.period().into()
}

/// The long window of the fastest alert, over which a burn rate is told.
pub(super) fn long(slo: &Slo) -> Option<Window> {
    slo.policy().tiers().first().map(Tier::long)
}

/// How fast each budget burns.
pub(super) fn burns(services: &[Service]) -> Expr {
    each_kind(services, long, |window, shown| last(Series::BurnRate((*window).into()), shown))
}

/// How long each budget lasts at the burn rate of its fastest alert's long window, in seconds: no time once it is gone,
/// burning or not.
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

/// How long a budget lasts of which the share `left` is left, at a burn rate, in seconds.
pub(super) fn lasts_at(left: &Expr, rolling: Option<Window>, burn_rate: Expr) -> Expr {
    let left = || left.clone().clamp_min(Ratio::ZERO);
    times_length(left(), rolling).div(burn_rate.greater(ZERO)).or(left().equal(ZERO))
}

/// The length of a period that rolls; `None` for one of a calendar, whose length is recorded.
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

/// Times the length of a period in seconds: of a calendar, that of the present one.
fn times_length(factor: Expr, rolling: Option<Window>) -> Expr {
    if let Some(window) = rolling {
        return factor.mul(number(window.as_seconds()));
    }
    let length = last(Series::PeriodEnd, &[]).sub(last(Series::PeriodStart, &[]));
    factor.binary(BinaryOp::Multiply, Matching::OnManyToOne(slo_labels().into()), length)
}
