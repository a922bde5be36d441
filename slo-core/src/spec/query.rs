//! PromQL in a spec, checked by the parser of the field: selectors, and queries with a window to fill in.

use crate::{
    Error,
    model::{
        Counting, EventCounters, LabelName, LatencyHistogram, MatchOp, Matcher, Query, Ratio, Selector, Sli,
        Window,
    },
};
use promql_parser::{
    label,
    parser::{self, Expr, LabelModifier},
};
use std::{collections::BTreeSet, time::Duration};

/// What a stream of events is written as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Counter {
    /// A counter, or a query that says no more than one.
    Selector(Selector),
    /// The rate of one counter less that of another.
    Difference { minuend: Selector, subtrahend: Selector, query: Query },
    /// Any other query.
    Query(Query),
}

/// Reads a counter, or a query with a window to fill in. `by` are the labels that the SLO is split by.
pub(super) fn counter(text: &str, by: &[LabelName]) -> Result<Counter, Error> {
    if !text.contains("{{") {
        return selector(text).map(Counter::Selector).map_err(|error| match error.hint() {
            Some(hint) if error.message().contains("is a query") => {
                let hint = format!("{hint}, or a query with the window `[{{{{.window}}}}]`");
                Error::new(error.message()).with_hint(hint)
            }
            _ => error,
        });
    }
    if by.is_empty()
        && let Some(selector) = plain_rate(text)
    {
        return Ok(Counter::Selector(selector));
    }
    let (query, parsed) = templated(text)?;
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

/// Reads a counter as OpenSLO writes it: with a window to fill in, with a window of its own, or without any. One that
/// is not `cumulative` is a gauge of events since the last sample.
pub(super) fn counter_or_rate(text: &str, cumulative: bool, by: &[LabelName]) -> Result<Counter, Error> {
    if text.contains("{{") {
        return counter(text, by);
    }
    let text = on_one_line(text);
    let parsed = parser::parse(&text).map_err(|reason| not_promql(&text, &reason))?;
    let series = match without_zero(&parsed) {
        Expr::VectorSelector(found) => from_parsed(found.clone()),
        Expr::Aggregate(sum) if sum.op.to_string() == "sum" && sum.modifier.is_none() => {
            match strip(&sum.expr) {
                Expr::VectorSelector(found) => from_parsed(found.clone()),
                Expr::Call(call) if matches!(call.func.name, "rate" | "increase") => {
                    match call.args.args.as_slice() {
                        // The rules choose their own windows.
                        [argument] => match &**argument {
                            Expr::MatrixSelector(range) => from_parsed(range.vs.clone()),
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
    if cumulative {
        return Ok(Counter::Selector(series));
    }
    let query = format!("sum(sum_over_time({series}[{{{{.window}}}}]))");
    Query::new(&query, Counting::Samples).map(Counter::Query)
}

fn no_counter(text: &str) -> Error {
    Error::new(format!("`{text}` is no counter, and has no window to fill in"))
        .with_hint("write the window of its ranges as `[{{.window}}]`")
}

/// The SLI of two streams: counters where all of them are, queries otherwise.
pub(super) fn events(counters: EventCounters<Counter>, by: &[LabelName]) -> Result<Sli, Error> {
    use Counter::{Difference, Selector};
    use EventCounters::{GoodBad, TotalBad, TotalGood};
    Ok(match counters {
        TotalBad { total: Selector(total), bad: Selector(bad) } => Sli::Events(TotalBad { total, bad }),
        TotalGood { total: Selector(total), good: Selector(good) } => Sli::Events(TotalGood { total, good }),
        GoodBad { good: Selector(good), bad: Selector(bad) } => Sli::Events(GoodBad { good, bad }),
        // Bad is what is not good.
        TotalBad { total: Selector(total), bad: Difference { minuend, subtrahend: good, .. } }
            if total == minuend =>
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

/// The SLI of a counter of all events and one of the good ones. Where they are the count and a bucket of one
/// histogram, it is one of latency.
pub(super) fn total_good(total: Selector, good: Selector) -> Sli {
    match latency(&total, &good) {
        Some(latency) => Sli::Latency(latency),
        None => Sli::Events(EventCounters::TotalGood { total, good }),
    }
}

fn latency(total: &Selector, good: &Selector) -> Option<LatencyHistogram> {
    let base = total.metric().strip_suffix("_count")?;
    if good.metric().strip_suffix("_bucket") != Some(base) {
        return None;
    }
    let is_bound = |matcher: &&Matcher| matcher.label.as_str() == "le" && matcher.op == MatchOp::Equal;
    let bound: Ratio = good.matchers().iter().find(is_bound)?.value.parse().ok()?;
    let rest: BTreeSet<String> =
        good.matchers().iter().filter(|matcher| !is_bound(matcher)).map(ToString::to_string).collect();
    let all: BTreeSet<String> = total.matchers().iter().map(ToString::to_string).collect();
    let millis = bound.checked_mul(Ratio::whole(1_000)).filter(|millis| millis.denominator() == 1)?;
    let threshold = Window::from_millis(u64::try_from(millis.floor()).ok()?).ok()?;
    let histogram = total.matchers().iter().cloned().fold(Selector::new(base).ok()?, Selector::with);
    (rest == all).then(|| LatencyHistogram::new(histogram, threshold).ok())?
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

/// Reads a query of a share of bad events, with a window to fill in.
pub(super) fn ratio(text: &str) -> Result<Query, Error> {
    templated(text).map(|(query, _)| query)
}

/// The events that a query of a share of bad ones divides, where it does no more than that.
pub(super) fn ratio_of_events(text: &str, by: &[LabelName]) -> Option<Sli> {
    let (_, parsed) = templated(text).ok()?;
    let counter_of = |expr: &Expr| {
        let text = expr.to_string();
        // The parser's printer is trusted as far as the parser reads it back.
        let same = is_sum(expr) && parser::parse(&text).ok().as_ref() == Some(expr);
        same.then(|| counter(&text.replace(&sentinel_text(), "{{.window}}"), by).ok())?
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

/// Reads a query without a window to fill in.
pub(super) fn instant(text: &str) -> Result<String, Error> {
    let text = on_one_line(text);
    match parser::parse(&text).map_err(|reason| not_promql(&text, &reason))? {
        Expr::MatrixSelector(_) => Err(Error::new(format!("`{text}` is a range"))
            .with_hint("write what is made of it, such as its mean")),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => {
            Err(Error::new(format!("`{text}` is a constant")).with_hint("write a query"))
        }
        _ => Ok(text),
    }
}

/// A window that nobody writes, in place of the one that is to be filled in while a query is checked.
const SENTINEL: Duration = Duration::from_secs(7_919);

fn sentinel_text() -> String {
    Window::seconds(SENTINEL.as_secs()).to_string()
}

fn templated(text: &str) -> Result<(Query, Expr), Error> {
    let text = on_one_line(text);
    // What it counts is known once it has been parsed.
    let query = Query::new(&text, Counting::Level)?;
    let filled = query.over(Window::seconds(SENTINEL.as_secs()));
    let parsed = parser::parse(&filled).map_err(|reason| not_promql(&text, &reason))?;
    let mut kinds = Kinds::default();
    kinds.look(&parsed);
    let counting = kinds.counting().map_err(|message| {
        Error::new(format!("`{text}` {message}")).with_hint(
            "count all of it with one of `rate`, `increase`, and `sum_over_time` or `count_over_time`",
        )
    })?;
    Ok((Query::new(&text, counting)?, parsed))
}

/// How the ranges of a query that have its window are counted.
#[derive(Default)]
struct Kinds(BTreeSet<&'static str>);

impl Kinds {
    fn look(&mut self, expr: &Expr) {
        match expr {
            Expr::Call(call) => {
                for argument in &call.args.args {
                    match &**argument {
                        Expr::MatrixSelector(range) if range.range == SENTINEL => {
                            self.0.insert(call.func.name);
                        }
                        Expr::Subquery(range) if range.range == SENTINEL => {
                            self.0.insert(call.func.name);
                            self.look(&range.expr);
                        }
                        other => self.look(other),
                    }
                }
            }
            Expr::Aggregate(aggregate) => self.look(&aggregate.expr),
            Expr::Unary(unary) => self.look(&unary.expr),
            Expr::Binary(binary) => {
                self.look(&binary.lhs);
                self.look(&binary.rhs);
            }
            Expr::Paren(inner) => self.look(&inner.expr),
            Expr::Subquery(subquery) => self.look(&subquery.expr),
            _ => {}
        }
    }

    fn counting(&self) -> Result<Counting, &'static str> {
        let kind = |name: &str| match name {
            "rate" | "irate" | "deriv" => Counting::PerSecond,
            "increase" | "delta" | "idelta" => Counting::PerWindow,
            "sum_over_time" | "count_over_time" | "changes" | "resets" => Counting::Samples,
            _ => Counting::Level,
        };
        let mut kinds = self.0.iter().map(|name| kind(name));
        match kinds.next() {
            None => Err("has no range of the window"),
            Some(first) if kinds.all(|other| other == first) => Ok(first),
            Some(_) => Err("counts in several ways"),
        }
    }
}

/// The expression without parentheses around it.
fn strip(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(inner) => strip(&inner.expr),
        other => other,
    }
}

/// The expression without `or vector(0)` after it: what does not exist is none anyway.
fn without_zero(expr: &Expr) -> &Expr {
    match strip(expr) {
        Expr::Binary(binary) if binary.op.to_string() == "or" && binary.rhs.to_string() == "vector(0)" => {
            without_zero(&binary.lhs)
        }
        other => other,
    }
}

/// The counter whose rate over the window, summed by `by`, an expression is.
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

/// Whether what an expression counts adds up from window to window.
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

/// The labels that both sides of a query keep when they aggregate, if it is one aggregation.
pub(super) fn grouping(text: &str) -> Vec<LabelName> {
    if !text.contains("by") {
        return Vec::new();
    }
    let Ok((_, parsed)) = templated(text) else { return Vec::new() };
    match without_zero(&parsed) {
        Expr::Aggregate(aggregate) => match &aggregate.modifier {
            Some(LabelModifier::Include(labels)) => {
                labels.labels.iter().filter_map(|label| label.parse().ok()).collect()
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// A query without comments and line breaks.
fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut quote = None;
    let mut characters = text.trim().chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(_), '\\') if quote != Some('`') => {
                line.push(character);
                line.extend(characters.next());
                continue;
            }
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'' | '`') => quote = Some(character),
            (None, '#') => {
                while characters.next_if(|character| *character != '\n').is_some() {}
                continue;
            }
            (None, space) if space.is_whitespace() => {
                if !line.ends_with(' ') {
                    line.push(' ');
                }
                continue;
            }
            _ => {}
        }
        line.push(character);
    }
    // Between brackets, a space is only noise.
    line.trim_end().to_owned()
}

/// Reads an instant vector selector.
pub(super) fn selector(text: &str) -> Result<Selector, Error> {
    if let Some(selector) = plain(text) {
        return Ok(selector);
    }
    let found = match parser::parse(text).map_err(|reason| not_promql(text, &reason))? {
        Expr::VectorSelector(found) => found,
        Expr::MatrixSelector(_) => {
            return Err(Error::new(format!("`{text}` is a range"))
                .with_hint("drop the range; the rules choose their own windows"));
        }
        _ => {
            return Err(Error::new(format!("`{text}` is a query, not a selector"))
                .with_hint("write the counter itself, such as http_requests_total{job=\"checkout\"}"));
        }
    };
    from_parsed(found)
}

/// Words with an underscore that are no metric names.
const KEYWORDS: [&str; 4] = ["count_values", "group_left", "group_right", "limit_ratio"];

/// The selector that `text` is, if it is written as plainly as most are. The parser of the field compiles every regular
/// expression, which takes longer than all the rest of reading and writing; here they are only checked.
fn plain(text: &str) -> Option<Selector> {
    let (metric, matchers) = match text.trim().strip_suffix('}') {
        Some(rest) => rest.split_once('{')?,
        None => (text.trim(), ""),
    };
    let metric = metric.trim_end();
    if !metric.contains(['_', ':']) || KEYWORDS.contains(&metric) {
        return None; // `inf`, `sum`, `on`: what they mean depends on where they stand.
    }
    let mut selector = Selector::new(metric).ok()?;
    let mut rest = matchers.trim();
    while !rest.is_empty() {
        let (label, after) = rest.split_at(rest.find(['=', '!'])?);
        let (op, after) = [
            ("=~", MatchOp::Regex),
            ("!~", MatchOp::NotRegex),
            ("!=", MatchOp::NotEqual),
            ("=", MatchOp::Equal),
        ]
        .into_iter()
        .find_map(|(sign, op)| Some((op, after.strip_prefix(sign)?)))?;
        let (value, after) = after.trim_start().strip_prefix('"')?.split_once('"')?;
        if value.contains(['\\', '\n']) {
            return None;
        }
        if matches!(op, MatchOp::Regex | MatchOp::NotRegex) {
            regex_syntax::parse(value).ok()?;
        }
        selector = selector.matching(label.trim(), op, value).ok()?;
        rest = match after.trim_start() {
            "" => "",
            more => more.strip_prefix(',')?.trim_start(),
        };
    }
    Some(selector)
}

/// The counter whose summed rate over the window `text` is, if it is written as plainly as most are.
fn plain_rate(text: &str) -> Option<Selector> {
    let text = text.trim();
    let inner = text.strip_prefix("sum(rate(").or_else(|| text.strip_prefix("sum(increase("))?;
    plain(inner.strip_suffix("[{{.window}}]))")?)
}

fn from_parsed(found: parser::VectorSelector) -> Result<Selector, Error> {
    let text = found.to_string();
    if found.offset.is_some() || found.at.is_some() {
        return Err(Error::new(format!("`{text}` looks back in time")).with_hint("drop `offset` and `@`"));
    }
    if !found.matchers.or_matchers.is_empty() {
        return Err(Error::new(format!("`{text}` has matchers joined by `or`"))
            .with_hint("Prometheus does not read this; use =~ with alternatives"));
    }
    let Some(name) = found.name else {
        return Err(
            Error::new(format!("`{text}` has no metric name")).with_hint("begin with the counter's name")
        );
    };
    found.matchers.matchers.into_iter().try_fold(Selector::new(name)?, |selector, matcher| {
        let op = match matcher.op {
            label::MatchOp::Equal => MatchOp::Equal,
            label::MatchOp::NotEqual => MatchOp::NotEqual,
            label::MatchOp::Re(_) => MatchOp::Regex,
            label::MatchOp::NotRe(_) => MatchOp::NotRegex,
        };
        selector.matching(&matcher.name, op, matcher.value)
    })
}

fn not_promql(text: &str, reason: &str) -> Error {
    let error = Error::new(format!("`{text}` is not valid PromQL: {reason}"));
    let unbalanced = [('{', '}'), ('(', ')'), ('[', ']')]
        .into_iter()
        .find(|(open, close)| text.matches(*open).count() != text.matches(*close).count());
    match unbalanced {
        Some((open, close)) => error.with_hint(format!("`{open}` and `{close}` do not pair up")),
        None if text.matches('"').count() % 2 == 1 => error.with_hint("a quote is not closed"),
        None => {
            error.with_hint("write a selector such as http_requests_total{job=\"checkout\", code=~\"5..\"}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_selectors() {
        for (text, printed) in [
            ("m", "m"),
            (" m { a = 'x' , b != \"y\" , } ", "m{a=\"x\",b!=\"y\"}"),
            (r#"m{code=~"5..",path!~"/\\d+"}"#, r#"m{code=~"5..",path!~"/\\d+"}"#),
            ("a:b:c", "a:b:c"),
        ] {
            assert_eq!(selector(text).unwrap().to_string(), printed);
        }
    }

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
    fn sees_latency_in_a_difference() {
        let count = "sum(rate(h_count{job=\"a\"}[{{.window}}]))";
        let sli =
            read(count, &format!("({count} - sum(rate(h_bucket{{le=\"0.3\",job=\"a\"}}[{{{{.window}}}}])))"));
        let Sli::Latency(latency) = sli else { panic!("{sli:?}") };
        assert_eq!(
            (latency.threshold().to_string(), latency.histogram().to_string()),
            ("300ms".into(), "h{job=\"a\"}".into())
        );
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
        // A mean of means is no count.
        assert_eq!(of("avg(avg_over_time(a[{{.window}}])) / avg(avg_over_time(b[{{.window}}]))"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn plain_selectors_are_read_as_the_parser_of_the_field_reads_them(
            text in "[a-z]{1,3}[_:][a-z]{0,3}( ?\\{( ?[a-z_]{1,3} ?(=|!=|=~|!~) ?\"[a-z.|+*()\\[\\]\\\\]{0,5}\",?){0,3} ?\\})?"
        ) {
            if let Some(selector) = plain(&text) {
                let Ok(Expr::VectorSelector(found)) = parser::parse(&text) else {
                    return Err(TestCaseError::fail(format!("{text} is no selector")));
                };
                prop_assert_eq!(from_parsed(found).unwrap(), selector);
            }
        }
    }

    #[test]
    fn plain_selectors_are_seen() {
        assert!(plain("http_requests_total{job=\"a\", code=~\"5..\"}").is_some() && plain("a_b").is_some());
        for text in [
            "inf",
            "a_b{",
            "a_b{c=\"d\"",
            "a_b{c=~\"(\"}",
            "a_b{c}",
            "a_b[5m]",
            "group_left",
            "a_b{c=\"\\\\\"}",
        ] {
            assert!(plain(text).is_none(), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else_and_says_why() {
        for (text, message) in [
            ("sum(rate(m[5m]))", "is a query, not a selector"),
            ("m[5m]", "is a range"),
            ("m offset 5m", "looks back in time"),
            ("{a=\"b\"}", "has no metric name"),
            ("m{a=\"b\"", "is not valid PromQL"),
            ("m{a=~\"(\"}", "is not valid PromQL"),
            ("", "is not valid PromQL"),
            ("m{a=\"b\" or c=\"d\"}", "or"),
        ] {
            let error = selector(text).unwrap_err();
            assert!(error.message().contains(message), "{text}: {error}");
            assert!(error.hint().is_some(), "{text}");
        }
    }
}
