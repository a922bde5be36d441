//! Queries for the events of an SLO, if its rules are not loaded.

use super::{Backend, Options, context::Context, count};
use crate::{
    Error,
    model::{Service, Slo, Window},
    promql::Expr,
};

/// Queries that count the events of an SLO from its raw series, as the rules' finest tiles do.
///
/// If they are evaluated once every `tile`, each event is counted once, as the rules would have recorded it.
/// For an SLO with groups, each group has its own series.
///
#[cfg_attr(feature = "spec", doc = "```")]
#[cfg_attr(not(feature = "spec"), doc = "```ignore")]
/// # let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99%, window: 30d,
/// #    sli: {events: {total: all_total, bad: failed_total}}}]}";
/// # let service = slo_core::spec::parse(text).unwrap().remove(0);
/// use slo_core::rules::{Backend, EventQueries};
///
/// let queries = EventQueries::of(&service, &service.slos()[0], Backend::VictoriaMetrics)?;
/// assert_eq!((queries.tile.to_string(), queries.total.as_str()), ("1m".into(), "sum(increase(all_total[1m]))"));
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventQueries {
    /// How often to evaluate them.
    pub tile: Window,
    /// All events of the tile.
    pub total: String,
    /// The bad events of the tile; negative if the estimate of an earlier tile was too high.
    pub bad: String,
}

impl EventQueries {
    /// The queries of `slo`. They count events even if the SLO judges time slices, and also in excluded
    /// times.
    ///
    /// # Errors
    /// Those of [`Plan::of`](super::Plan::of).
    pub fn of(service: &Service, slo: &Slo, backend: Backend) -> Result<Self, Error> {
        let context = Context::new(service, slo, Options { backend, ..Options::default() })?;
        let tile = context.plan.fine();
        // The total does not depend on what is recorded of it.
        let nothing = Expr::Number(crate::model::Ratio::ZERO);
        let total = count::streams(&context, tile, &nothing).total;
        let bad = count::streams(&context, tile, &total).bad;
        Ok(Self { tile, total: total.to_string(), bad: bad.to_string() })
    }
}

#[cfg(all(test, feature = "spec"))]
mod tests {
    use super::*;
    use crate::spec;

    fn queries(sli: &str, backend: Backend) -> Option<EventQueries> {
        let text = format!(
            "{{version: slo/v1, service: a, slos: [{{name: b, objective: 99%, window: 30d, by: [service, route], sli: {{{sli}}}}}]}}"
        );
        let service = spec::parse(&text).ok()?.pop()?;
        EventQueries::of(&service, service.slos().first()?, backend).ok()
    }

    #[test]
    fn labels_that_the_rules_set_are_exported() {
        let found = queries("events: {total: t, bad: b}", Backend::VictoriaMetrics).unwrap();
        let grouped = |metric: &str| {
            format!(
                "sum by (exported_service, route) (label_replace(sum by (service, route) (increase({metric}[1m])), \
                 \"exported_service\", \"$1\", \"service\", \"(.*)\"))"
            )
        };
        assert_eq!(found.total, grouped("t"));
        assert!(found.bad.starts_with(&format!("{} or sum by (exported_service, route) (", grouped("b"))));
    }

    /// They are complete: no series of the rules is read.
    #[test]
    fn nothing_recorded_is_read() {
        for sli in [
            "events: {total: t, bad: b}",
            "events: {total: t, good: g}",
            "events: {good: g, bad: b}",
            "events: {total: 'sum by (service, route) (rate(t[{{.window}}])) * 2', good: 'sum by (service, route) (rate(g[{{.window}}]))'}",
            "latency: {histogram: h, threshold: 1s}",
            "latency: {histogram: h, threshold: 1s, kind: native}",
            "probe: up",
            "gauge: {query: up, good: '>= 1'}",
        ] {
            let EventQueries { total, bad, .. } = queries(sli, Backend::Prometheus).unwrap();
            for query in [total, bad] {
                assert!(!query.contains("slo:"), "{sli}: {query}");
                promql_parser::parser::parse(&query).unwrap();
            }
        }
    }
}
