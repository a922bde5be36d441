//! Writes models as native documents, which [`parse`](super::parse) reads back.

use super::{alerting::write_budget_alert, percent, policy};
use crate::{
    Error,
    model::{
        AlertPolicy, EmptySlice, EventCounters, HistogramKind, LabelName, Notification, Period, Service,
        Severity, Sli, Slo, Tier, TimeSlices,
    },
    yaml::Yaml,
};
use std::{collections::BTreeMap, fmt};

/// A service as a native document.
///
/// ```
/// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99.9%, window: 30d,
///     sli: {events: {total: requests_total, bad: 'errors_total{code=\"500\"}'}}}]}";
/// let service = slo_core::spec::parse(text)?.remove(0);
/// let written = slo_core::spec::write(&service);
/// assert!(written.starts_with("version: slo/v1\nservice: a\n"));
/// assert_eq!(slo_core::spec::parse(&written)?, [service]);
/// # Ok::<(), slo_core::Diagnostics>(())
/// ```
#[must_use]
pub fn write(service: &Service) -> String {
    let mut out = Yaml::default();
    out.entry("version", "slo/v1");
    out.entry("service", service.name().as_str());
    if !service.scrape_interval_is_assumed() {
        out.bare("scrape_interval", service.scrape_interval());
    }
    if !service.counts_newborn_series() {
        out.bare("newborn", "ignore");
    }
    if !service.target_labels().iter().map(LabelName::as_str).eq(["job", "instance"]) {
        out.words("target_labels", service.target_labels());
    }
    out.map("labels", service.labels());
    out.mapping_of_any("exclude", |out| {
        for exclusion in service.exclusions() {
            out.item(|out| {
                out.bare("from", exclusion.from());
                out.bare("to", exclusion.to());
                if !exclusion.reason().is_empty() {
                    out.entry("reason", exclusion.reason());
                }
            });
        }
    });
    if let Some(written) = service.error_budget_policy() {
        out.nested("policy", |out| policy::write(out, written));
    }
    out.nested("slos", |out| {
        for slo in service.slos() {
            out.item(|out| out.slo(slo));
        }
    });
    out.into_text()
}

/// A policy's tiers as the `alerting` of an SLO.
///
/// ```
/// use slo_core::{model::AlertPolicy, spec::write_alerting};
///
/// let text = write_alerting(&AlertPolicy::workbook())?;
/// assert!(text.starts_with("alerting:\n  tiers:\n    - burn_tier: fast\n      severity: page\n      spent: 2%\n"));
/// assert!(write_alerting(&AlertPolicy::workbook().guarded())?.contains("  low_traffic: guard\n"));
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// A custom guard: a document can only hold the guard of [`AlertPolicy::guarded`], or none.
pub fn write_alerting(policy: &AlertPolicy) -> Result<String, Error> {
    let is_plain = policy.tiers().iter().all(|tier| tier.fewest_bad() == 0);
    if !is_plain && policy.clone().guarded() != *policy {
        return Err(Error::new("a document cannot hold a custom minimum of bad events for a tier")
            .with_hint("use the minimum of `low_traffic: guard`"));
    }
    let mut out = Yaml::default();
    out.nested("alerting", |out| out.tiers(policy));
    Ok(out.into_text())
}

impl Yaml {
    fn some(&mut self, key: &str, value: Option<impl fmt::Display>) {
        if let Some(value) = value {
            self.entry(key, &value.to_string());
        }
    }

    fn words(&mut self, key: &str, words: &[LabelName]) {
        let words: Vec<&str> = words.iter().map(LabelName::as_str).collect();
        self.bare(key, format_args!("[{}]", words.join(", ")));
    }

    fn map(&mut self, key: &str, entries: &BTreeMap<LabelName, String>) {
        self.mapping_of_any(key, |out| {
            for (name, value) in entries {
                out.entry(name.as_str(), value);
            }
        });
    }

    fn slo(&mut self, slo: &Slo) {
        self.entry("name", slo.name().as_str());
        if !slo.description().is_empty() {
            self.entry("description", slo.description());
        }
        self.map("labels", slo.labels());
        self.bare("objective", slo.objective());
        self.period(slo.period());
        if !slo.by().is_empty() {
            self.words("by", slo.by_raw());
        }
        self.nested("sli", |out| out.sli(slo.sli()));
        if let Some(slices) = slo.slices() {
            self.slices(slices);
        }
        self.mapping_of_any("alerting", |out| out.alerting(slo));
    }

    fn period(&mut self, period: &Period) {
        match period {
            Period::Rolling(window) => self.bare("window", window),
            #[cfg(feature = "calendar")]
            Period::Calendar(calendar) => self.nested("window", |out| {
                out.bare("calendar", calendar.unit());
                out.entry("time_zone", calendar.zone());
                out.some("start", (!calendar.is_usual()).then(|| calendar.anchor()));
            }),
        }
    }

    fn sli(&mut self, sli: &Sli) {
        match sli {
            Sli::Events(counters) => self.counters(counters),
            Sli::Queries(counters) => self.counters(counters),
            Sli::Latency(latency) => self.nested("latency", |out| {
                out.entry("histogram", &latency.histogram().to_string());
                out.bare("threshold", latency.threshold());
                out.some("kind", (latency.kind() == HistogramKind::Native).then_some("native"));
            }),
            Sli::Probe(probe) => self.entry("probe", &probe.to_string()),
            Sli::Gauge(gauge) => self.nested("gauge", |out| {
                out.entry("query", gauge.query());
                out.entry("good", &gauge.good().to_string());
            }),
            Sli::Ratio(ratio) => self.entry("ratio", &ratio.to_string()),
        }
    }

    fn counters<S: fmt::Display>(&mut self, counters: &EventCounters<S>) {
        self.nested("events", |out| {
            for (key, counter) in counters.pair().names().into_iter().zip(counters.both()) {
                out.entry(key, &counter.to_string());
            }
        });
    }

    fn slices(&mut self, slices: TimeSlices) {
        self.nested("slices", |out| {
            out.bare("length", slices.length());
            out.bare("good", slices.target().map_or_else(|| "ratio".to_owned(), percent::written));
            out.some(
                "idle",
                match slices.idle() {
                    EmptySlice::Skip => None,
                    EmptySlice::Good => Some("good"),
                    EmptySlice::Bad => Some("bad"),
                    EmptySlice::CarryForward => Some("carry_forward"),
                },
            );
        });
    }

    fn alerting(&mut self, slo: &Slo) {
        self.some("name", slo.alert_name());
        for severity in [Severity::Page, Severity::Ticket] {
            self.mapping_of_any(severity.as_str(), |out| out.notification(slo.notification(severity)));
        }
        let usual = AlertPolicy::for_period(slo.period().length()).ok();
        if usual.as_ref().map(|usual| usual.clone().guarded()).as_ref() == Some(slo.policy()) {
            self.bare("low_traffic", "guard");
        } else if usual.as_ref() != Some(slo.policy()) {
            self.tiers(slo.policy());
        }
        slo.budget_alerts().iter().for_each(|alert| write_budget_alert(self, alert));
        if let Some(hold) = slo.keep_firing_for() {
            self.bare("keep_firing_for", hold);
        }
    }

    fn tiers(&mut self, policy: &AlertPolicy) {
        let guarded = policy.clone().guarded();
        if guarded == *policy && policy.tiers().iter().any(|tier| tier.fewest_bad() > 0) {
            self.bare("low_traffic", "guard");
        }
        self.nested("tiers", |out| {
            for tier in policy.tiers() {
                out.item(|out| out.tier(tier));
            }
        });
    }

    fn tier(&mut self, tier: &Tier) {
        self.bare("burn_tier", tier.burn());
        self.bare("severity", tier.severity());
        // At least one of the two has a decimal form.
        match (percent::decimal(tier.share()), tier.factor()) {
            (Some(share), _) => self.bare("spent", share),
            (None, Ok(factor)) => self.bare("factor", factor),
            (None, Err(_)) => self.bare("spent", percent::written(tier.share())),
        }
        self.bare("long", tier.long());
        self.bare("short", tier.short());
    }

    fn notification(&mut self, notification: &Notification) {
        self.map("labels", &notification.labels);
        self.some("runbook", notification.runbook.as_ref());
        self.some("dashboard", notification.dashboard.as_ref());
        self.some("response", notification.response.as_ref().map(ToString::to_string).as_ref());
        self.map("annotations", &notification.annotations);
        if notification.silent {
            self.bare("silent", true);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::{parse, write};

    #[test]
    fn what_is_written_is_read_back() {
        for text in [
            include_str!("../../../testdata/rules/checkout.spec.yaml"),
            include_str!("../../../testdata/rules/guarded.spec.yaml"),
            include_str!("../../../testdata/rules/several.spec.yaml"),
            include_str!("../../../testdata/specs/valid/calendar.yaml"),
            include_str!("../../../testdata/specs/valid/kinds.yaml"),
        ] {
            for service in parse(text).unwrap() {
                let written = write(&service);
                let back = parse(&written).unwrap_or_else(|faults| panic!("{faults}\n{written}"));
                assert_eq!(back, [service], "{written}");
            }
        }
    }
}
