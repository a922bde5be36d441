//! Unit tests for `promtool test rules`: what the rules of an SLO promise, proven on made-up series.

mod cases;
mod synthetic;

use super::prometheus::HEADER;
use crate::{
    Error,
    model::{Period, Service, Slo, Window},
    yaml::Yaml,
};
use cases::{Case, Entry};

/// Tests of the rules that [`rules::generate`](crate::rules::generate) makes of `service`, for `promtool test rules`
/// of Prometheus 2.42 or later. `rule_file` is the path of the rules, seen from the tests.
///
/// Each SLO whose series can be made up from its selectors is tested for this:
///
/// * while all is well, and while the bad series does not exist yet, the error ratio is 0 and nothing alerts;
/// * an outage of everything fires each paging tier no later than its closed form and its delay say, though the series
///   of bad events is born in it; its events are counted to the last one;
/// * the alert stops no later than its closed form and its delay say;
/// * a burn of nine tenths of a paging tier's factor does not fire it;
/// * without traffic, and without any series, no ratio is recorded and nothing alerts;
/// * a restart invents no events.
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
/// What rules cannot be made of, or numbers that do not fit 128 bits. A calendar period: promtool's tests read at most
/// 10,000 samples at once, fewer than the tiles of a month and their times.
pub fn rule_tests(service: &Service, rule_file: &str) -> Result<String, Error> {
    let rolls = |slo: &&Slo| matches!(slo.period(), Period::Rolling(_));
    if let Some(slo) = service.slos().iter().find(|slo| !rolls(slo)) {
        let message = "promtool's tests cannot hold the samples of a calendar period";
        return Err(Error::new(message).of(&service.path_of(slo)).with_hint(
            "put SLOs of calendar periods into a service of their own, and generate its rules without tests",
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
                    "{}/{}: no series can be made up for its queries; write cases of your own.",
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
