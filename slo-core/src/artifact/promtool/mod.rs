//! Unit tests for `promtool test rules`, which check the rules of an SLO on made-up series.

mod cases;
mod synthetic;

use super::prometheus::HEADER;
use crate::{
    Error,
    model::{Period, Service, Slo, Window},
    yaml::Yaml,
};
use cases::{Case, Entry};

/// Generates unit tests for the rules of `service`, for `promtool test rules`.
///
/// They test the rules of [`rules::generate`](crate::rules::generate), and need Prometheus 2.42 or later.
/// `rule_file` is the path of the rules, relative to the tests.
///
/// If series can be made up from the selectors of an SLO, the tests check that:
///
/// * without failures, and before the series of bad events exists, the error ratio is 0 and nothing alerts;
/// * an outage of everything fires each paging tier no later than the formula and its delay predict, although
///   the series of bad events is new; all of its events are counted;
/// * the alert stops no later than the formula and its delay predict;
/// * a burn of nine tenths of a paging tier's factor does not fire it;
/// * without traffic, and without any series, no ratio is recorded and nothing alerts;
/// * a restart adds no events.
///
/// ```
/// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99.9%, window: 30d,
///     sli: {events: {total: requests_total, bad: 'requests_total{code=~\"5..\"}'}}}]}";
/// let service = &slo_core::spec::parse(text)?[0];
/// let tests = slo_core::artifact::rule_tests(service, "a.rules.yaml")?;
/// assert!(tests.contains("requests_total{code=\"500\""));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A service whose rules cannot be generated, or numbers that do not fit 128 bits. A calendar period:
/// promtool's tests read at most 10,000 samples at once, fewer than the tiles of a month and their times.
pub fn rule_tests(service: &Service, rule_file: &str) -> Result<String, Error> {
    let rolls = |slo: &&Slo| matches!(slo.period(), Period::Rolling(_));
    if let Some(slo) = service.slos().iter().find(|slo| !rolls(slo)) {
        let message = "promtool's tests cannot hold the samples of a calendar period";
        return Err(Error::new(message).of(&service.path_of(slo)).with_hint(
            "put SLOs with calendar periods into a separate service, and generate its rules without tests",
        ));
    }
    let (interval, entries) = cases::of(service)?;
    let mut out = Yaml::begun_with(HEADER);
    out.nested("rule_files", |out| out.item_scalar(rule_file));
    out.bare("evaluation_interval", interval);
    out.nested("tests", |out| {
        for entry in &entries {
            match entry {
                Entry::Case(case) => out.item(|out| write_case(out, case, service.scrape_interval())),
                Entry::Unknown(slo) => out.comment(&format!(
                    "{}/{}: no series can be made up for its queries; write your own tests.",
                    service.name(),
                    slo.name()
                )),
            }
        }
    });
    Ok(out.into_text())
}

fn write_case(out: &mut Yaml, case: &Case, scrape_interval: Window) {
    out.bare("interval", scrape_interval);
    out.entry("name", &case.name);
    if case.series.is_empty() {
        out.bare("input_series", "[]");
    } else {
        out.nested("input_series", |out| {
            for (series, values) in &case.series {
                out.item(|out| {
                    out.entry("series", series);
                    out.entry("values", values);
                });
            }
        });
    }
    out.nested("promql_expr_test", |out| {
        for (expr, at, value) in &case.expectations {
            out.item(|out| {
                out.entry("expr", &expr.to_string());
                out.bare("eval_time", at);
                out.bare("exp_samples", format_args!("[{{labels: '{{}}', value: {value}}}]"));
            });
        }
    });
}
