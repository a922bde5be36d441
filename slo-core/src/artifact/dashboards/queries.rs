//! Queries that several dashboards ask.

use super::super::matcher::equals;
use crate::{
    model::{LabelName, Period, Ratio, Service, Slo, Tier, Window},
    rules::names,
};
use std::collections::{BTreeMap, BTreeSet};

/// The SLOs that are shown.
pub(super) const SHOWN: &str = r#"service=~"$service""#;

/// Since when the alerts fire that match: Prometheus also knows it of those that only wait to.
pub(super) fn since(matchers: &str) -> String {
    format!(
        "(ALERTS_FOR_STATE{{{matchers}}} and ignoring (alertstate) ALERTS{{alertstate=\"firing\",{matchers}}})"
    )
}

/// A query of all SLOs, where those of different kinds are asked for differently: each kind's is of its own SLOs only, since
/// others may have recorded the same name for another window of theirs.
pub(super) fn each_kind<K: Ord>(
    services: &[Service],
    kind: impl Fn(&Slo) -> Option<K>,
    query: impl Fn(&K, &str) -> String,
) -> String {
    // Of each kind, the names of its SLOs by service.
    let mut kinds: BTreeMap<K, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for service in services {
        for slo in service.slos() {
            let Some(kind) = kind(slo) else { continue };
            let slos = kinds.entry(kind).or_default().entry(service.name().as_str()).or_default();
            slos.insert(slo.name().as_str());
        }
    }
    if kinds.len() == 1 {
        return kinds.keys().map(|kind| query(kind, SHOWN)).collect();
    }
    let queries: Vec<String> = kinds
        .iter()
        .flat_map(|(kind, services)| services.iter().map(move |(service, slos)| (kind, service, slos)))
        .map(|(kind, service, slos)| {
            query(kind, &format!("{SHOWN},{},{}", equals("service", [service]), equals("slo", slos)))
        })
        .collect();
    format!("({})", queries.join(" or "))
}

/// The labels that what is recorded of an SLO is joined to its alerts by. Those have labels besides that another SLO may have
/// groups by.
pub(super) fn join_labels(slo: &Slo) -> String {
    let groups: BTreeSet<&str> = slo.by().iter().map(LabelName::as_str).collect();
    ["service", "slo"].into_iter().chain(groups).collect::<Vec<_>>().join(", ")
}

/// The share of each period that was seen.
pub(super) fn coverage(services: &[Service]) -> String {
    let period = |slo: &Slo| Some(names::period(slo.period()));
    each_kind(services, period, |period, shown| format!("{}{{{shown}}}", names::coverage(period)))
}

/// The long window of the fastest alert, over which a burn rate is told.
pub(super) fn long(slo: &Slo) -> Option<Window> {
    slo.policy().tiers().first().map(Tier::long)
}

/// How fast each budget burns.
pub(super) fn burns(services: &[Service]) -> String {
    each_kind(services, long, |window, shown| format!("{}{{{shown}}}", names::burn_rate(window)))
}

/// How long each budget lasts at the burn rate of its fastest alert's long window, in seconds: no time once it is gone,
/// burning or not.
pub(super) fn lasts(services: &[Service]) -> String {
    let kind = |slo: &Slo| Some((slo.period().to_string(), length(slo), long(slo)?));
    each_kind(services, kind, |(period, length, window), shown| {
        let left = format!(
            "clamp_min({}{{{shown}}} and on (service, slo) {}{{period=\"{period}\"}}, 0)",
            names::BUDGET_PROJECTED,
            names::INFO
        );
        format!("{left} * {length} / ({}{{{shown}}} > 0) or {left} == 0", names::burn_rate(*window))
    })
}

/// The length of an SLO's period in seconds, to be multiplied with: of a calendar, that of the present one.
pub(super) fn length(slo: &Slo) -> String {
    match slo.period() {
        Period::Rolling(period) => decimal(period.as_seconds()),
        #[cfg(feature = "calendar")]
        Period::Calendar(_) => {
            format!("on (service, slo) group_left () ({} - {})", names::PERIOD_END, names::PERIOD_START)
        }
    }
}

/// A number as queries write it.
pub(super) fn decimal(ratio: Ratio) -> String {
    ratio.to_decimal().unwrap_or_else(|| format!("({} / {})", ratio.numerator(), ratio.denominator()))
}
