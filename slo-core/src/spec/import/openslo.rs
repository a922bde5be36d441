//! Reads OpenSLO `v1alpha`, `v1` and `v2alpha`: SLOs, and the objects that they refer to.

use super::{
    everything::Everything,
    foreign::Foreign,
    format::Version,
    labels::labels,
    openslo_alerts,
    report::Report,
    values::{METADATA, is_true, percentage, reachable, share},
};
use crate::{
    Error,
    document::{Fields, Node, closest, items, parsed, text},
    model::{AlertPolicy, EmptySlice, Labels, Name, Objective, Period, Sli, Slo, TimeSlices, Window},
};

const KINDS: [&str; 7] =
    ["SLO", "SLI", "Service", "DataSource", "AlertPolicy", "AlertCondition", "AlertNotificationTarget"];

const ONE_NAME: &str = "objects have only one name here";

/// An SLO, or an object that SLOs refer to.
pub(super) fn object(
    version: Version,
    node: &Node,
    everything: &Everything<'_>,
    report: &mut Report,
) -> Vec<Foreign> {
    let known = ["apiVersion", "kind", "metadata", "spec"];
    let Some(fields) = Fields::of(node, "", &known, &mut report.faults) else { return Vec::new() };
    let kind = fields.required("kind", "SLO", &mut report.faults);
    let metadata = fields
        .required("metadata", "{name: availability}", &mut report.faults)
        .and_then(|node| Fields::of(node, "metadata", &METADATA, &mut report.faults));
    let name: Option<Name> =
        metadata.as_ref().and_then(|metadata| metadata.parsed("name", "availability", &mut report.faults));
    let spec = fields.required("spec", "{…}", &mut report.faults);
    let (Some(kind), Some(metadata), Some(spec)) = (kind, metadata, spec) else { return Vec::new() };
    let Some(kind_text) = text(kind, "kind", &mut report.faults) else { return Vec::new() };
    match kind_text {
        "SLO" => {
            let slo = Reader { version, everything, report };
            name.and_then(|name| slo.slo(&name, &metadata, spec)).into_iter().collect()
        }
        "Service" => {
            if let Some(fields) = Fields::of(spec, "spec", &["description"], &mut report.faults) {
                report.lose_field(
                    &fields,
                    "description",
                    "services have no description",
                    "describe its SLOs",
                );
            }
            report.lose_field(&metadata, "displayName", ONE_NAME, "put it into the description");
            let Some(name) = name else { return Vec::new() };
            let labels = labels(&metadata, "labels", report);
            vec![Foreign { position: node.position, name, labels, slos: Vec::new() }]
        }
        // They are checked where they are used.
        other if KINDS.contains(&other) => Vec::new(),
        other => {
            let hint = closest(other, &KINDS).map_or_else(
                || format!("use one of {}", KINDS.join(", ")),
                |known| format!("did you mean `{known}`?"),
            );
            let error = Error::new(format!("`{other}` is not a kind of OpenSLO object")).with_hint(hint);
            report.faults.add(kind.position, "kind", error);
            Vec::new()
        }
    }
}

/// Reads an SLO.
pub(super) struct Reader<'a, 'b> {
    pub(super) version: Version,
    pub(super) everything: &'a Everything<'a>,
    pub(super) report: &'b mut Report,
}

/// The budgeting methods of OpenSLO.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Budgeting {
    Occurrences,
    Timeslices,
    RatioTimeslices,
}

const DEFAULT_SLICE: Window = Window::minutes(1);

impl<'a> Reader<'a, '_> {
    fn slo(mut self, name: &Name, metadata: &Fields<'a>, spec: &'a Node) -> Option<Foreign> {
        let known: &[&str] = match self.version {
            Version::V1Alpha => {
                &["service", "description", "indicator", "timeWindows", "budgetingMethod", "objectives"]
            }
            Version::V1 => &[
                "service",
                "description",
                "indicator",
                "indicatorRef",
                "timeWindow",
                "budgetingMethod",
                "objectives",
                "alertPolicies",
            ],
            Version::V2Alpha => &[
                "serviceRef",
                "description",
                "sli",
                "sliRef",
                "timeWindow",
                "budgetingMethod",
                "objectives",
                "alertPolicies",
            ],
        };
        let fields = Fields::of(spec, "spec", known, &mut self.report.faults)?;
        let service = if self.version == Version::V2Alpha { "serviceRef" } else { "service" };
        let service: Option<Name> = fields.parsed(service, "checkout", &mut self.report.faults);
        let description = fields.text("description", &mut self.report.faults).unwrap_or_default();
        let labels = labels(metadata, "labels", self.report);
        self.report.lose_field(metadata, "displayName", ONE_NAME, "put it into the description");
        self.report.lose_field(
            metadata,
            "annotations",
            "they belong to the object, not to the SLO",
            "write them as labels",
        );
        let windows = if self.version == Version::V1Alpha { "timeWindows" } else { "timeWindow" };
        let period = fields
            .required(windows, "[{duration: 30d, isRolling: true}]", &mut self.report.faults)
            .and_then(|node| self.period(node, &fields.path(windows)));
        let budgeting = self.budgeting(&fields);
        let tiers = match (fields.optional("alertPolicies"), &period) {
            (Some(node), Some(period)) => openslo_alerts::policies(
                node,
                &fields.path("alertPolicies"),
                period.length(),
                self.everything,
                self.report,
            ),
            _ => openslo_alerts::Policies::default(),
        };
        let list = fields.required("objectives", "[{target: 0.999}]", &mut self.report.faults)?;
        let written = items(list, "spec.objectives", &mut self.report.faults);
        if written.is_empty() {
            let error = Error::new("no objective").with_hint("write `- target: 0.999`");
            self.report.faults.add(list.position, "spec.objectives", error);
        }
        // Sloth numbers the objectives of `v1alpha`, even a single one.
        let numbered =
            written.len() > 1 || (self.everything.defaults.sloth_names && self.version == Version::V1Alpha);
        let mut slos = Vec::new();
        for (index, (place, node)) in written.into_iter().enumerate() {
            let name = if numbered {
                let name = format!("{name}-{index}");
                self.report.told(node.position, &place, name.parse())?
            } else {
                name.clone()
            };
            let Some(slo) = self.objective(node, &place, &fields, name, period.as_ref(), budgeting, &tiers)
            else {
                continue;
            };
            let slo = slo.with_description(description.trim()).with_labels(labels.clone());
            slos.push((node.position, slo));
        }
        Some(Foreign { position: spec.position, name: service?, labels: Labels::new(), slos })
    }

    fn budgeting(&mut self, fields: &Fields<'a>) -> Option<Budgeting> {
        let node = fields.required("budgetingMethod", "Occurrences", &mut self.report.faults)?;
        let place = fields.path("budgetingMethod");
        match text(node, &place, &mut self.report.faults)? {
            "Occurrences" => Some(Budgeting::Occurrences),
            "Timeslices" => Some(Budgeting::Timeslices),
            "RatioTimeslices" => Some(Budgeting::RatioTimeslices),
            other => {
                let error = Error::new(format!("`{other}` is not a budgeting method"))
                    .with_hint("write `Occurrences`, `Timeslices` or `RatioTimeslices`");
                self.report.faults.add(node.position, &place, error);
                None
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "an objective is all of these")]
    fn objective(
        &mut self,
        node: &'a Node,
        place: &str,
        slo: &Fields<'a>,
        name: Name,
        period: Option<&Period>,
        budgeting: Option<Budgeting>,
        alerts: &openslo_alerts::Policies,
    ) -> Option<Slo> {
        let known = [
            "displayName",
            "op",
            "value",
            "target",
            "targetPercent",
            "timeSliceTarget",
            "timeSliceWindow",
            "ratioMetrics",
            "indicator",
            "indicatorRef",
            "sli",
            "sliRef",
            "compositeWeight",
        ];
        let fields = Fields::of(node, place, &known, &mut self.report.faults)?;
        if let Some(weight) = fields.optional("compositeWeight") {
            let error =
                Error::new("composite SLOs are not supported").with_hint("write each part as a separate SLO");
            self.report.faults.add(weight.position, &fields.path("compositeWeight"), error);
        }
        let objective = self.target(&fields);
        let sli = self.sli(slo, &fields);
        self.report.lose_field(&fields, "displayName", ONE_NAME, "put it into the description");
        if !matches!(sli, Some((Sli::Gauge(_), _))) {
            for name in ["op", "value"] {
                self.report.lose_field(&fields, name, "only threshold metrics have it", "remove it");
            }
        }
        if budgeting == Some(Budgeting::Occurrences) {
            for name in ["timeSliceTarget", "timeSliceWindow"] {
                self.report.lose_field(
                    &fields,
                    name,
                    "the method `Occurrences` has no time slices",
                    "remove it",
                );
            }
        }
        let slices = match budgeting? {
            Budgeting::Occurrences => None,
            method => Some(self.slices(&fields, method)?),
        };
        let (sli, by) = sli?;
        let (period, objective) = (period?, objective?);
        let policy = match alerts.tiers.as_slice() {
            [] => AlertPolicy::for_period(period.length()),
            tiers => AlertPolicy::new(tiers.to_vec()),
        };
        let policy = reachable(policy, objective, &fields, self.report)?;
        let slo = Slo::with_policy(name, objective, period.clone(), sli, policy);
        let slo = self.report.told(fields.position, place, slo)?;
        let mut slo = self.report.told(fields.position, place, slo.grouped_by(by))?;
        if let Some(slices) = slices {
            slo = self.report.told(fields.position, place, slo.judged_by(slices))?;
        }
        for (severity, notification) in alerts.notifications() {
            slo = slo.with_notification(severity, notification);
        }
        Some(slo.with_budget_alerts(alerts.budget.iter().copied()))
    }

    fn target(&mut self, fields: &Fields<'a>) -> Option<Objective> {
        match (fields.optional("target"), fields.optional("targetPercent")) {
            (Some(node), None) => share(node, &fields.path("target"), self.report),
            (None, Some(node)) => percentage(node, &fields.path("targetPercent"), self.report),
            _ => {
                let error = Error::new("exactly one target is needed").with_hint("write `target: 0.999`");
                self.report.faults.add(fields.position, &fields.place, error);
                None
            }
        }
    }

    fn slices(&mut self, fields: &Fields<'a>, method: Budgeting) -> Option<TimeSlices> {
        let length = if let Some(node) = fields.optional("timeSliceWindow") {
            let place = fields.path("timeSliceWindow");
            // A bare number is minutes.
            let written = text(node, &place, &mut self.report.faults)?;
            let minutes = if written.bytes().all(|byte| byte.is_ascii_digit()) { "m" } else { "" };
            self.report.told(node.position, &place, format!("{written}{minutes}").parse())?
        } else {
            let message = "the slice length is not set; 1m is assumed";
            self.report.assume(fields.position, &fields.place, message, "write `timeSliceWindow: 1m`");
            DEFAULT_SLICE
        };
        if method == Budgeting::RatioTimeslices {
            return Some(TimeSlices::of_ratios(length, EmptySlice::Skip));
        }
        let node = fields.required("timeSliceTarget", "0.95", &mut self.report.faults)?;
        let place = fields.path("timeSliceTarget");
        let target = parsed(node, &place, &mut self.report.faults)?;
        let slices = TimeSlices::new(length, target, EmptySlice::Skip);
        self.report.told(node.position, &place, slices)
    }

    fn period(&mut self, node: &'a Node, place: &str) -> Option<Period> {
        let written = items(node, place, &mut self.report.faults);
        let [(place, window)] = written.as_slice() else {
            let error = Error::new("exactly one time window is needed").with_hint("write one SLO per window");
            self.report.faults.add(node.position, place, error);
            return None;
        };
        let known = ["duration", "unit", "count", "isRolling", "calendar"];
        let fields = Fields::of(window, place, &known, &mut self.report.faults)?;
        let (count, unit) = self.length(&fields)?;
        let position = window.position;
        let known = UNITS.iter().find(|(names, ..)| names.contains(&unit.as_str()));
        let (Some((_, days, calendar)), Ok(number)) = (known, count.parse::<u64>()) else {
            let error =
                Error::new(format!("`{count}{unit}` is not a period")).with_hint("write `30d`, `4w` or `1M`");
            self.report.faults.add(position, place, error);
            return None;
        };
        let (days, calendar) = (*days, *calendar);
        // Without a calendar, a window rolls.
        let says_rolling = fields.optional("isRolling").is_some();
        let rolling = is_true(&fields, "isRolling", self.report);
        match fields.optional("calendar") {
            Some(node) if !rolling => self.calendar(node, &fields.path("calendar"), number, calendar),
            None if says_rolling && !rolling => {
                let error = Error::new("the calendar period has no `calendar`")
                    .with_hint("write `calendar: {startTime: 2026-01-01 00:00:00, timeZone: UTC}`");
                self.report.faults.add(position, place, error);
                None
            }
            _ => {
                if calendar.is_some_and(|unit| unit != "day" && unit != "week") {
                    let message = format!("a rolling {count}{unit} is {} days", number.saturating_mul(days));
                    self.report.assume(position, place, message, "write the number of days");
                }
                let length = number.checked_mul(days).map(|days| days.saturating_mul(86_400_000));
                let length =
                    length.ok_or_else(|| Error::new("the period is too long")).and_then(Window::from_millis);
                self.report.told(position, place, length).map(Period::Rolling)
            }
        }
    }

    /// The number and the unit of a time window.
    fn length(&mut self, fields: &Fields<'a>) -> Option<(String, String)> {
        if let Some(node) = fields.optional("duration") {
            let duration = text(node, &fields.path("duration"), &mut self.report.faults)?;
            let digits = duration.bytes().take_while(u8::is_ascii_digit).count();
            let (count, unit) = duration.split_at(digits);
            return Some((count.to_owned(), unit.to_owned()));
        }
        let [count, unit] = [("count", "30"), ("unit", "Day")].map(|(name, example)| {
            let node = fields.required(name, example, &mut self.report.faults)?;
            text(node, &fields.path(name), &mut self.report.faults).map(str::to_owned)
        });
        Some((count?, unit?))
    }

    #[cfg(feature = "calendar")]
    fn calendar(&mut self, node: &'a Node, place: &str, count: u64, unit: Option<&str>) -> Option<Period> {
        use crate::model::Calendar;
        let fields = Fields::of(node, place, &["startTime", "timeZone"], &mut self.report.faults)?;
        let unit = match (count, unit) {
            (1, Some(unit)) => unit,
            (3, Some("month")) => "quarter",
            _ => {
                let error = Error::new("a calendar period is one day, week, month, quarter or year")
                    .with_hint("write `1w`, `1M`, `1Q` or `1Y`");
                self.report.faults.add(node.position, place, error);
                return None;
            }
        };
        let zone = fields.required("timeZone", "Europe/Berlin", &mut self.report.faults)?;
        let zone = text(zone, &fields.path("timeZone"), &mut self.report.faults)?;
        let start = fields.required("startTime", "2026-01-01 00:00:00", &mut self.report.faults)?;
        let start_text = text(start, &fields.path("startTime"), &mut self.report.faults)?;
        let calendar = unit.parse().and_then(|unit| Calendar::new(unit, zone));
        let calendar = self.report.told(node.position, place, calendar)?;
        let anchored = calendar.anchored_at(start_text);
        self.report.told(start.position, &fields.path("startTime"), anchored).map(Period::Calendar)
    }

    #[cfg(not(feature = "calendar"))]
    fn calendar(&mut self, node: &'a Node, place: &str, _count: u64, _unit: Option<&str>) -> Option<Period> {
        let error = Error::new("this build does not support calendar periods")
            .with_hint("enable the feature `calendar`");
        self.report.faults.add(node.position, place, error);
        None
    }
}

/// Names of units, their length in days, and their calendar unit.
const UNITS: [(&[&str], u64, Option<&str>); 5] = [
    (&["d", "Day", "day"], 1, Some("day")),
    (&["w", "Week", "week"], 7, Some("week")),
    (&["M", "Month", "month"], 30, Some("month")),
    (&["Q", "Quarter", "quarter"], 90, Some("quarter")),
    (&["Y", "y", "Year", "year"], 365, Some("year")),
];
