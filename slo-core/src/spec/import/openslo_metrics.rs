//! Reads OpenSLO's indicators and their queries.

use super::{
    format::Version,
    openslo::Reader,
    values::{is_true, warn_of_levels},
};
use crate::{
    Error,
    document::{Fields, Node, closest, text},
    model::{Bound, EventCounters, Gauge, LabelName, Sli},
    spec::{
        counter::{self, Counter},
        query::{self, Kept},
    },
};

impl<'a> Reader<'a, '_> {
    /// The SLI of the objective, or that of the whole SLO.
    pub(super) fn sli(&mut self, slo: &Fields<'a>, objective: &Fields<'a>) -> Option<(Sli, Vec<LabelName>)> {
        if let Some(node) = objective.optional("ratioMetrics") {
            return self.ratio_metric(node, &objective.path("ratioMetrics"));
        }
        let [inline, reference] =
            if self.version == Version::V2Alpha { ["sli", "sliRef"] } else { ["indicator", "indicatorRef"] };
        for fields in [objective, slo] {
            if let Some(node) = fields.optional(inline) {
                return self.indicator(node, &fields.path(inline), objective);
            }
            if let Some(node) = fields.optional(reference) {
                let name = text(node, &fields.path(reference), &mut self.report.faults)?;
                let Some(object) = self.everything.objects.get(&("SLI", name)) else {
                    let known: Vec<&str> = self
                        .everything
                        .objects
                        .keys()
                        .filter(|(kind, _)| *kind == "SLI")
                        .map(|(_, name)| *name)
                        .collect();
                    let hint = match (closest(name, &known), known.is_empty()) {
                        (Some(known), _) => format!("did you mean `{known}`?"),
                        (None, true) => "also pass the file that defines the SLI".to_owned(),
                        (None, false) => format!("use one of {}", known.join(", ")),
                    };
                    let error = Error::new(format!("there is no SLI named `{name}`")).with_hint(hint);
                    self.report.faults.add(node.position, &fields.path(reference), error);
                    return None;
                };
                return self.indicator(object, &fields.path(reference), objective);
            }
        }
        let error = Error::new("no SLI").with_hint(format!("write `{inline}` or `{reference}`"));
        self.report.faults.add(slo.position, &slo.place, error);
        None
    }

    /// Reads an SLI, inline or from a separate object.
    fn indicator(
        &mut self,
        node: &'a Node,
        place: &str,
        objective: &Fields<'a>,
    ) -> Option<(Sli, Vec<LabelName>)> {
        let fields = if self.version == Version::V1Alpha {
            Fields::of(node, place, &["thresholdMetric", "ratioMetric"], &mut self.report.faults)?
        } else {
            let known = ["apiVersion", "kind", "metadata", "spec"];
            let outer = Fields::of(node, place, &known, &mut self.report.faults)?;
            let spec = outer.required("spec", "{ratioMetric: …}", &mut self.report.faults)?;
            let known = ["description", "thresholdMetric", "ratioMetric"];
            Fields::of(spec, &format!("{place}.spec"), &known, &mut self.report.faults)?
        };
        match (fields.optional("thresholdMetric"), fields.optional("ratioMetric")) {
            (Some(node), None) => {
                let gauge = self.threshold_metric(node, &fields.path("thresholdMetric"), objective)?;
                Some((Sli::Gauge(gauge), Vec::new()))
            }
            (None, Some(node)) => self.ratio_metric(node, &fields.path("ratioMetric")),
            _ => {
                let error = Error::new("exactly one metric is needed")
                    .with_hint("write one of `thresholdMetric` and `ratioMetric`");
                self.report.faults.add(fields.position, &fields.place, error);
                None
            }
        }
    }

    fn threshold_metric(&mut self, node: &'a Node, place: &str, objective: &Fields<'a>) -> Option<Gauge> {
        let (node, place, query) = self.query(node, place)?;
        let query = self.report.told(node.position, &place, query::instant(&query));
        let op = objective.required("op", "lte", &mut self.report.faults);
        let value = objective.required("value", "200", &mut self.report.faults);
        let (op, value) = (op?, value?);
        let sign = match text(op, &objective.path("op"), &mut self.report.faults)? {
            "lt" => "<",
            "lte" => "<=",
            "gt" => ">",
            "gte" => ">=",
            other => {
                let error = Error::new(format!("`{other}` is not a comparison"))
                    .with_hint("write `lt`, `lte`, `gt` or `gte`");
                self.report.faults.add(op.position, &objective.path("op"), error);
                return None;
            }
        };
        let number = text(value, &objective.path("value"), &mut self.report.faults)?;
        let bound: Result<Bound, Error> = format!("{sign} {number}").parse();
        let good = self.report.told(value.position, &objective.path("value"), bound)?;
        Gauge::new(query?, good).ok()
    }

    fn ratio_metric(&mut self, node: &'a Node, place: &str) -> Option<(Sli, Vec<LabelName>)> {
        let known = ["counter", "incremental", "good", "bad", "total", "rawType", "raw"];
        let fields = Fields::of(node, place, &known, &mut self.report.faults)?;
        if let Some(raw) = fields.optional("raw") {
            return self.raw(raw, &fields);
        }
        // A metric that does not say whether it is a counter is read as a counter.
        let says = ["counter", "incremental"].into_iter().find(|name| fields.optional(name).is_some());
        let cumulative = says.is_none_or(|name| is_true(&fields, name, self.report));
        let [total, good, bad] = ["total", "good", "bad"].map(|name| {
            let node = fields.optional(name)?;
            Some(self.stream(node, &fields.path(name), cumulative))
        });
        let groups: Vec<&Vec<LabelName>> =
            [&total, &good, &bad].into_iter().flatten().flatten().map(|(_, by)| by).collect();
        let by = groups.first().map(|by| (*by).clone()).unwrap_or_default();
        if groups.iter().any(|other| **other != by) {
            let error = Error::new("the queries keep different labels")
                .with_hint("write `sum by (…)` with the same labels in both, or in none");
            self.report.faults.add(fields.position, place, error);
            return None;
        }
        let counters = match (total, good, bad) {
            (Some(total), None, Some(bad)) => EventCounters::TotalBad { total: total?.0, bad: bad?.0 },
            (Some(total), Some(good), None) => EventCounters::TotalGood { total: total?.0, good: good?.0 },
            (None, Some(good), Some(bad)) => EventCounters::GoodBad { good: good?.0, bad: bad?.0 },
            _ => {
                let error = Error::new("a ratio needs two metrics")
                    .with_hint("write `total` and either `good` or `bad`");
                self.report.faults.add(fields.position, place, error);
                return None;
            }
        };
        let sli = match counters {
            EventCounters::TotalGood { total: Counter::Selector(total), good: Counter::Selector(good) } => {
                counter::total_good(total, good)
            }
            counters => self.report.told(fields.position, place, counter::events(counters, &by))?,
        };
        warn_of_levels(&sli, fields.position, place, self.report);
        Some((sli, by))
    }

    /// A stream of events, and the labels that its query keeps.
    fn stream(&mut self, node: &'a Node, place: &str, cumulative: bool) -> Option<(Counter, Vec<LabelName>)> {
        let (node, place, text) = self.query(node, place)?;
        let by = self.groups(&text, node, &place);
        let counter = counter::counter_or_rate(&text, cumulative, &by);
        Some((self.report.told(node.position, &place, counter)?, by))
    }

    fn raw(&mut self, node: &'a Node, fields: &Fields<'a>) -> Option<(Sli, Vec<LabelName>)> {
        let kind = fields.required("rawType", "success", &mut self.report.faults)?;
        let kind_text = text(kind, &fields.path("rawType"), &mut self.report.faults)?;
        let (node, place, query) = self.query(node, &fields.path("raw"))?;
        let bad = match kind_text {
            "success" => format!("1 - ({query})"),
            "failure" => query,
            other => {
                let error = Error::new(format!("`{other}` is not a `rawType`"))
                    .with_hint("write `success` or `failure`");
                self.report.faults.add(kind.position, &fields.path("rawType"), error);
                return None;
            }
        };
        let by = self.groups(&bad, node, &place);
        if let Some(sli) = counter::ratio_of_events(&bad, &by) {
            return Some((sli, by));
        }
        let ratio = self.report.told(node.position, &place, query::ratio(&bad))?;
        self.report.change(
            node.position,
            &place,
            "the number of events is not known: over long windows, the ratio is the mean of its tiles",
            "write the queries of good and of all events, if there are any",
        );
        Some((Sli::Ratio(ratio), by))
    }

    /// The labels that a query keeps: one budget per group. If they are not known, all series share one
    /// budget.
    fn groups(&mut self, text: &str, node: &Node, place: &str) -> Vec<LabelName> {
        let Some(kept) = query::kept(text) else { return Vec::new() };
        if kept == Kept::Unknown {
            self.report.change(
                node.position,
                place,
                "the query keeps the labels of its series, but all series share one budget",
                "write `sum by (…) (…)` for one budget per group",
            );
        }
        kept.names()
    }

    /// The text and the place of a metric's query; a query for another system is a fault.
    fn query(&mut self, node: &'a Node, place: &str) -> Option<(&'a Node, String, String)> {
        let (fields, kind, query_at) = match self.version {
            Version::V1Alpha => {
                let known = ["source", "queryType", "query", "metadata"];
                let fields = Fields::of(node, place, &known, &mut self.report.faults)?;
                let kind = fields.text("source", &mut self.report.faults).map(str::to_owned);
                (fields, kind, node)
            }
            Version::V1 => {
                let outer = Fields::of(node, place, &["metricSource"], &mut self.report.faults)?;
                let source =
                    outer.required("metricSource", "{type: Prometheus, …}", &mut self.report.faults)?;
                let known = ["metricSourceRef", "type", "spec"];
                let place = outer.path("metricSource");
                let fields = Fields::of(source, &place, &known, &mut self.report.faults)?;
                let kind = fields.text("type", &mut self.report.faults).map(str::to_owned);
                let kind = kind.or_else(|| self.source_kind(&fields, "metricSourceRef"));
                (fields, kind, source)
            }
            Version::V2Alpha => {
                let known = ["dataSourceRef", "dataSourceSpec", "spec"];
                let fields = Fields::of(node, place, &known, &mut self.report.faults)?;
                let inline = fields.optional("dataSourceSpec").and_then(|node| node.scalar("type"));
                let kind = inline.map(str::to_owned).or_else(|| self.source_kind(&fields, "dataSourceRef"));
                (fields, kind, node)
            }
        };
        if let Some(kind) = kind.filter(|kind| !kind.eq_ignore_ascii_case("prometheus")) {
            let error = Error::new(format!("queries for {kind} are not supported"))
                .with_hint("write the SLO with a Prometheus query; only these can become rules");
            self.report.faults.add(query_at.position, &fields.place, error);
            return None;
        }
        let fields = if self.version == Version::V1Alpha {
            fields
        } else {
            let spec = fields.required("spec", "{query: …}", &mut self.report.faults)?;
            Fields::of(spec, &fields.path("spec"), &["query", "queryType"], &mut self.report.faults)?
        };
        let query = fields.required("query", "sum(rate(…[{{.window}}]))", &mut self.report.faults)?;
        let place = fields.path("query");
        let text = text(query, &place, &mut self.report.faults)?;
        Some((query, place, text.to_owned()))
    }

    /// The type of the data source that a reference names.
    fn source_kind(&mut self, fields: &Fields<'a>, reference: &str) -> Option<String> {
        let node = fields.optional(reference)?;
        let name = text(node, &fields.path(reference), &mut self.report.faults)?;
        let source = self.everything.objects.get(&("DataSource", name));
        let kind = source.and_then(|source| source.entry("spec")).and_then(|spec| spec.scalar("type"));
        if kind.is_none() {
            let message = format!("the data source `{name}` is not among the files; Prometheus is assumed");
            self.report.assume(node.position, &fields.path(reference), message, "also pass its file");
        }
        kind.map(str::to_owned)
    }
}
