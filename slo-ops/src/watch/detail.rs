//! The details of an SLO, from the answers to its queries.

use super::{Answers, Curve, DetailPlan, Grid, What, row::group_name};
use serde_json::{Value, json};
use slo_core::{
    model::{Severity, Slo, Tier, Timestamp, Window},
    plain,
    replay::FiredAlert,
    rules::{Group, Series, SloStatus, group_of},
};
use std::collections::{BTreeMap, BTreeSet};

/// The details of an SLO, or of one of its groups.
///
/// All shares of the budget are of one budget: that of the current period.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Detail {
    /// The numbers of the SLO or group as of the same moment.
    pub status: SloStatus,
    /// The times of the steps.
    pub grid: Grid,
    /// All events of each step.
    pub total: Vec<Option<f64>>,
    /// The bad events of each step.
    pub bad: Vec<Option<f64>>,
    /// The share of the period's budget that is left, at the start and at the end of each step. Events before the period do
    /// not count.
    pub left: Vec<Option<f64>>,
    /// All events of the period so far, as recorded.
    pub period_total: Option<f64>,
    /// The bad ones.
    pub period_bad: Option<f64>,
    /// How many events may be bad in the whole period, at this traffic.
    pub allowed: Option<f64>,
    /// The burn rates over the windows of the alerts, at the start and at the end of each step.
    pub burn_rates: Vec<(Window, Vec<Option<f64>>)>,
    /// The alerts that fired.
    pub fired: Vec<FiredAlert>,
    /// The alerts: those on the burn rate, and others that are active.
    pub alerts: Vec<AlertState>,
    /// The latencies over time, if the SLI has buckets.
    pub buckets: Option<Buckets>,
    /// The groups of the SLO, those that spent most first.
    pub groups: Vec<GroupSpend>,
    /// What is missing, and why.
    pub gaps: Vec<String>,
}

/// An alert, and its state.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AlertState {
    /// The tier of its burn rate, or its name.
    pub alert: String,
    /// Its severity.
    pub severity: String,
    /// `firing`, `pending` or `inactive`.
    pub state: String,
    /// Since when it is active.
    pub since: Option<Timestamp>,
    /// The tier, if it is an alert on the burn rate.
    pub tier: Option<Tier>,
    /// The burn rate over its long window.
    pub long: Option<f64>,
    /// The burn rate over its short window.
    pub short: Option<f64>,
}

/// Latencies over time.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Buckets {
    /// The times of the steps.
    pub grid: Grid,
    /// The upper bounds in seconds, in ascending order; the last one is infinite.
    pub bounds: Vec<f64>,
    /// For each step, the events of each bucket.
    pub counts: Vec<Vec<f64>>,
}

/// A group of an SLO, and what it spent.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GroupSpend {
    /// The group.
    pub group: Group,
    /// Its events in the period so far.
    pub total: f64,
    /// The bad ones.
    pub bad: f64,
    /// Its part of the bad events of all groups.
    pub part: f64,
    /// The share of its own budget that is left.
    pub left: Option<f64>,
}

impl GroupSpend {
    /// Its labels, such as `route=/pay`.
    #[must_use]
    pub fn name(&self) -> String {
        group_name(&self.group)
    }
}

impl Detail {
    /// The details from `answers` to the queries of `plan`. `status` is that of the group, and `groups` are those of all groups.
    #[must_use]
    pub fn of(
        slo: &Slo,
        status: &SloStatus,
        groups: &[SloStatus],
        plan: &DetailPlan,
        answers: &Answers,
    ) -> Self {
        let asked = |what: What| plan.queries.iter().any(|query| query.what == what);
        let gaps = [
            (What::Buckets, "the latencies"),
            (What::GroupTotal, "the groups"),
            (What::GroupBad, "the groups"),
        ];
        let gaps = gaps.into_iter().filter(|(what, _)| asked(*what) && !answers.contains_key(what));
        let mut gaps: Vec<String> = gaps.map(|(_, name)| format!("{name} could not be counted")).collect();
        gaps.dedup();
        let one = |what: What| answers.get(&what).and_then(|curves| curves.first());
        let values =
            |what| one(what).map_or_else(|| vec![None; plan.grid.count], |curve| curve.values.clone());
        let once = |what| one(what).and_then(|curve| curve.values.first().copied().flatten());
        // Near a restart, an estimate may make a tile of bad events negative.
        let bad: Vec<Option<f64>> =
            values(What::Bad).into_iter().map(|bad| bad.map(|bad| bad.max(0.0))).collect();
        let (period_total, period_bad) = (once(What::PeriodTotal), once(What::PeriodBad));
        let allowed = allowed(slo, status, period_total);
        let since = once(What::BadSince).unwrap_or(0.0).max(0.0);
        let left =
            status.budget_projected.map_or_else(Vec::new, |now| burn_down(&bad, plan, now, since, allowed));
        let empty = Vec::new();
        let curves = |what| answers.get(&what).unwrap_or(&empty);
        let has_groups = [What::GroupTotal, What::GroupBad].iter().all(|what| answers.contains_key(what));
        Self {
            gaps,
            status: status.clone(),
            grid: plan.grid,
            total: values(What::Total),
            bad,
            left,
            period_total,
            period_bad,
            allowed,
            burn_rates: burn_rates(slo, curves(What::BurnRates), plan.grid.count + 1),
            fired: fired(curves(What::Fired), plan.grid),
            alerts: alerts(
                slo,
                status,
                plan.group.as_ref(),
                curves(What::ActiveSince),
                curves(What::ActiveState),
            ),
            buckets: plan
                .queries
                .iter()
                .find(|query| query.what == What::Buckets)
                .and_then(|query| buckets(curves(What::Buckets), query.grid)),
            groups: if has_groups {
                spends(slo, groups, curves(What::GroupTotal), curves(What::GroupBad))
            } else {
                Vec::new()
            },
        }
    }

    /// The details as JSON. Times are in milliseconds since the Unix epoch, shares are shares of one.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let grid = |grid: &Grid| json!({"start": grid.start.as_millis(), "step": grid.step.as_millis(), "count": grid.count});
        let alert = |one: &AlertState| {
            json!({
                "alert": one.alert,
                "severity": one.severity,
                "state": one.state,
                "since": one.since.map(Timestamp::as_millis),
                "threshold": one.tier.and_then(|tier| tier.factor().ok()).map(slo_core::model::Ratio::to_f64),
                "long": one.tier.map(|tier| tier.long().to_string()),
                "short": one.tier.map(|tier| tier.short().to_string()),
                "burn_rate_long": one.long,
                "burn_rate_short": one.short,
            })
        };
        let fired = |one: &FiredAlert| json!({"alert": one.alert, "severity": one.severity, "start": one.start.as_millis(), "end": one.end.as_millis()});
        let group = |one: &GroupSpend| json!({"group": one.group, "total": one.total, "bad": one.bad, "part": one.part, "projected_budget_remaining": one.left});
        json!({
            "grid": grid(&self.grid),
            "total": self.total,
            "bad": self.bad,
            "budget_left": self.left,
            "period_total": self.period_total,
            "period_bad": self.period_bad,
            "allowed_bad": self.allowed,
            "burn_rates": self.burn_rates.iter().map(|(window, values)| json!({"window": window.to_string(), "values": values})).collect::<Value>(),
            "fired": self.fired.iter().map(fired).collect::<Value>(),
            "alerts": self.alerts.iter().map(alert).collect::<Value>(),
            "buckets": self.buckets.as_ref().map(|buckets| json!({
                "grid": grid(&buckets.grid),
                "bounds": buckets.bounds.iter().map(|bound| bound.is_finite().then_some(*bound)).collect::<Vec<_>>(),
                "counts": buckets.counts,
            })),
            "groups": self.groups.iter().map(group).collect::<Value>(),
            "gaps": self.gaps,
        })
    }
}

/// How many events may be bad in the whole period: βN̂. The events of the whole period follow from those that were recorded,
/// and from the share of the period for which they were.
fn allowed(slo: &Slo, status: &SloStatus, total: Option<f64>) -> Option<f64> {
    let share = status.coverage.filter(|share| *share > 0.0)?;
    let allowed = slo.objective().budget().to_f64() * total? / share;
    Some(allowed).filter(|allowed| allowed.is_finite() && *allowed > 0.0)
}

/// The budget left at the start and at the end of each step, from what is left now and the bad events since. Events that the
/// recorded budget has not counted yet are left out.
fn burn_down(
    bad: &[Option<f64>],
    plan: &DetailPlan,
    now: f64,
    since: f64,
    allowed: Option<f64>,
) -> Vec<Option<f64>> {
    let Some(allowed) = allowed else { return vec![Some(now); bad.len() + 1] };
    let mut later = since;
    let at = |later: f64| Some((now + later / allowed).min(1.0));
    let mut left = vec![at(later)];
    for (index, bad) in bad.iter().enumerate().rev() {
        let start = plan.grid.start.after_steps(plan.grid.step, index);
        if start < plan.counted && start >= plan.span.period_start.before(plan.tile) {
            later += bad.unwrap_or(0.0);
        }
        left.push(at(later));
    }
    left.reverse();
    left
}

fn burn_rates(slo: &Slo, curves: &[Curve], count: usize) -> Vec<(Window, Vec<Option<f64>>)> {
    let of = |window: Window| {
        let name = Series::BurnRate(window.into()).to_string();
        let found = curves.iter().find(|curve| curve.labels.get("__name__") == Some(&name));
        (window, found.map_or_else(|| vec![None; count], |curve| curve.values.clone()))
    };
    slo.policy().windows().into_iter().map(of).collect()
}

fn label<'a>(labels: &'a BTreeMap<String, String>, name: &str) -> &'a str {
    labels.get(name).map_or("", String::as_str)
}

/// The tier of an alert, or its name.
fn alert_name(labels: &BTreeMap<String, String>) -> &str {
    Some(label(labels, "burn_tier"))
        .filter(|tier| !tier.is_empty())
        .unwrap_or_else(|| label(labels, "alertname"))
}

fn fired(curves: &[Curve], grid: Grid) -> Vec<FiredAlert> {
    let end = grid.end();
    let mut all = Vec::new();
    for curve in curves {
        let steps: Vec<usize> = curve
            .values
            .iter()
            .enumerate()
            .filter(|(_, value)| value.is_some())
            .map(|(step, _)| step)
            .collect();
        let (alert, severity) = (alert_name(&curve.labels), label(&curve.labels, "severity"));
        all.extend(FiredAlert::of_steps(alert, severity, &steps, grid.start, grid.step));
    }
    for one in &mut all {
        // It fired in these steps, not at their ends.
        (one.start, one.end) = (one.start.before(grid.step), one.end.before(grid.step).min(end));
    }
    all.sort_by_key(|one| one.start);
    all
}

/// Whether an alert is of a group: it has the labels of the group, or fewer.
fn is_of(slo: &Slo, labels: &BTreeMap<String, String>, group: Option<&Group>) -> bool {
    group.is_none_or(|group| {
        group_of(slo, labels).iter().all(|(label, value)| group.get(label) == Some(value))
    })
}

fn alerts(
    slo: &Slo,
    status: &SloStatus,
    group: Option<&Group>,
    since: &[Curve],
    states: &[Curve],
) -> Vec<AlertState> {
    let mut active: BTreeMap<(String, String), (String, Option<Timestamp>)> = BTreeMap::new();
    for curve in states.iter().filter(|curve| is_of(slo, &curve.labels, group)) {
        if curve.values.first().copied().flatten().is_none() {
            continue;
        }
        let key = (alert_name(&curve.labels).to_owned(), label(&curve.labels, "severity").to_owned());
        let state = plain(label(&curve.labels, "alertstate")).into_owned();
        let known = active.entry(key).or_insert_with(|| (state.clone(), None));
        // One that fires for a group is firing.
        if state == "firing" {
            known.0 = state;
        }
    }
    for curve in since.iter().filter(|curve| is_of(slo, &curve.labels, group)) {
        let key = (alert_name(&curve.labels).to_owned(), label(&curve.labels, "severity").to_owned());
        let (Some((_, known)), Some(seconds)) =
            (active.get_mut(&key), curve.values.first().copied().flatten())
        else {
            continue;
        };
        #[expect(clippy::cast_possible_truncation, reason = "seconds since the epoch")]
        let time = Timestamp::from_millis((seconds * 1_000.0).round() as i64);
        *known = Some(known.map_or(time, |before| before.min(time)));
    }
    let tiers = slo.policy().tiers().iter().map(|tier| {
        let found = active.iter().find(|((alert, _), _)| alert == tier.burn().as_str());
        let key = found.map(|(key, _)| key.clone());
        let (state, since) =
            key.and_then(|key| active.remove(&key)).unwrap_or_else(|| ("inactive".to_owned(), None));
        AlertState {
            alert: tier.burn().as_str().to_owned(),
            severity: tier.severity().as_str().to_owned(),
            state,
            since,
            tier: Some(*tier),
            long: status.burn_over(tier.long()),
            short: status.burn_over(tier.short()),
        }
    });
    let mut all: Vec<AlertState> = tiers.collect();
    all.extend(active.into_iter().map(|((alert, severity), (state, since))| AlertState {
        alert: plain(&alert).into_owned(),
        severity: if severity.is_empty() {
            Severity::Ticket.as_str().to_owned()
        } else {
            plain(&severity).into_owned()
        },
        state,
        since,
        tier: None,
        long: None,
        short: None,
    }));
    all
}

/// The events of each bucket, from cumulative ones.
fn buckets(curves: &[Curve], grid: Grid) -> Option<Buckets> {
    let bound = |curve: &Curve| {
        let le = label(&curve.labels, "le");
        if le == "+Inf" { Some(f64::INFINITY) } else { le.parse::<f64>().ok() }
    };
    let mut known: Vec<(f64, &Curve)> =
        curves.iter().filter_map(|curve| Some((bound(curve)?, curve))).collect();
    known.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    known.dedup_by(|(one, _), (other, _)| one.total_cmp(other).is_eq());
    if known.is_empty() {
        return None;
    }
    let counts = (0..grid.count).map(|step| {
        let mut below = 0.0;
        let of_bucket = known.iter().map(|(_, curve)| {
            let up_to = curve.values.get(step).copied().flatten().unwrap_or(below).max(below);
            let count = up_to - below;
            below = up_to;
            count
        });
        of_bucket.collect()
    });
    Some(Buckets { grid, counts: counts.collect(), bounds: known.iter().map(|(bound, _)| *bound).collect() })
}

fn spends(slo: &Slo, groups: &[SloStatus], total: &[Curve], bad: &[Curve]) -> Vec<GroupSpend> {
    if slo.by().is_empty() {
        return Vec::new();
    }
    let sums = |curves: &[Curve]| -> BTreeMap<Group, f64> {
        let value =
            |curve: &Curve| Some((group_of(slo, &curve.labels), curve.values.first().copied().flatten()?));
        curves.iter().filter_map(value).collect()
    };
    let (total, bad) = (sums(total), sums(bad));
    let all: f64 = bad.values().map(|bad| bad.max(0.0)).sum();
    let known: BTreeSet<&Group> = groups.iter().map(|status| &status.group).chain(total.keys()).collect();
    let spend = |group: &Group| {
        let bad = bad.get(group).copied().unwrap_or(0.0).max(0.0);
        GroupSpend {
            group: group.clone(),
            total: total.get(group).copied().unwrap_or(0.0),
            bad,
            part: if all > 0.0 { bad / all } else { 0.0 },
            left: groups
                .iter()
                .find(|status| status.group == *group)
                .and_then(|status| status.budget_projected),
        }
    };
    let mut spends: Vec<GroupSpend> = known.into_iter().map(spend).collect();
    spends.sort_by(|one, other| other.bad.total_cmp(&one.bad).then_with(|| one.group.cmp(&other.group)));
    spends
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Span;
    use slo_core::{model::Service, rules::Recorded};

    fn service(by: &str) -> Service {
        let text = format!(
            "{{version: slo/v1, service: a, slos: [{{name: b, objective: 99%, window: 30d, by: [{by}],
              sli: {{latency: {{histogram: h, threshold: 300ms}}}}}}]}}"
        );
        slo_core::spec::parse(&text).unwrap().remove(0)
    }

    fn labels(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn curve(of: &[(&str, &str)], values: &[f64]) -> Curve {
        Curve { labels: labels(of), values: values.iter().copied().map(Some).collect() }
    }

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn the_burn_down_ends_with_what_is_left_now() {
        let service = service("");
        let slo = &service.slos()[0];
        let of = |metric: &str| labels(&[("__name__", metric), ("service", "a"), ("slo", "b")]);
        let left = of("slo:error_budget:projected_remaining_ratio");
        let seen = of("slo:sli_coverage:ratio30d");
        let status = Recorded::of(&service, [(&left, 0.25), (&seen, 0.5)], []).statuses(slo).remove(0);
        let span = Span::of(slo, [("range", "6h")], slo.period().length(), NOW).unwrap();
        let plan = DetailPlan::of(&service, slo, None, span, NOW).unwrap();
        assert_eq!((plan.grid.step, plan.grid.count), (Window::minutes(3), 120));
        let mut bad = vec![0.0; plan.grid.count];
        bad[100] = 30.0;
        let answers = Answers::from([
            (What::Bad, vec![curve(&[], &bad)]),
            (What::PeriodBad, vec![curve(&[], &[75.0])]),
            (What::PeriodTotal, vec![curve(&[], &[5_000.0])]),
        ]);
        let detail = Detail::of(slo, &status, &[], &plan, &answers);
        // 5,000 events in half of the period: 10,000 in all of it, of which 100 may be bad.
        assert_eq!(detail.allowed, Some(100.0));
        assert_eq!(
            (detail.left[100], detail.left[101], detail.left.last()),
            (Some(0.55), Some(0.25), Some(&Some(0.25)))
        );
    }

    #[test]
    fn buckets_are_not_cumulative() {
        let grid = Grid { start: NOW, step: Window::minutes(5), count: 2 };
        let curves = [
            curve(&[("le", "+Inf")], &[10.0, 5.0]),
            curve(&[("le", "0.3")], &[9.0, 5.0]),
            curve(&[("le", "0.1")], &[4.0, 6.0]),
        ];
        let buckets = buckets(&curves, grid).unwrap();
        assert_eq!(buckets.bounds, [0.1, 0.3, f64::INFINITY]);
        assert_eq!(buckets.counts, [[4.0, 5.0, 1.0], [6.0, 0.0, 0.0]]);
    }

    #[test]
    fn an_alert_is_of_its_group_or_of_all() {
        let service = service("route");
        let slo = &service.slos()[0];
        let status = Recorded::of(&service, [], []).statuses(slo).remove(0);
        let states = [
            curve(
                &[("burn_tier", "fast"), ("severity", "page"), ("alertstate", "firing"), ("route", "/a")],
                &[1.0],
            ),
            curve(
                &[("burn_tier", "slow"), ("severity", "ticket"), ("alertstate", "pending"), ("route", "/b")],
                &[1.0],
            ),
            curve(
                &[("alertname", "SLOEventsAbsent"), ("severity", "ticket"), ("alertstate", "firing")],
                &[1.0],
            ),
        ];
        let since =
            [curve(&[("burn_tier", "fast"), ("severity", "page"), ("route", "/a")], &[1_799_999_000.0])];
        let group = labels(&[("route", "/a")]);
        let found = alerts(slo, &status, Some(&group), &since, &states);
        let found: Vec<_> =
            found.iter().map(|one| (one.alert.as_str(), one.state.as_str(), one.since.is_some())).collect();
        assert_eq!(found[0], ("fast", "firing", true));
        assert!(found[1..found.len() - 1].iter().all(|one| one.1 == "inactive"));
        assert_eq!(found.last(), Some(&("SLOEventsAbsent", "firing", false)));
    }
}
