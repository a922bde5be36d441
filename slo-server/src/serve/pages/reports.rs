//! The pages of reports.

use super::{
    super::{auth::Viewer, refused::Refused, site::Site},
    layout::{Layout, PageRefused, html, query, stale},
};
use crate::{clock::now, observe::Kept};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use slo_core::{
    artifact::{Report, ReportSpan, local_time},
    model::{CalendarUnit, Window},
    plain,
};
use std::sync::Arc;

/// How many months are listed.
const MONTHS: usize = 13;
/// How many SLOs a report on all services may have.
const MOST: usize = 200;

#[derive(Template)]
#[template(path = "reports.html")]
struct ReportsPage {
    layout: Layout,
    months: Vec<(String, String)>,
    quarters: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage {
    layout: Layout,
    name: String,
    service: String,
    services: Vec<String>,
    /// HTML.
    body: String,
    trouble: String,
    /// Why the report is old.
    stale: String,
    is_waiting: bool,
}

/// A report that was asked for.
pub(in super::super) struct Asked {
    pub(in super::super) kept: Kept<Report>,
    service: Option<String>,
}

/// The report on a month or a quarter, such as `2026-10` or `2026-Q3`, of one service or of all.
pub(in super::super) async fn asked_report(
    site: &Site,
    name: &str,
    pairs: &[(String, String)],
) -> Result<Asked, Refused> {
    let reports = site.reports.as_ref().ok_or_else(|| {
        Refused::missing(
            "the configuration has no `prometheus` or no `specs`, so there are no reports".to_owned(),
        )
    })?;
    let service = pairs.iter().find(|(name, _)| name == "service").map(|(_, value)| value.clone());
    let service = service.filter(|service| !service.is_empty());
    if let Some(service) = &service
        && !site.services.iter().any(|one| one.name().as_str() == service)
    {
        return Err(Refused::missing(format!("there is no service {}", plain(service))));
    }
    let all: usize = site.services.iter().map(|service| service.slos().len()).sum();
    if service.is_none() && all > MOST {
        let told = format!("a report on all {all} SLOs would take long; choose a service");
        return Err(Refused::bad(told));
    }
    let unit = if name.contains('Q') { CalendarUnit::Quarter } else { CalendarUnit::Month };
    let span = ReportSpan::named(unit, name, &site.zone, now()).map_err(|error| {
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        Refused::missing(format!("{error}{hint}"))
    })?;
    let kept = reports.get(span, &site.zone, service.as_deref()).await;
    Ok(Asked { kept, service })
}

/// `GET /reports`
pub(in super::super) async fn reports(
    viewer: Result<Viewer, Refused>,
    State(site): State<Arc<Site>>,
) -> Result<Response, PageRefused> {
    viewer.map_err(PageRefused::of(&site))?;
    site.observer().map_err(PageRefused::of(&site))?;
    let (mut months, mut quarters) = (Vec::new(), Vec::new());
    let mut time = now();
    for _ in 0..MONTHS {
        let month = local_time(time, &site.zone, "%Y-%m");
        let number: usize = local_time(time, &site.zone, "%m").parse().unwrap_or(1);
        let quarter = format!("{}-Q{}", local_time(time, &site.zone, "%Y"), number.div_ceil(3));
        // A few days before the first of the month are in the one before.
        let day: u64 = local_time(time, &site.zone, "%-d").parse().unwrap_or(15);
        time = time.before(Window::days(day + 5));
        for (name, all) in [(month, &mut months), (quarter, &mut quarters)] {
            let link = (name.clone(), format!("{}/reports/{name}", site.base));
            if all.last() != Some(&link) {
                all.push(link);
            }
        }
    }
    Ok(html(&ReportsPage { layout: Layout::new(&site, "reports", "Reports"), months, quarters }))
}

/// `GET /reports/{name}`
pub(in super::super) async fn report(
    viewer: Result<Viewer, Refused>,
    State(site): State<Arc<Site>>,
    Path(name): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, PageRefused> {
    viewer.map_err(PageRefused::of(&site))?;
    let Asked { kept, service } = asked_report(&site, &name, &pairs).await.map_err(PageRefused::of(&site))?;
    let is_waiting = kept.value.is_none();
    let trouble = kept.trouble.as_deref().map(|trouble| plain(trouble).into_owned()).unwrap_or_default();
    let stale = if is_waiting { String::new() } else { stale(&kept, &site.zone) };
    let services = site.services.iter().map(|one| one.name().to_string()).collect();
    let page = ReportPage {
        layout: Layout::new(&site, "reports", format!("Report {}", plain(&name))),
        name: plain(&name).into_owned(),
        service: service.unwrap_or_default(),
        services,
        body: kept.value.map(|(report, _)| report.to_html_body()).unwrap_or_default(),
        trouble,
        stale,
        is_waiting,
    };
    Ok(html(&page))
}

/// The address of a page with a query, for templates.
impl ReportPage {
    fn json(&self) -> String {
        let pairs = [("service", self.service.as_str())].into_iter().filter(|(_, value)| !value.is_empty());
        format!("{}/api/v1/reports/{}{}", self.layout.base, self.name, query(pairs))
    }
}
