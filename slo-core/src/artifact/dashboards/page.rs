//! One SLO.

use super::super::capital;
use super::{
    About, BROWSER, Dashboard, INCIDENT, OVERVIEW, datasource, finish, label_variable, link, link_to,
    overview::{decimal, length},
    panel::{BLUE, GREEN, Layout, ORANGE, Panel, RED},
    since, uid,
};
#[cfg(feature = "calendar")]
use crate::model::CalendarUnit;
use crate::{
    Error,
    model::{LabelName, Period, Service, Severity, Sli, Slo, Tier, Window},
    rules::{Plan, names},
    stats::events_to_stay_silent,
};
use serde_json::{Value, json};

/// An SLO, and what its queries are made of.
struct Page<'a> {
    service: &'a Service,
    slo: &'a Slo,
    plan: Plan,
    /// The matchers of its series, with those of the groups that are shown.
    shown: String,
    /// The name that legends give a curve: that of its group.
    group: String,
    /// Where the panels lead.
    overview: String,
}

pub(super) fn dashboard(service: &Service, slo: &Slo) -> Result<Dashboard, Error> {
    let groups: Vec<String> =
        slo.by().iter().map(|label| format!(",{label}=~\"${}\"", variable(label))).collect();
    let groups = groups.concat();
    let legend: Vec<String> = slo.by().iter().map(|label| format!("{{{{{label}}}}}")).collect();
    let page = Page {
        service,
        slo,
        plan: Plan::of(service, slo)?,
        shown: format!("service=\"{}\",slo=\"{}\"{groups}", service.name(), slo.name()),
        group: legend.join(" "),
        overview: format!("/d/{OVERVIEW}?${{__url_time_range}}&var-datasource=${{datasource}}"),
    };
    let mut layout = Layout::default();
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
        let query = format!(
            "label_values({}{{service=\"{}\",slo=\"{}\"}}, {label})",
            names::BUDGET_PROJECTED,
            service.name(),
            slo.name()
        );
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
    fn series(&self, name: &str) -> String {
        format!("{name}{{{}}}", self.shown)
    }

    /// A constant of the SLO, which knows no groups.
    fn constant(&self, name: &str) -> String {
        format!("{name}{{service=\"{}\",slo=\"{}\"}}", self.service.name(), self.slo.name())
    }

    fn legend(&self, name: &str) -> String {
        format!("{} {name}", self.group).trim().to_owned()
    }

    fn period(&self) -> String {
        names::period(self.slo.period())
    }

    fn seconds(&self) -> String {
        decimal(self.slo.period().length().as_seconds())
    }

    /// What the SLO counts.
    fn unit(&self) -> &'static str {
        if self.slo.slices().is_some() { "slices" } else { "events" }
    }

    fn numbers(&self, layout: &mut Layout) {
        let slo = self.slo;
        let long = slo.policy().tiers().first().map_or(slo.period().length(), Tier::long);
        let stat = |title: &str, words: &str, unit: &str| {
            Panel::stat(title, words, unit).linked("Overview", &self.overview)
        };
        layout.add(
            4,
            4,
            stat(
                "Objective",
                &format!("What is promised over {}: this share of good events.", slo.period()),
                "percentunit",
            )
            .now(&self.constant(names::OBJECTIVE))
            .with("decimals", json!(3))
            .thresholds(BLUE, &[]),
        );
        layout.add(
            4,
            4,
            stat(
                "SLI",
                &format!("The share of good events in {}; of several groups, the worst.", slo.period()),
                "percentunit",
            )
            .now(&format!("1 - max({})", self.series(&names::error_ratio(self.period()))))
            .with("decimals", json!(4))
            .thresholds(RED, &[(slo.objective().ratio().to_f64(), GREEN)]),
        );
        layout.add(
            4,
            4,
            stat(
                "Error budget left",
                "What is left of the period's budget, with the part that was not seen taken as clean; of several groups, the \
                 least.",
                "percentunit",
            )
            .now(&format!("min({})", self.series(names::BUDGET_PROJECTED)))
            .with("decimals", json!(1))
            .thresholds(RED, &[(0.0, ORANGE), (0.25, GREEN)]),
        );
        layout.add(4, 4, self.events_left());
        layout.add(
            4,
            4,
            stat(
                "Budget lasts",
                &format!("At the burn rate of the last {long}; no value where nothing is burning."),
                "dtdurations",
            )
            .now(&format!(
                "min(clamp_min({}, 0) * {} / ({} > 0))",
                self.series(names::BUDGET_PROJECTED),
                length(self.slo),
                self.series(&names::burn_rate(long))
            ))
            .with("noValue", json!("nothing burns"))
            .thresholds(RED, &[(86_400.0, ORANGE), (604_800.0, GREEN)]),
        );
        layout.add(
            4,
            4,
            stat(
                "Seen",
                "The share of the period that was recorded. Until it is near 100 %, the SLI is of a part.",
                "percentunit",
            )
            .now(&format!("min({})", self.series(&names::coverage(self.period()))))
            .thresholds(BLUE, &[(0.9, GREEN)]),
        );
    }

    /// How many more events may be bad; of a calendar's period, whose events nobody adds up, when it ends.
    fn events_left(&self) -> Panel {
        match self.slo.period() {
            Period::Rolling(period) => self.bad_left(*period),
            #[cfg(feature = "calendar")]
            Period::Calendar(_) => {
                Panel::stat("Period ends in", "Then the budget is whole again.", "dtdurations")
                    .now(&format!("{} - time()", self.constant(names::PERIOD_END)))
                    .thresholds(BLUE, &[])
                    .linked("Overview", &self.overview)
            }
        }
    }

    fn bad_left(&self, period: Window) -> Panel {
        let (slo, unit) = (self.slo, self.unit());
        let labels: Vec<&str> =
            ["service", "slo"].into_iter().chain(slo.by().iter().map(LabelName::as_str)).collect();
        Panel::stat(
            &format!("Bad {unit} left"),
            &format!(
                "How many more {unit} may be bad before the objective is missed, of those seen in the period; negative where it \
                 is. Of all groups that are shown together."
            ),
            "short",
        )
        .now(&format!(
            "sum(sum_over_time({total}{{{shown}}}[{period}]) * {budget} * on ({labels}) group_left {left}{{{shown}}})",
            total = names::total_tile(self.plan.tile_of(period)),
            shown = self.shown,
            budget = decimal(slo.objective().budget()),
            labels = labels.join(", "),
            left = names::BUDGET_REMAINING,
        ))
        .thresholds(RED, &[(0.0, GREEN)])
        .linked("Overview", &self.overview)
    }

    fn burn_down(&self) -> Panel {
        let even = match self.slo.period() {
            Period::Rolling(_) => {
                format!("clamp_min(vector(1 - (time() - ${{__from}} / 1000) / {}), 0)", self.seconds())
            }
            #[cfg(feature = "calendar")]
            Period::Calendar(_) => format!(
                "1 - (time() - {start}) / ({end} - {start})",
                start = self.constant(names::PERIOD_START),
                end = self.constant(names::PERIOD_END)
            ),
        };
        Panel::time_series(
            "Error budget left",
            "The dashed line is a budget that is spent evenly, over the period from the beginning of what is shown, or over the \
             period of the calendar. Below it, the budget is spent faster than that.",
            "percentunit",
        )
        .over_time(&self.series(names::BUDGET_PROJECTED), &self.legend("left"))
        .over_time(&even, "spent evenly")
        .of_field(
            "spent evenly",
            &[
                ("custom.lineStyle", json!({"fill": "dash", "dash": [8, 8]})),
                ("color", json!({"mode": "fixed", "fixedColor": "gray"})),
            ],
        )
        .with("max", json!(1))
        .thresholds("transparent", &[(0.0, RED)])
        .with_lines()
        .linked("Overview", &self.overview)
    }

    fn burn_rates(&self) -> Result<Panel, Error> {
        let mut panel = Panel::time_series(
            "Burn rate",
            "How many times faster than allowed the budget is spent, over each window of the alerts; the dashed lines are where \
             they fire. At 1, the budget lasts exactly the period.",
            "none",
        );
        for window in self.slo.policy().windows() {
            panel =
                panel.over_time(&self.series(&names::burn_rate(window)), &self.legend(&window.to_string()));
        }
        let mut steps = Vec::new();
        for tier in self.slo.policy().tiers() {
            let color = if tier.severity() == Severity::Page { RED } else { ORANGE };
            steps.push((tier.factor()?.to_f64(), color));
        }
        steps.sort_by(|one, other| one.0.total_cmp(&other.0));
        Ok(panel
            .custom("scaleDistribution", json!({"type": "symlog", "log": 10, "linearThreshold": 1}))
            .with("min", json!(0))
            .thresholds("transparent", &steps)
            .with_lines()
            .linked("Overview", &self.overview))
    }

    fn shortest(&self) -> Window {
        self.slo.policy().windows().first().copied().unwrap_or(self.plan.fine())
    }

    fn bad_share(&self) -> Panel {
        let window = self.shortest();
        let (title, words) = match (self.slo.slices(), self.slo.sli()) {
            (Some(slices), _) => (
                "Bad slices".to_owned(),
                format!("The share of slices of {} that were bad in the last {window}", slices.length()),
            ),
            (None, Sli::Latency(latency)) => (
                format!("Slower than {}", latency.threshold()),
                format!(
                    "The share of events that took longer than {} in the last {window}",
                    latency.threshold()
                ),
            ),
            (None, _) => ("Bad events".to_owned(), format!("The share of bad events in the last {window}")),
        };
        Panel::time_series(
            &title,
            &format!("{words}. The dashed line is the share that the objective allows."),
            "percentunit",
        )
        .over_time(&self.series(&names::error_ratio(window)), &self.legend("bad"))
        .with("min", json!(0))
        .thresholds("transparent", &[(self.slo.objective().budget().to_f64(), RED)])
        .with_lines()
        .linked("Overview", &self.overview)
    }

    /// Events per second, from tiles.
    fn per_second(&self, tile: &str, fine: Window) -> String {
        format!("{} / {}", self.series(tile), decimal(fine.as_seconds()))
    }

    fn events(&self) -> Panel {
        let fine = self.plan.fine();
        let (total, bad) = (names::total_tile(fine), names::bad_tile(fine));
        let good =
            format!("({} - {}) / {}", self.series(&total), self.series(&bad), decimal(fine.as_seconds()));
        let unit = self.unit();
        Panel::time_series(
            &format!("Good and bad {unit}"),
            &format!("{} per second, as the SLI counts them.", capital(unit)),
            "cps",
        )
        .over_time(&good, &self.legend("good"))
        .over_time(&self.per_second(&bad, fine), &self.legend("bad"))
        .custom("stacking", json!({"mode": "normal", "group": "A"}))
        .custom("fillOpacity", json!(40))
        .with("min", json!(0))
        .of_field("good", &[("color", json!({"mode": "fixed", "fixedColor": GREEN}))])
        .of_field("bad", &[("color", json!({"mode": "fixed", "fixedColor": RED}))])
        .linked("Overview", &self.overview)
    }

    fn traffic(&self) -> Result<Panel, Error> {
        let fine = self.plan.fine();
        // Below so many events in the long window, a single bad one fires the alert.
        let quiet = match self.slo.policy().tiers().first() {
            Some(fast) if fast.fewest_bad() == 0 => {
                Some((events_to_stay_silent(fast.threshold(self.slo.objective())?, 1)?, fast.long()))
            }
            _ => None,
        };
        let unit = self.unit();
        let (words, steps) = match quiet {
            Some((events, long)) => (
                format!(
                    "{} per second. Below the dashed line, of {events} {unit} in {long}, a single bad one is above the \
                     threshold of the fastest alert: `low_traffic: guard` makes it wait for more.",
                    capital(unit)
                ),
                vec![(events as f64 / long.as_seconds().to_f64(), ORANGE)],
            ),
            None => (
                format!(
                    "{} per second. The alerts are guarded: they wait for as many bad ones as mean something.",
                    capital(unit)
                ),
                vec![],
            ),
        };
        Ok(Panel::time_series("Traffic", &words, "cps")
            .over_time(&self.per_second(&names::total_tile(fine), fine), &self.legend(unit))
            .with("min", json!(0))
            .thresholds("transparent", &steps)
            .with_lines()
            .linked("Overview", &self.overview))
    }

    fn coverage(&self) -> Panel {
        Panel::time_series(
            "Seen",
            "The share of the period that was recorded. Where it falls, events went uncounted: nothing was scraped, or the rules \
             were not evaluated.",
            "percentunit",
        )
        .over_time(&self.series(&names::coverage(self.period())), &self.legend("seen"))
        .with("min", json!(0))
        .with("max", json!(1))
        .linked("Overview", &self.overview)
    }

    fn firing(&self) -> String {
        format!("ALERTS{{alertstate=\"firing\",{}}}", self.shown)
    }

    fn alert_table(&self) -> Panel {
        let groups: Vec<&str> = self.slo.by().iter().map(LabelName::as_str).collect();
        let labels =
            ["alertname", "burn_tier", "severity"].into_iter().chain(groups).collect::<Vec<_>>().join(", ");
        Panel::table("What fires", "Each alert of this SLO, and how long it has been active.", "dtdurations")
            .rows(&format!("time() - max by ({labels}) ({})", since(&self.shown)))
            .transformed("merge", &json!({}))
            .transformed(
                "organize",
                &json!({
                    "excludeByName": {"Time": true},
                    "renameByName": {"alertname": "Alert", "burn_tier": "Tier", "severity": "Severity", "Value": "Active for", "Value #A": "Active for"},
                }),
            )
            .with("noValue", json!("nothing"))
            .linked("Incident", &format!("/d/{INCIDENT}?${{__url_time_range}}&var-datasource=${{datasource}}"))
    }

    fn alerts(&self) -> Panel {
        Panel::state_timeline("When alerts fired", "By tier; pages and tickets.", "short")
            .over_time(
                &format!("max by (burn_tier, severity) ({})", self.firing()),
                "{{burn_tier}} ({{severity}})",
            )
            .with(
                "mappings",
                json!([{"type": "value", "options": {"1": {"text": "firing", "color": RED, "index": 0}}}]),
            )
            .linked(
                "Incident",
                &format!("/d/{INCIDENT}?${{__url_time_range}}&var-datasource=${{datasource}}"),
            )
    }

    /// Marks for alerts, and for deploys that somebody tells Grafana of, with the tags `deploy` and the service's name.
    fn annotations(&self) -> Vec<Value> {
        vec![
            json!({
                "name": "Alerts",
                "enable": true,
                "hide": false,
                "iconColor": RED,
                "datasource": {"type": "prometheus", "uid": "${datasource}"},
                "expr": self.firing(),
                "titleFormat": "{{alertname}} {{burn_tier}}",
                "textFormat": "{{severity}}",
            }),
            json!({
                "name": "Deploys",
                "enable": true,
                "hide": false,
                "iconColor": BLUE,
                "datasource": {"type": "grafana", "uid": "-- Grafana --"},
                "target": {"type": "tags", "tags": ["deploy", self.service.name().as_str()], "matchAny": false, "limit": 100},
            }),
        ]
    }
}

/// The variable of a group's label; that of the data source has a name of its own.
fn variable(label: &LabelName) -> String {
    if label.as_str() == "datasource" { "group_datasource".to_owned() } else { label.to_string() }
}

/// From when a page shows: a week, or the present period of a calendar; its length, where periods begin on days that
/// Grafana knows nothing of.
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

/// The time zone of a page: a calendar's days are those of its own.
fn zone(slo: &Slo) -> &str {
    match slo.period() {
        Period::Rolling(_) => BROWSER,
        #[cfg(feature = "calendar")]
        Period::Calendar(calendar) => calendar.zone(),
    }
}
