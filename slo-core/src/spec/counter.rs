//! Reads event streams as counters if their queries are plain rates, and as queries otherwise.

use super::{
    parsed::{SENTINEL, parse, templated_text},
    query::{check_kept, check_unconditional, on_one_line, plain_rate, strip, templated, without_zero},
    selector::{from_parsed, selector, selector_or},
};
use crate::{
    Error,
    model::{
        Counting, EventCounters, LabelName, LatencyHistogram, MatchOp, Matcher, Query, Ratio, Selector, Sli,
        Window,
    },
};
use promql_parser::parser::{Expr, LabelModifier};
use std::collections::BTreeSet;

/// How a stream of events is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Counter {
    /// A counter, or a query that is only the rate of one.
    Selector(Selector),
    /// The rate of one counter minus the rate of another.
    Difference { minuend: Selector, subtrahend: Selector, query: Query },
    /// Any other query.
    Query(Query),
}

/// Reads a counter, or a query with a window placeholder. `by` holds the labels that split the SLO.
pub(super) fn counter(text: &str, by: &[LabelName]) -> Result<Counter, Error> {
    if !text.contains("{{") || (!text.contains(".window") && selector(text).is_ok()) {
        return selector_or(text, ", or a query with the window `[{{.window}}]`").map(Counter::Selector);
    }
    if by.is_empty()
        && let Some((_, selector)) = plain_rate(text)
    {
        return Ok(Counter::Selector(selector));
    }
    let (query, parsed) = templated(text)?;
    check_kept(&parsed, by)?;
    check_unconditional(&parsed)?;
    let rated = |expr: &Expr| rated(expr, by);
    Ok(match without_zero(&parsed) {
        Expr::Binary(binary) if binary.op.to_string() == "-" && binary.modifier.is_none() => {
            match (rated(strip(&binary.lhs)), rated(strip(&binary.rhs))) {
                (Some(minuend), Some(subtrahend)) => Counter::Difference { minuend, subtrahend, query },
                _ => Counter::Query(query),
            }
        }
        other => rated(other).map_or(Counter::Query(query), Counter::Selector),
    })
}

/// The query of all events without its guard against division by zero, `… > 0` or `or vector(1)`; `None` if
/// it has no guard.
pub(super) fn without_guard_of_division(text: &str) -> Option<String> {
    if !text.contains('>') && !text.contains("vector") {
        return None;
    }
    let (_, parsed) = templated(text).ok()?;
    let number = |expr: &Expr| match strip(expr) {
        Expr::NumberLiteral(number) => Some(number.val),
        _ => None,
    };
    let constant = |expr: &Expr| match strip(expr) {
        Expr::Call(call) if call.func.name == "vector" => {
            call.args.args.as_slice().first().and_then(|only| number(only))
        }
        _ => None,
    };
    let (mut rest, mut is_guarded) = (strip(&parsed), false);
    while let Expr::Binary(binary) = rest {
        match binary.op.to_string().as_str() {
            // `or vector(0)` guards no division, and a missing series counts as zero anyway.
            "or" => match constant(&binary.rhs) {
                Some(number) => is_guarded |= number != 0.0,
                None => break,
            },
            ">" if number(&binary.rhs) == Some(0.0) && !binary.return_bool() => is_guarded = true,
            _ => break,
        }
        rest = strip(&binary.lhs);
    }
    if is_guarded { templated_text(rest) } else { None }
}

/// Reads a counter as OpenSLO writes it: with a window placeholder, with a fixed window, or without a window.
/// A counter that is not `cumulative` is a gauge of the events since the last sample.
pub(super) fn counter_or_rate(text: &str, cumulative: bool, by: &[LabelName]) -> Result<Counter, Error> {
    if text.contains("{{") {
        return counter(text, by);
    }
    let text = on_one_line(text);
    let parsed = parse(&text)?;
    let mut is_rate = false;
    let series = match without_zero(&parsed) {
        Expr::VectorSelector(found) => from_parsed(found.clone()),
        Expr::Aggregate(sum) if sum.op.to_string() == "sum" && sum.modifier.is_none() => {
            match strip(&sum.expr) {
                Expr::VectorSelector(found) => from_parsed(found.clone()),
                Expr::Call(call) if matches!(call.func.name, "rate" | "increase") => {
                    match call.args.args.as_slice() {
                        // The rules choose their own windows.
                        [argument] => match &**argument {
                            Expr::MatrixSelector(range) => {
                                is_rate = true;
                                from_parsed(range.vs.clone())
                            }
                            _ => Err(no_counter(&text)),
                        },
                        _ => Err(no_counter(&text)),
                    }
                }
                _ => Err(no_counter(&text)),
            }
        }
        _ => Err(no_counter(&text)),
    }?;
    // `rate` and `increase` only take counters, whatever `cumulative` says.
    if cumulative || is_rate {
        return Ok(Counter::Selector(series));
    }
    let query = format!("sum(sum_over_time({series}[{{{{.window}}}}]))");
    Query::new(&query, Counting::Samples).map(Counter::Query)
}

fn no_counter(text: &str) -> Error {
    Error::new(format!("`{text}` is neither a counter nor a query with a window"))
        .with_hint("write the window of its ranges as `[{{.window}}]`")
}

/// The SLI of two streams: counters if both streams are counters, queries otherwise.
pub(super) fn events(counters: EventCounters<Counter>, by: &[LabelName]) -> Result<Sli, Error> {
    use Counter::{Difference, Selector};
    use EventCounters::{GoodBad, TotalBad, TotalGood};
    Ok(match counters {
        TotalBad { total: Selector(total), bad: Selector(bad) } => Sli::Events(TotalBad { total, bad }),
        TotalGood { total: Selector(total), good: Selector(good) } => Sli::Events(TotalGood { total, good }),
        GoodBad { good: Selector(good), bad: Selector(bad) } => Sli::Events(GoodBad { good, bad }),
        // Bad events are all events minus the good ones.
        TotalBad { total: Selector(total), bad: Difference { minuend, subtrahend: good, .. } }
            if total.selects_as(&minuend) =>
        {
            total_good(total, good)
        }
        TotalBad { total, bad } => {
            Sli::Queries(TotalBad { total: as_query(total, by)?, bad: as_query(bad, by)? })
        }
        TotalGood { total, good } => {
            Sli::Queries(TotalGood { total: as_query(total, by)?, good: as_query(good, by)? })
        }
        GoodBad { good, bad } => Sli::Queries(GoodBad { good: as_query(good, by)?, bad: as_query(bad, by)? }),
    })
}

/// The SLI of a counter of all events and a counter of the good ones. If they are the count and a bucket of
/// one histogram, it is a latency SLI.
pub(super) fn total_good(total: Selector, good: Selector) -> Sli {
    match latency(&total, &good) {
        Some(latency) => Sli::Latency(latency),
        None => Sli::Events(EventCounters::TotalGood { total, good }),
    }
}

fn latency(total: &Selector, good: &Selector) -> Option<LatencyHistogram> {
    let base = total.metric().strip_suffix("_count")?;
    // A bucket bound in milliseconds is not a threshold in seconds.
    if base.ends_with("_ms") || base.contains("milliseconds") {
        return None;
    }
    if good.metric().strip_suffix("_bucket") != Some(base) {
        return None;
    }
    let is_bound = |matcher: &&Matcher| matcher.label.as_str() == "le" && matcher.op == MatchOp::Equal;
    let bound: Ratio = good.matchers().iter().find(is_bound)?.value.parse().ok()?;
    let rest = good.matchers().iter().filter(|matcher| !is_bound(matcher)).cloned();
    let rest = Selector::new(total.metric()).ok()?.with_all(rest);
    let millis = bound.checked_mul(Ratio::whole(1_000)).filter(|millis| millis.denominator() == 1)?;
    let threshold = Window::from_millis(u64::try_from(millis.floor()).ok()?).ok()?;
    let histogram = Selector::new(base).ok()?.with_all(total.matchers().iter().cloned());
    rest.selects_as(total).then(|| LatencyHistogram::new(histogram, threshold).ok())?
}

fn as_query(counter: Counter, by: &[LabelName]) -> Result<Query, Error> {
    match counter {
        Counter::Query(query) | Counter::Difference { query, .. } => Ok(query),
        Counter::Selector(selector) => {
            let by: Vec<&str> = by.iter().map(LabelName::as_str).collect();
            let by = if by.is_empty() { String::new() } else { format!(" by ({}) ", by.join(", ")) };
            Query::new(&format!("sum{by}(rate({selector}[{{{{.window}}}}]))"), Counting::PerSecond)
        }
    }
}

/// The event counters of a ratio query, if it only divides bad events by all events.
pub(super) fn ratio_of_events(text: &str, by: &[LabelName]) -> Option<Sli> {
    let (_, parsed) = templated(text).ok()?;
    let counter_of = |expr: &Expr| {
        let expr = without_zero(expr);
        if !is_sum(expr) {
            return None;
        }
        counter(&templated_text(expr)?, by).ok()
    };
    let quotient = |expr: &Expr| match strip(expr) {
        Expr::Binary(division) if division.op.to_string() == "/" && division.modifier.is_none() => {
            Some((counter_of(strip(&division.lhs))?, counter_of(strip(&division.rhs))?))
        }
        _ => None,
    };
    let counters = match strip(&parsed) {
        Expr::Binary(difference)
            if difference.op.to_string() == "-"
                && matches!(strip(&difference.lhs), Expr::NumberLiteral(one) if one.val.total_cmp(&1.0).is_eq()) =>
        {
            let (good, total) = quotient(&difference.rhs)?;
            EventCounters::TotalGood { total, good }
        }
        other => {
            let (bad, total) = quotient(other)?;
            EventCounters::TotalBad { total, bad }
        }
    };
    match (counters, by) {
        (EventCounters::TotalGood { total: Counter::Selector(total), good: Counter::Selector(good) }, _) => {
            Some(total_good(total, good))
        }
        (counters, by) => events(counters, by).ok(),
    }
}

/// The counter of an expression that is its rate over the window, summed by `by`.
fn rated(expr: &Expr, by: &[LabelName]) -> Option<Selector> {
    let Expr::Aggregate(sum) = expr else { return None };
    let kept: BTreeSet<&str> = match &sum.modifier {
        None => BTreeSet::new(),
        Some(LabelModifier::Include(labels)) => labels.labels.iter().map(String::as_str).collect(),
        Some(LabelModifier::Exclude(_)) => return None,
    };
    if sum.op.to_string() != "sum" || kept != by.iter().map(LabelName::as_str).collect() {
        return None;
    }
    let Expr::Call(call) = strip(&sum.expr) else { return None };
    let [argument] = call.args.args.as_slice() else { return None };
    match &**argument {
        Expr::MatrixSelector(range)
            if range.range == SENTINEL && matches!(call.func.name, "rate" | "increase") =>
        {
            from_parsed(range.vs.clone()).ok()
        }
        _ => None,
    }
}

/// Whether the counts of an expression can be added from window to window.
fn is_sum(expr: &Expr) -> bool {
    match expr {
        Expr::Paren(inner) => is_sum(&inner.expr),
        Expr::Aggregate(sum) => sum.op.to_string() == "sum" && is_sum(&sum.expr),
        Expr::Binary(binary) => {
            matches!(binary.op.to_string().as_str(), "+" | "-") && is_sum(&binary.lhs) && is_sum(&binary.rhs)
        }
        Expr::Call(call) => {
            matches!(call.func.name, "rate" | "increase" | "sum_over_time" | "count_over_time")
                && matches!(call.args.args.as_slice(), [argument]
                    if matches!(&**argument, Expr::MatrixSelector(range) if range.range == SENTINEL))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(total: &str, bad: &str) -> Sli {
        let total = counter(total, &[]).unwrap();
        events(EventCounters::TotalBad { total, bad: counter(bad, &[]).unwrap() }, &[]).unwrap()
    }

    #[test]
    fn sees_through_queries_that_are_counters() {
        let sli = read(
            "sum(rate(all{a=\"b\"}[{{.window}}]))",
            "sum(\n increase(bad[{{ .window }}]) # comment\n) or vector(0)",
        );
        let expected = EventCounters::TotalBad {
            total: selector("all{a=\"b\"}").unwrap(),
            bad: selector("bad").unwrap(),
        };
        assert_eq!(sli, Sli::Events(expected));
    }

    #[test]
    fn guards_of_a_division_are_no_events() {
        let guard = |text: &str| without_guard_of_division(text);
        let plain = Some("sum(rate(all[{{.window}}]))".to_owned());
        for text in [
            "(sum(rate(all[{{.window}}])) > 0) or vector(1)",
            "sum(rate(all[{{.window}}])) or vector(1)",
            "(sum(rate(all[{{.window}}]))) > 0",
            "((sum(rate(all[{{.window}}])) or vector(0)) > 0)",
        ] {
            assert_eq!(guard(text), plain, "{text}");
        }
        for text in [
            "sum(rate(all[{{.window}}])) or vector(0)",
            "sum(rate(all[{{.window}}])) > 5",
            "sum(rate(all[{{.window}}]))",
            "sum(rate(all[{{.window}}])) or sum(rate(others[{{.window}}]))",
        ] {
            assert_eq!(guard(text), None, "{text}");
        }
    }

    #[test]
    fn braces_in_a_label_are_no_template() {
        let counter = counter("m_total{path=\"{{id}\"}", &[]).unwrap();
        assert_eq!(counter, Counter::Selector(selector("m_total{path=\"{{id}\"}").unwrap()));
    }

    #[test]
    fn sees_latency_in_a_difference() {
        let count = "sum(rate(h_count{job=\"a\"}[{{.window}}]))";
        let sli =
            read(count, &format!("({count} - sum(rate(h_bucket{{le=\"0.3\",job=\"a\"}}[{{{{.window}}}}])))"));
        let Sli::Latency(latency) = sli else { panic!("{sli:?}") };
        assert_eq!(
            (latency.threshold().to_string(), latency.histogram().to_string()),
            ("300ms".into(), "h{job=\"a\"}".into())
        );
        let count = "sum(rate(h_count{z=\"1\",job=\"a\"}[{{.window}}]))";
        let total = "sum(rate(h_count{job=\"a\",z=\"1\"}[{{.window}}]))";
        let bad = format!("{count} - sum(rate(h_bucket{{z=\"1\",le=\"0.3\",job=\"a\"}}[{{{{.window}}}}]))");
        assert!(matches!(read(total, &bad), Sli::Latency(_)), "{bad}");
        // Another job's bucket is no threshold of this histogram.
        let other = format!("({count} - sum(rate(h_bucket{{le=\"0.3\",job=\"b\"}}[{{{{.window}}}}])))");
        assert!(matches!(read(count, &other), Sli::Events(EventCounters::TotalGood { .. })));
    }

    #[test]
    fn keeps_other_queries_as_they_are() {
        for (text, counting) in [
            ("max(rate(a[{{.window}}]))", Counting::PerSecond),
            ("sum by (x) (increase(a[{{.window}}]))", Counting::PerWindow),
            ("sum(count_over_time(a[{{.window}}]))", Counting::Samples),
            ("sum(rate(a[{{.window}}])) + sum(rate(b{c=\"  # \"}[{{.window}}]))", Counting::PerSecond),
            ("avg(avg_over_time(a[{{.window}}]))", Counting::Level),
        ] {
            let Counter::Query(query) = counter(text, &[]).unwrap() else { panic!("{text}") };
            assert_eq!((query.to_string().as_str(), query.counting()), (text, counting));
        }
        for text in [
            "sum(rate(a[5m])) + {{.window}}",
            "rate(a[{{.window}}]) + increase(b[{{.window}}])",
            "{{.window}}",
        ] {
            assert!(counter(text, &[]).unwrap_err().hint().is_some(), "{text}");
        }
    }

    #[test]
    fn sees_events_in_a_ratio() {
        let of = |text: &str| ratio_of_events(text, &[]);
        let sli = of("1 - (sum(rate(good[{{.window}}])) / sum(rate(all[{{.window}}])))");
        assert!(matches!(sli, Some(Sli::Events(EventCounters::TotalGood { .. }))), "{sli:?}");
        let sli = of("1 - (sum(sum_over_time(g[{{.window}}])) / sum(count_over_time(g[{{.window}}])))");
        assert!(matches!(sli, Some(Sli::Queries(EventCounters::TotalGood { .. }))), "{sli:?}");
        // In whatever order the matchers are.
        let sli = of(
            "sum(rate(a_total{job=\"x\",code=~\"5..\"}[{{.window}}])) / sum(rate(a_total{job=\"x\",az=\"y\"}[{{.window}}]))",
        );
        assert!(matches!(sli, Some(Sli::Events(EventCounters::TotalBad { .. }))), "{sli:?}");
        // A mean of means is no count.
        assert_eq!(of("avg(avg_over_time(a[{{.window}}])) / avg(avg_over_time(b[{{.window}}]))"), None);
    }
}
