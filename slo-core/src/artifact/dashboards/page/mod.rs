//! The page of one SLO.

mod alerts;
mod curves;
mod numbers;

use super::{
    dashboard::{About, BROWSER, Dashboard, INCIDENT, OVERVIEW, datasource, finish, label_variable, uid},
    links::{link, link_to, path_to},
    panel::Layout,
    queries::{last, matcher, select},
};
#[cfg(feature = "calendar")]
use crate::model::CalendarUnit;
use crate::{
    Error,
    model::{LabelName, MatchOp, Matcher, Period, Service, Severity, Slo},
    promql::Expr,
    rules::{Plan, Series, Span},
};

/// An SLO, and the parts of its queries.
struct Page<'a> {
    service: &'a Service,
    slo: &'a Slo,
    plan: Plan,
    /// The matchers of its series.
    own: Vec<Matcher>,
    /// The same with those of the groups that are shown.
    shown: Vec<Matcher>,
    /// The name that legends give a curve: that of its group.
    group: String,
    /// The link of the panels.
    overview: String,
}

pub(super) fn dashboard(service: &Service, slo: &Slo) -> Result<Dashboard, Error> {
    let own = vec![
        matcher("service", MatchOp::Equal, service.name().as_str()),
        matcher("slo", MatchOp::Equal, slo.name().as_str()),
    ];
    let groups = slo.by().iter().map(|label| {
        let value = format!("${}", variable(label));
        Matcher { label: label.clone(), op: MatchOp::Regex, value }
    });
    let legend: Vec<String> = slo.by().iter().map(|label| format!("{{{{{label}}}}}")).collect();
    let page = Page {
        service,
        slo,
        plan: Plan::of(service, slo)?,
        shown: own.iter().cloned().chain(groups).collect(),
        own,
        group: legend.join(" "),
        overview: path_to(OVERVIEW),
    };
    let mut layout = Layout::default();
    layout.row("Now");
    page.numbers(&mut layout);
    layout.row("Budget");
    layout.add(12, 9, page.burn_down());
    layout.add(12, 9, page.burn_rates()?);
    layout.row("Events");
    layout.add(12, 8, page.bad_share());
    layout.add(12, 8, page.events());
    layout.add(12, 8, page.traffic()?);
    layout.add(12, 8, page.coverage());
    layout.row("Alerts");
    layout.add(12, 8, page.alert_table());
    layout.add(12, 8, page.alerts());
    let mut variables = vec![datasource()];
    for label in slo.by() {
        let query = format!("label_values({}, {label})", select(Series::BudgetProjected, &page.own));
        variables.push(label_variable(&variable(label), label.as_str(), &query));
    }
    let mut links = vec![link("Overview", OVERVIEW), link("Incident", INCIDENT)];
    for severity in [Severity::Page, Severity::Ticket] {
        if let Some(runbook) = &slo.notification(severity).runbook {
            links.push(link_to(&format!("Runbook ({severity})"), runbook));
        }
    }
    let about = About {
        uid: uid(service, slo),
        file: format!("{}-{}.json", service.name(), slo.name()),
        title: format!("SLO {}/{}", service.name(), slo.name()),
        words: format!("{} {} over {}.", slo.description(), slo.objective(), slo.period()).trim().to_owned(),
        from: begins(slo),
        refresh: "1m",
        zone: zone(slo),
        variables,
        annotations: page.annotations(),
        links,
    };
    Ok(finish(about, layout))
}

impl Page<'_> {
    /// A recorded series of the SLO.
    fn series(&self, series: Series) -> Expr {
        last(series, &self.shown)
    }

    /// A constant of the SLO, which has no groups.
    fn constant(&self, series: Series) -> Expr {
        last(series, &self.own)
    }

    fn legend(&self, name: &str) -> String {
        format!("{} {name}", self.group).trim().to_owned()
    }

    fn period(&self) -> Span {
        self.slo.period().into()
    }

    /// The unit that the SLO counts.
    fn unit(&self) -> &'static str {
        if self.slo.slices().is_some() { "slices" } else { "events" }
    }
}

/// The variable of a group's label; a label `datasource` is renamed, because the data source has that
/// variable.
fn variable(label: &LabelName) -> String {
    if label.as_str() == "datasource" { "group_datasource".to_owned() } else { label.to_string() }
}

/// The start of a page's time range: a week ago, or the start of the current calendar period. If Grafana
/// cannot express that start, it is the length of a period ago.
fn begins(slo: &Slo) -> String {
    match slo.period() {
        Period::Rolling(_) => "now-7d".to_owned(),
        #[cfg(feature = "calendar")]
        Period::Calendar(calendar) if !calendar.is_usual() => format!("now-{}", calendar.nominal()),
        #[cfg(feature = "calendar")]
        Period::Calendar(calendar) => {
            let unit = match calendar.unit() {
                CalendarUnit::Day => "d",
                CalendarUnit::Week => "w",
                CalendarUnit::Month => "M",
                CalendarUnit::Quarter => "fQ",
                CalendarUnit::Year => "y",
            };
            format!("now/{unit}")
        }
    }
}

/// The time zone of a page: that of the calendar, if the SLO has one.
fn zone(slo: &Slo) -> &str {
    match slo.period() {
        Period::Rolling(_) => BROWSER,
        #[cfg(feature = "calendar")]
        Period::Calendar(calendar) => calendar.zone(),
    }
}
