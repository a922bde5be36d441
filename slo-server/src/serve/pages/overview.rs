//! The page of all SLOs.

use super::{
    super::{auth::Viewer, refused::Refused, site::Site},
    incidents::{OpenIncident, open_incidents},
    layout::{Layout, PageRefused, clock, html, query, stale},
};
use askama::Template;
use axum::{
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use slo_core::{
    artifact::sparkline,
    page::{burn_rate, duration, percent},
};
use slo_ops::watch::{Filter, Headline, Row, SloState, Sort};
use std::{collections::BTreeSet, sync::Arc};

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    layout: Layout,
    stale: String,
    warnings: Vec<String>,
    headline: Headline,
    headline_class: &'static str,
    incidents: Vec<OpenIncident>,
    filter: Filter,
    services: Vec<String>,
    teams: Vec<String>,
    labels: Vec<String>,
    states: Vec<(SloState, usize)>,
    heads: Vec<Head>,
    rows: Vec<Line>,
    /// All SLOs, also those that are not shown.
    all: usize,
    asked: String,
    known: Vec<(String, String)>,
}

/// The head of a column.
struct Head {
    name: &'static str,
    note: &'static str,
    class: &'static str,
    href: String,
    /// `ascending`, `descending` or `none`.
    order: &'static str,
}

/// A row, as text.
struct Line {
    class: &'static str,
    state: &'static str,
    href: String,
    name: String,
    description: String,
    fault: String,
    group: String,
    groups: usize,
    sli: String,
    objective: String,
    burns: Vec<Burn>,
    left: String,
    period: String,
    spark: String,
    lasts: String,
    firing: String,
}

/// A burn rate over a window.
pub(super) struct Burn {
    pub(super) window: String,
    pub(super) rate: String,
    pub(super) is_high: bool,
}

/// `GET /`
pub(in super::super) async fn overview(
    viewer: Result<Viewer, Refused>,
    State(site): State<Arc<Site>>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, PageRefused> {
    viewer.map_err(PageRefused::of(&site))?;
    if site.observer.is_none() && site.record.is_some() {
        return Ok(Redirect::temporary(&format!("{}/incidents", site.base)).into_response());
    }
    let kept = site.overview().await.map_err(PageRefused::of(&site))?;
    let filter = filter_of(&pairs).map_err(PageRefused::of(&site))?;
    let stale = stale(&kept, &site.zone);
    let incidents = open_incidents(&site).await;
    let unread = site.incidents().await.trouble;
    let Some((overview, at)) = kept.value else {
        return Ok(html(&unknown(&site, filter, stale, incidents)));
    };
    let rows = &overview.rows;
    let headline = Headline::of(rows);
    let (class, icon) = classes(headline.state);
    let title = if class == "ok" { "SLOs: ok".to_owned() } else { format!("● {}", headline.text) };
    let shown = filter.apply(rows);
    let page = OverviewPage {
        layout: Layout::new(&site, "slos", title).with_icon(icon),
        stale,
        warnings: overview
            .warnings
            .iter()
            .cloned()
            .chain(unread.map(|trouble| format!("the incidents cannot be read: {trouble}")))
            .map(|warning| slo_core::plain(&warning).into_owned())
            .collect(),
        headline_class: class,
        incidents,
        services: distinct(rows, |row| Some(row.service.name().to_string())),
        teams: distinct(rows, |row| row.team().map(str::to_owned)),
        labels: labels(rows),
        states: states(rows),
        heads: heads(&site.base, &filter),
        rows: shown.iter().map(|row| Line::of(&site.base, row)).collect(),
        all: rows.len(),
        asked: clock(at, &site.zone),
        known: Vec::new(),
        headline,
        filter,
    };
    Ok(html(&page))
}

/// The filter of an address.
pub(in super::super) fn filter_of(pairs: &[(String, String)]) -> Result<Filter, Refused> {
    Filter::of(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        .map_err(|error| Refused::of(&error))
}

/// The page while Prometheus has never answered: the SLOs are known, their numbers are not.
fn unknown(site: &Site, filter: Filter, stale: String, incidents: Vec<OpenIncident>) -> OverviewPage {
    let slos = site.services.iter().flat_map(|service| {
        service
            .slos()
            .iter()
            .map(move |slo| (format!("{}/{}", service.name(), slo.name()), slo.objective().to_string()))
    });
    let known: Vec<(String, String)> = slos.collect();
    OverviewPage {
        layout: Layout::new(site, "slos", "● Prometheus does not answer").with_icon("ticket"),
        stale,
        warnings: Vec::new(),
        headline: Headline::of(&[]),
        headline_class: "",
        incidents,
        filter,
        services: Vec::new(),
        teams: Vec::new(),
        labels: Vec::new(),
        states: Vec::new(),
        heads: Vec::new(),
        rows: Vec::new(),
        all: known.len(),
        asked: String::new(),
        known,
    }
}

/// The class of a headline, and the icon of the page.
pub(super) const fn classes(state: Option<SloState>) -> (&'static str, &'static str) {
    match state {
        Some(state @ (SloState::Page | SloState::Spent)) => (state.name(), "page"),
        Some(state @ SloState::Ticket) => (state.name(), "ticket"),
        Some(SloState::Ok) => ("ok", "ok"),
        _ => ("none", "none"),
    }
}

fn distinct(rows: &[Row], value: impl Fn(&Row) -> Option<String>) -> Vec<String> {
    rows.iter().filter_map(value).collect::<BTreeSet<_>>().into_iter().collect()
}

fn labels(rows: &[Row]) -> Vec<String> {
    let all = rows.iter().flat_map(|row| row.labels.iter()).map(|(name, value)| format!("{name}:{value}"));
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

fn states(rows: &[Row]) -> Vec<(SloState, usize)> {
    let count = |state: SloState| rows.iter().filter(|row| row.state == state).count();
    SloState::ALL.into_iter().map(|state| (state, count(state))).filter(|(_, count)| *count > 0).collect()
}

/// The columns. A click sorts by one, and another click turns the order round.
fn heads(base: &str, filter: &Filter) -> Vec<Head> {
    let head = |name, note, class, sort: Sort| {
        let is_sorted = filter.sort == sort;
        let mut next = filter.clone();
        next.sort = sort;
        next.is_reversed = is_sorted && !filter.is_reversed;
        let pairs = next.pairs();
        let pairs = query(pairs.iter().map(|(name, value)| (*name, value.as_str())));
        // The highest burn rate comes first, the least of everything else.
        let is_ascending = (sort == Sort::Burn) == filter.is_reversed;
        let order = match (is_sorted, is_ascending) {
            (false, _) => "none",
            (true, true) => "ascending",
            (true, false) => "descending",
        };
        Head { name, note, class, href: format!("{base}/{pairs}"), order }
    };
    vec![
        head("State", "", "at", Sort::Urgency),
        head("SLO", "", "name", Sort::Name),
        head("SLI", "so far", "n sli", Sort::Sli),
        head("Burn rate", "", "n burn", Sort::Burn),
        head("Budget left", "of the period", "n budget", Sort::Left),
        head("Lasts", "", "n lasts", Sort::Lasts),
    ]
}

impl Line {
    fn of(base: &str, row: &Row) -> Self {
        let (slo, status) = (row.slo(), &row.status);
        Self {
            class: row.state.name(),
            state: row.state.label(),
            href: format!("{base}/slos/{}/{}", row.service.name(), slo.name()),
            name: row.name(),
            description: slo.description().to_owned(),
            fault: row.faults.first().cloned().unwrap_or_default(),
            group: row.group(),
            groups: row.groups.len(),
            sli: percent(status.sli, 3),
            objective: slo.objective().to_string(),
            burns: burns(row),
            left: percent(status.budget_projected, 1),
            period: slo.period().to_string(),
            spark: if row.left.iter().flatten().count() > 1 { sparkline(&row.left) } else { String::new() },
            lasts: lasts(row),
            firing: row.firing(),
        }
    }
}

pub(super) fn burns(row: &Row) -> Vec<Burn> {
    let burn = |window| {
        let rate = row.status.burn_over(window);
        Burn {
            window: window.to_string(),
            rate: burn_rate(rate),
            is_high: rate.is_some_and(|rate| rate > 1.0),
        }
    };
    row.windows().into_iter().map(burn).collect()
}

/// How long the budget lasts, at the burn rate of the fastest alert.
pub(super) fn lasts(row: &Row) -> String {
    match (row.status.budget_projected, row.lasts()) {
        (None, _) => "–".to_owned(),
        // At an unknown burn rate, nobody knows.
        (Some(left), None) if left > 0.0 && row.burn_rate().is_none() => "–".to_owned(),
        (_, Some(seconds)) if seconds <= 0.0 => "gone".to_owned(),
        (_, Some(seconds)) => duration(seconds),
        (_, None) => format!("> {}", row.slo().period()),
    }
}
