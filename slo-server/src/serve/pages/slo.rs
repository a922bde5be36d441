//! The page of one SLO.

use super::{
    super::{auth::Viewer, refused::Refused, site::Shown, site::Site},
    charts::{Drawn, Figure},
    facts::numbers,
    incidents::{OpenIncident, episodes_of},
    layout::{Layout, PageRefused, clock, html, moment, query, stale},
    overview::{Burn, burns, classes, lasts},
};
use crate::{clock::now, observe::Kept};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use slo_core::{
    artifact::count,
    model::{Slo, Timestamp, Window},
    page::{burn_rate, duration, percent},
    rules::{self, Options, Rule},
};
use slo_ops::{
    Deployment,
    watch::{AlertState, Detail, GroupSpend, Span},
};
use std::sync::Arc;

/// Groups of an SLO that the page lists.
const GROUPS: usize = 100;
/// Deployments that the page lists, the latest first.
const DEPLOYMENTS: usize = 10;

#[derive(Template)]
#[template(path = "slo.html")]
struct SloPage {
    layout: Layout,
    stale: String,
    faults: Vec<String>,
    class: &'static str,
    state: &'static str,
    name: String,
    description: String,
    group: String,
    labels: Vec<String>,
    objective: String,
    period: String,
    kind: String,
    sli: String,
    left: String,
    left_note: String,
    burns: Vec<Burn>,
    lasts: String,
    seen: String,
    ranges: Vec<Link>,
    shown: String,
    is_live: bool,
    /// The address of the same page up to now.
    live: String,
    figures: Vec<Figure>,
    incidents: Vec<OpenIncident>,
    deployments: Vec<DeploymentLine>,
    more_deployments: usize,
    groups: Vec<GroupLine>,
    more_groups: usize,
    alerts: Vec<AlertLine>,
    numbers: Vec<NumberLine>,
    rules: Vec<RuleLine>,
    asked: String,
}

struct Link {
    name: String,
    href: String,
    is_current: bool,
}

struct GroupLine {
    name: String,
    href: String,
    is_current: bool,
    total: String,
    bad: String,
    part: String,
    left: String,
}

struct AlertLine {
    class: &'static str,
    state: String,
    alert: String,
    severity: String,
    threshold: String,
    long: String,
    short: String,
    since: String,
}

struct DeploymentLine {
    at: String,
    version: String,
    href: String,
    who: String,
}

struct NumberLine {
    name: String,
    query: String,
    href: String,
}

struct RuleLine {
    group: String,
    name: String,
    query: String,
}

/// `GET /slos/{service}/{slo}`
pub(in super::super) async fn slo(
    viewer: Result<Viewer, Refused>,
    State(site): State<Arc<Site>>,
    Path((service, slo)): Path<(String, String)>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, PageRefused> {
    viewer.map_err(PageRefused::of(&site))?;
    let shown = site.shown(&service, &slo, &pairs).await.map_err(PageRefused::of(&site))?;
    let episodes = episodes_of(&site, &service, &slo, &shown.span).await;
    let unread = |error| Some(format!("incidents, experiments and deployments cannot be read: {error}"));
    let (runs, deployments, unread) =
        match (site.runs(&shown.span).await, site.deployments(&service, &shown.span).await) {
            (Ok(runs), Ok(deployments)) => (runs, deployments, None),
            (Err(error), _) | (_, Err(error)) => (Vec::new(), Vec::new(), unread(error)),
        };
    let zone = site.zone.as_str();
    let detail = shown.detail.value.as_ref().map(|(detail, _)| Arc::clone(detail));
    let figures = detail.as_ref().map(|detail| {
        let marks = merged(episodes.iter().map(|one| one.span).collect());
        let drawn = Drawn {
            row: &shown.row,
            span: &shown.span,
            detail,
            zone,
            incidents: marks,
            runs: &runs,
            deployments: &deployments,
        };
        drawn.figures()
    });
    let mut page = page(&site, &shown, detail.as_deref(), figures.unwrap_or_default(), episodes);
    page.faults.extend(unread);
    page.deployments =
        deployments.iter().rev().take(DEPLOYMENTS).map(|one| deployment_line(one, zone)).collect();
    page.more_deployments = deployments.len().saturating_sub(DEPLOYMENTS);
    Ok(html(&page))
}

fn page(
    site: &Site,
    shown: &Shown,
    detail: Option<&Detail>,
    figures: Vec<Figure>,
    episodes: Vec<OpenIncident>,
) -> SloPage {
    let (row, zone) = (&shown.row, site.zone.as_str());
    let (slo, status) = (row.slo(), &row.status);
    let here = format!("{}/slos/{}/{}", site.base, row.service.name(), slo.name());
    let group = group_pairs(shown);
    // Nothing is known of the rules of a server that has never answered.
    let (class, state, icon) = match shown.at {
        Some(_) => (row.state.name(), row.state.label(), classes(Some(row.state)).1),
        None => ("none", "Unknown", "none"),
    };
    let stale = stale_slo(shown, zone);
    let title = if class == "ok" { row.name() } else { format!("● {state}: {}", row.name()) };
    let groups = detail.map(|detail| detail.groups.as_slice()).unwrap_or_default();
    SloPage {
        layout: Layout::new(site, "slos", title).with_icon(icon),
        stale,
        faults: row.faults.iter().chain(detail.iter().flat_map(|detail| &detail.gaps)).cloned().collect(),
        class,
        state,
        name: row.name(),
        description: slo.description().to_owned(),
        group: shown
            .group
            .iter()
            .flatten()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join(", "),
        labels: row.labels.iter().map(|(name, value)| format!("{name}: {value}")).collect(),
        objective: slo.objective().to_string(),
        period: slo.period().to_string(),
        kind: kind(slo),
        sli: percent(status.sli, 4),
        left: percent(status.budget_projected, 1),
        left_note: detail.and_then(bad_left).unwrap_or_default(),
        burns: burns(row),
        lasts: lasts(row),
        seen: percent(status.coverage, 1),
        ranges: ranges(slo, &shown.span, &here, &group),
        shown: format!("{} – {} {zone}", moment(shown.span.from, zone), moment(shown.span.to, zone)),
        is_live: shown.span.is_live,
        live: link(&here, &group, &[]),
        figures,
        incidents: episodes,
        deployments: Vec::new(),
        more_deployments: 0,
        groups: groups.iter().take(GROUPS).map(|one| group_line(one, &here, shown)).collect(),
        more_groups: groups.len().saturating_sub(GROUPS),
        alerts: detail.map(|detail| detail.alerts.iter().map(alert_line).collect()).unwrap_or_default(),
        numbers: number_lines(site, shown),
        rules: rule_lines(shown),
        asked: shown
            .detail
            .value
            .as_ref()
            .map(|(_, at)| *at)
            .or(shown.at)
            .map_or_else(|| "no time".to_owned(), |at| clock(at, zone)),
    }
}

fn deployment_line(deployment: &Deployment, zone: &str) -> DeploymentLine {
    DeploymentLine {
        at: moment(deployment.at, zone),
        version: slo_core::plain(&deployment.version).into_owned(),
        href: deployment.url.clone().unwrap_or_default(),
        who: deployment.who.clone().unwrap_or_default(),
    }
}

/// Times that overlap, as one.
fn merged(mut spans: Vec<(Timestamp, Timestamp)>) -> Vec<(Timestamp, Timestamp)> {
    spans.sort_unstable();
    let mut all: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (from, to) in spans {
        match all.last_mut() {
            Some((_, end)) if from <= *end => *end = (*end).max(to),
            _ => all.push((from, to)),
        }
    }
    all
}

/// A warning that numbers are old, or that the charts are missing.
fn stale_slo(shown: &Shown, zone: &str) -> String {
    let trouble = shown.detail.trouble.as_ref().or(shown.trouble.as_ref());
    match (trouble, &shown.detail.value, shown.at) {
        (None, _, _) => String::new(),
        (Some(trouble), None, Some(at)) => format!(
            "Prometheus does not answer: {}. The numbers are from {}, {} ago, and the charts are missing.",
            slo_core::plain(trouble),
            clock(at, zone),
            duration(now().millis_since(at) as f64 / 1_000.0)
        ),
        (Some(trouble), value, _) => {
            stale(&Kept { value: value.clone(), trouble: Some(trouble.clone()) }, zone)
        }
    }
}

fn kind(slo: &Slo) -> String {
    use slo_core::model::Sli;
    let kind = match slo.sli() {
        Sli::Events(_) => "good events, from two counters".to_owned(),
        Sli::Queries(_) => "good events, from two queries".to_owned(),
        Sli::Latency(latency) => {
            format!("events within {}, from {}", latency.threshold(), latency.histogram().metric())
        }
        Sli::Probe(probe) => format!("successful probes, from {}", probe.metric()),
        Sli::Gauge(gauge) => format!("values {}", gauge.good()),
        _ => "a share of good events, from a query".to_owned(),
    };
    match slo.slices() {
        Some(slices) => format!("good slices of {}, by {kind}", slices.length()),
        None => kind,
    }
}

/// `39 of 5 000 bad events left`, as of now.
fn bad_left(detail: &Detail) -> Option<String> {
    let allowed = detail.allowed?;
    let left = detail.status.budget_projected?;
    let whole = |events: f64| count(whole(events.abs()));
    let sign = if left < 0.0 { "−" } else { "" };
    Some(format!("{sign}{} of {} bad events left", whole(left * allowed), whole(allowed)))
}

/// An estimate as whole events.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is rounded, and in range")]
fn whole(events: f64) -> u64 {
    events.round().clamp(0.0, 9e15) as u64
}

/// The group, as pairs of the query of an address.
fn group_pairs(shown: &Shown) -> Vec<(String, String)> {
    let Some(group) = &shown.group else { return Vec::new() };
    let value = |label: &str| group.get(label).cloned().unwrap_or_default();
    shown.row.slo().by().iter().map(|label| (format!("group.{label}"), value(label.as_str()))).collect()
}

fn link(here: &str, pairs: &[(String, String)], more: &[(&str, &str)]) -> String {
    let all = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(more.iter().copied());
    format!("{here}{}", query(all))
}

/// Links to times up to now, and to the whole period.
fn ranges(slo: &Slo, span: &Span, here: &str, group: &[(String, String)]) -> Vec<Link> {
    let period = slo.period().length();
    let link = |window: Window| {
        let range = window.to_string();
        let is_whole = window == period;
        // A calendar period may have begun later.
        let is_current = span.millis() == window.as_millis() || is_whole && span.from == span.period_start;
        Link {
            href: link(here, group, &[("range", &range)]),
            is_current: span.is_live && is_current,
            name: if is_whole { format!("whole period ({})", slo.period()) } else { range },
        }
    };
    Span::choices(slo).into_iter().map(link).collect()
}

fn group_line(one: &GroupSpend, here: &str, shown: &Shown) -> GroupLine {
    // A label that the group does not have is empty.
    let value = |label: &str| one.group.get(label).cloned().unwrap_or_default();
    let by = shown.row.slo().by().iter();
    let pairs: Vec<(String, String)> =
        by.map(|label| (format!("group.{label}"), value(label.as_str()))).collect();
    GroupLine {
        name: if one.group.is_empty() { "(no labels)".to_owned() } else { one.name() },
        href: link(here, &pairs, &[]),
        is_current: shown.group.as_ref() == Some(&one.group),
        total: count(whole(one.total)),
        bad: count(whole(one.bad)),
        part: percent(Some(one.part), 1),
        left: percent(one.left, 1),
    }
}

fn alert_line(one: &AlertState) -> AlertLine {
    let since = one.since.map(|since| duration(now().millis_since(since) as f64 / 1_000.0));
    let over = |window: Option<Window>, rate: Option<f64>| {
        window.map(|window| format!("{} over {window}", burn_rate(rate))).unwrap_or_default()
    };
    let pages =
        one.tier.map_or(one.severity == "page", |tier| tier.severity() == slo_core::model::Severity::Page);
    AlertLine {
        class: match (one.state.as_str(), pages) {
            ("firing", true) => "firing",
            ("firing", false) => "ticket",
            ("pending", _) => "pending",
            _ => "none",
        },
        state: one.state.clone(),
        alert: one.alert.clone(),
        severity: one.severity.clone(),
        threshold: one
            .tier
            .and_then(|tier| tier.factor().ok())
            .map(|factor| format!("{factor}×"))
            .unwrap_or_default(),
        long: over(one.tier.map(|tier| tier.long()), one.long),
        short: over(one.tier.map(|tier| tier.short()), one.short),
        since: since.unwrap_or_default(),
    }
}

fn number_lines(site: &Site, shown: &Shown) -> Vec<NumberLine> {
    let range = duration_for_prometheus(shown.span.from, shown.span.to);
    let line = |(name, text): (String, String)| {
        let pairs = [("g0.expr", text.as_str()), ("g0.tab", "0"), ("g0.range_input", range.as_str())];
        let href = site.link.as_ref().map(|base| format!("{base}/graph{}", query(pairs)));
        NumberLine { name, href: href.unwrap_or_default(), query: text }
    };
    numbers(&shown.row, &shown.plan).into_iter().map(line).collect()
}

/// A length of time as Prometheus reads it.
fn duration_for_prometheus(from: Timestamp, to: Timestamp) -> String {
    format!("{}m", to.millis_since(from).div_ceil(60_000).max(1))
}

fn rule_lines(shown: &Shown) -> Vec<RuleLine> {
    let only = shown.row.service.only(shown.row.slo());
    let options = Options { now: Some(now()), ..Options::default() };
    let groups = rules::generate_with(&only, options).unwrap_or_default();
    let of_group = |group: rules::RuleGroup| {
        let name = format!("{} ({})", group.name, group.interval);
        group.rules.into_iter().map(move |rule: Rule| RuleLine {
            group: name.clone(),
            name: rule.name().into_owned(),
            query: rule.expr().to_string(),
        })
    };
    groups.into_iter().flat_map(of_group).collect()
}
