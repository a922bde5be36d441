//! Queries for the series that the rules of an SLO record.

use super::{Series, Stream, context::just_short_of, series::identity};
use crate::{
    model::{HistogramKind, LabelName, MatchOp, Matcher, Selector, Service, Sli, Slo, Window},
    promql::{Expr, Range, RangeFunction},
};
use std::collections::BTreeMap;

/// A group of an SLO with `by`, as labels and their values; empty without groups.
pub type Group = BTreeMap<String, String>;

/// Queries for the series that the rules of one SLO record.
///
#[cfg_attr(feature = "spec", doc = "```")]
#[cfg_attr(not(feature = "spec"), doc = "```ignore")]
/// # let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99%, window: 30d,
/// #    sli: {events: {total: all_total, bad: failed_total}}}]}";
/// # let service = slo_core::spec::parse(text).unwrap().remove(0);
/// use slo_core::{model::Window, rules::{RecordedQueries, Stream}};
///
/// let queries = RecordedQueries::of(&service, &service.slos()[0]);
/// let bad = queries.events(Stream::Bad, Window::minutes(5), None);
/// assert_eq!(bad.to_string(), r#"sum(sum_over_time(slo:sli_bad:increase5m{service="a",slo="b"}[4m59s999ms]))"#);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RecordedQueries<'a> {
    service: &'a Service,
    slo: &'a Slo,
}

impl<'a> RecordedQueries<'a> {
    /// The queries for `slo`, which belongs to `service`.
    #[must_use]
    pub const fn of(service: &'a Service, slo: &'a Slo) -> Self {
        Self { service, slo }
    }

    /// The events of the last tile, of `group` or of all groups together. Evaluate it once per tile.
    #[must_use]
    pub fn events(self, stream: Stream, tile: Window, group: Option<&Group>) -> Expr {
        sum(self.select(Series::Tile(stream, tile), group), tile).sum()
    }

    /// The events of each group in the last `window`, from tiles.
    #[must_use]
    pub fn events_by_group(self, stream: Stream, tile: Window, window: Window) -> Expr {
        sum(self.select(Series::Tile(stream, tile), None), window).sum_by(self.slo.by())
    }

    /// The events of the last `window`, of `group` or of all groups together, from tiles.
    #[must_use]
    pub fn events_over(self, stream: Stream, tile: Window, window: Window, group: Option<&Group>) -> Expr {
        sum(self.select(Series::Tile(stream, tile), group), window).sum()
    }

    /// The share of the period's budget that is left, of each group.
    #[must_use]
    pub fn budget_left(self) -> Expr {
        self.select(Series::BudgetProjected, None).into()
    }

    /// The burn rates of `group`, or of each group, over several windows: one query for all of them. The name of each series
    /// is that of [`Series::BurnRate`].
    #[must_use]
    pub fn burn_rates(self, windows: &[Window], group: Option<&Group>) -> Expr {
        let names = windows.iter().map(|window| Series::BurnRate((*window).into()).to_string());
        let names = names.collect::<Vec<_>>().join("|");
        let name = Matcher { label: LabelName::from_static("__name__"), op: MatchOp::Regex, value: names };
        let own = identity(self.service, self.slo).into_iter().map(|(label, value)| equal(label, &value));
        let matchers = [name].into_iter().chain(own).chain(self.matchers(group));
        Selector::composed("", matchers.collect()).into()
    }

    /// A series of `group`, or of each group.
    #[must_use]
    pub fn series(self, series: Series, group: Option<&Group>) -> Expr {
        self.select(series, group).into()
    }

    /// The events of each bucket of a classic histogram in the last `step`, of `group` or of all groups together; `None` if
    /// the SLI has no buckets.
    #[must_use]
    pub fn buckets(self, step: Window, group: Option<&Group>) -> Option<Expr> {
        let Sli::Latency(latency) = self.slo.sli() else { return None };
        if latency.kind() != HistogramKind::Classic {
            return None;
        }
        // The raw series have the labels under their own names.
        let names = self.slo.by_raw().iter().zip(self.slo.by());
        let value = |group: &Group, label: &LabelName| group.get(label.as_str()).cloned().unwrap_or_default();
        let matchers = group.into_iter().flat_map(|group| {
            names.clone().map(|(raw, recorded)| equal(raw.clone(), &value(group, recorded)))
        });
        let series = latency.histogram().suffixed("_bucket").with_all(matchers);
        let increase = Range::new(series, step).apply(RangeFunction::Increase);
        Some(increase.sum_by(&[LabelName::from_static("le")]))
    }

    /// The alerts of `group` that are pending or firing: since when, in seconds since the Unix epoch, and their state.
    #[must_use]
    pub fn active(self, group: Option<&Group>) -> [Expr; 2] {
        ["ALERTS_FOR_STATE", "ALERTS"].map(|metric| {
            let own = identity(self.service, self.slo).into_iter();
            let own = own.map(|(label, value)| equal(label, &value));
            Selector::composed(metric, own.chain(self.matchers(group)).collect()).into()
        })
    }

    /// The alerts of `group`, or of any group, that are firing: 1 for each name, tier and severity.
    #[must_use]
    pub fn firing(self, group: Option<&Group>) -> Expr {
        Expr::from(self.alerts(group)).max_by(&alert_labels())
    }

    /// The same for alerts that fired at some time in the last `window`.
    #[must_use]
    pub fn fired_within(self, window: Window, group: Option<&Group>) -> Expr {
        Range::new(self.alerts(group), window).apply(RangeFunction::MaxOverTime).max_by(&alert_labels())
    }

    fn alerts(self, group: Option<&Group>) -> Selector {
        let state = equal(LabelName::from_static("alertstate"), "firing");
        let own = identity(self.service, self.slo).into_iter();
        let own = own.map(|(label, value)| equal(label, &value));
        let matchers = own.chain(self.matchers(group)).chain([state]);
        Selector::composed("ALERTS", matchers.collect())
    }

    fn select(self, series: Series, group: Option<&Group>) -> Selector {
        series.of(self.service, self.slo).with_all(self.matchers(group))
    }

    /// A label that a group does not have is empty.
    fn matchers(self, group: Option<&Group>) -> impl Iterator<Item = Matcher> {
        let by = group.map(|group| {
            let value = |label: &LabelName| group.get(label.as_str()).map_or("", String::as_str);
            self.slo.by().iter().map(move |label| equal(label.clone(), value(label)))
        });
        by.into_iter().flatten()
    }
}

/// The labels of an alert that are told.
fn alert_labels() -> [LabelName; 3] {
    ["alertname", "burn_tier", "severity"].map(LabelName::from_static)
}

fn sum(tiles: Selector, window: Window) -> Expr {
    Range::new(tiles, just_short_of(window)).apply(RangeFunction::SumOverTime)
}

fn equal(label: LabelName, value: &str) -> Matcher {
    Matcher { label, op: MatchOp::Equal, value: value.to_owned() }
}
