//! Makes up series that match the selectors of an SLI.

use crate::model::{EventCounters, HistogramKind, LabelName, MatchOp, Matcher, Selector, Sli, Slo};
use regex::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};
use std::collections::BTreeMap;

/// A made-up series.
pub(super) struct Synthetic {
    /// In PromQL's notation.
    pub(super) series: String,
    pub(super) role: Role,
}

/// What a series counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// All events.
    Total,
    /// Good events only.
    Good,
    /// Bad events only.
    Bad,
    /// A gauge that is 1 when all is well.
    Gauge,
}

/// Made-up series of all, good and bad events that match the SLI of `slo`; `None` for queries, and for
/// selectors without an example.
pub(super) fn synthetic(slo: &Slo) -> Option<Vec<Synthetic>> {
    let group = group(slo)?;
    let make = |role, selector: &Selector, matchers: &[&Selector], without: Option<&Selector>| {
        let labels = labels(&group, matchers, without)?;
        Some(Synthetic { series: written(selector.metric(), &labels), role })
    };
    // The events of `part` are among those of `total`: they are in separate series, or counted in both.
    let split = |total: &Selector, part: &Selector, role, rest| {
        if total.metric() == part.metric() {
            Some(vec![make(role, part, &[total, part], None)?, make(rest, total, &[total], Some(part))?])
        } else {
            Some(vec![make(role, part, &[part], None)?, make(Role::Total, total, &[total], None)?])
        }
    };
    match slo.sli() {
        Sli::Events(EventCounters::TotalBad { total, bad }) => split(total, bad, Role::Bad, Role::Good),
        Sli::Events(EventCounters::TotalGood { total, good }) => split(total, good, Role::Good, Role::Bad),
        Sli::Events(EventCounters::GoodBad { good, bad }) => {
            Some(vec![make(Role::Good, good, &[good], Some(bad))?, make(Role::Bad, bad, &[bad], None)?])
        }
        Sli::Latency(latency) if latency.kind() == HistogramKind::Classic => {
            let bound = Matcher {
                label: LabelName::from_static("le"),
                op: MatchOp::Equal,
                value: latency.bucket_bound(),
            };
            let bucket = latency.histogram().suffixed("_bucket").with(bound);
            let count = latency.histogram().suffixed("_count");
            Some(vec![
                make(Role::Good, &bucket, &[&bucket], None)?,
                make(Role::Total, &count, &[&count], None)?,
            ])
        }
        Sli::Probe(probe) => Some(vec![make(Role::Gauge, probe, &[probe], None)?]),
        _ => None,
    }
}

/// The labels of `by`, with values that match all selectors of the SLO: all series are in one group.
fn group(slo: &Slo) -> Option<BTreeMap<&str, String>> {
    let selectors: Vec<&Selector> = match slo.sli() {
        Sli::Events(counters) => counters.both().to_vec(),
        Sli::Latency(latency) => vec![latency.histogram()],
        Sli::Probe(probe) => vec![probe],
        _ => vec![],
    };
    let of = |label: &LabelName| {
        let matchers = selectors.iter().flat_map(|selector| selector.matchers());
        let matchers: Vec<&Matcher> = matchers.filter(|matcher| matcher.label == *label).collect();
        if matchers.is_empty() { Some("any".to_owned()) } else { value(&matchers, None) }
    };
    slo.by_raw().iter().map(|label| Some((label.as_str(), of(label)?))).collect()
}

/// Labels of the group that match all of `selectors` but not `without`.
fn labels(
    group: &BTreeMap<&str, String>,
    selectors: &[&Selector],
    without: Option<&Selector>,
) -> Option<BTreeMap<String, String>> {
    let mut conditions: BTreeMap<&str, Vec<&Matcher>> = BTreeMap::new();
    for matcher in selectors.iter().flat_map(|selector| selector.matchers()) {
        conditions.entry(matcher.label.as_str()).or_default().push(matcher);
    }
    let mut labels: BTreeMap<String, String> =
        group.iter().map(|(label, value)| ((*label).to_owned(), value.clone())).collect();
    for (label, matchers) in conditions.iter().filter(|(label, _)| !group.contains_key(*label)) {
        labels.insert((*label).to_owned(), value(matchers, None)?);
    }
    if let Some(without) = without {
        // One label that keeps the series out is enough; it is of the same group.
        let mut others =
            without.matchers().iter().filter(|matcher| !group.contains_key(matcher.label.as_str()));
        let (label, value) = others.find_map(|matcher| {
            let wanted = conditions.get(matcher.label.as_str()).cloned().unwrap_or_default();
            Some((matcher.label.as_str(), value(&wanted, Some(matcher))?))
        })?;
        labels.insert(label.to_owned(), value);
    }
    for label in ["job", "instance"] {
        if !labels.contains_key(label) {
            labels.insert(label.to_owned(), "any".to_owned());
        }
    }
    Some(labels)
}

/// Values to try if no matcher suggests one.
const USUAL: [&str; 4] = ["200", "ok", "other", ""];

/// A value that meets all `matchers`, and not `unmet`.
fn value(matchers: &[&Matcher], unmet: Option<&Matcher>) -> Option<String> {
    let suggested = matchers.iter().filter_map(|matcher| match matcher.op {
        MatchOp::Equal => Some(matcher.value.clone()),
        MatchOp::Regex => example(&matcher.value),
        MatchOp::NotEqual | MatchOp::NotRegex => None,
    });
    // A negative matcher suggests a value that it does not match: `code!~"5.."` does not match 500.
    let avoided = unmet.and_then(|matcher| match matcher.op {
        MatchOp::NotEqual => Some(matcher.value.clone()),
        MatchOp::NotRegex => example(&matcher.value),
        MatchOp::Equal | MatchOp::Regex => None,
    });
    suggested
        .chain(avoided)
        .chain(USUAL.map(str::to_owned))
        .find(|value| matchers.iter().all(|m| holds(m, value)) && unmet.is_none_or(|m| !holds(m, value)))
}

fn holds(matcher: &Matcher, value: &str) -> bool {
    let matches =
        || Regex::new(&format!("^(?s:{})$", matcher.value)).is_ok_and(|regex| regex.is_match(value));
    match matcher.op {
        MatchOp::Equal => matcher.value == value,
        MatchOp::NotEqual => matcher.value != value,
        MatchOp::Regex => matches(),
        MatchOp::NotRegex => !matches(),
    }
}

/// A short text that the regular expression matches.
fn example(pattern: &str) -> Option<String> {
    let mut text = String::new();
    fill(&regex_syntax::parse(pattern).ok()?, &mut text)?;
    Some(text)
}

/// The example of any character.
const ANY: char = '0';

fn fill(hir: &Hir, text: &mut String) -> Option<()> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(Class::Unicode(class)) => {
            let has = |character| {
                class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&character))
            };
            let first = class.ranges().first()?.start();
            text.push(if has(ANY) {
                ANY
            } else if has('a') {
                'a'
            } else {
                first
            });
        }
        HirKind::Class(Class::Bytes(class)) => text.push(char::from(class.ranges().first()?.start())),
        // Repeat at least once, because most labels are not empty.
        HirKind::Repetition(repetition) => {
            let times = if repetition.max == Some(0) { 0 } else { repetition.min.max(1) };
            for _ in 0..times {
                fill(&repetition.sub, text)?;
            }
        }
        HirKind::Capture(capture) => fill(&capture.sub, text)?,
        HirKind::Concat(parts) => {
            for part in parts {
                fill(part, text)?;
            }
        }
        HirKind::Alternation(choices) => fill(choices.first()?, text)?,
    }
    Some(())
}

fn written(metric: &str, labels: &BTreeMap<String, String>) -> String {
    // An empty label is none.
    let matchers = labels.iter().filter(|(_, value)| !value.is_empty()).map(|(label, value)| {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("{label}=\"{value}\"")
    });
    format!("{metric}{{{}}}", matchers.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_values_for_regular_expressions() {
        for (pattern, expected) in [
            ("5..", "500"),
            ("(5..|429)", "500"),
            ("GET|POST", "GET"),
            ("/api/.*", "/api/0"),
            ("[^/]+", "0"),
            ("a?b{2}", "abb"),
        ] {
            assert_eq!(example(pattern).as_deref(), Some(expected));
        }
    }

    #[test]
    fn finds_values_that_are_kept_out() {
        let matcher =
            |op, value: &str| Matcher { label: LabelName::from_static("code"), op, value: value.into() };
        let (server, not) = (matcher(MatchOp::Regex, "5.."), matcher(MatchOp::NotRegex, "5.."));
        assert_eq!(value(&[], Some(&server)).as_deref(), Some("200"));
        assert_eq!(value(&[], Some(&not)).as_deref(), Some("500"));
        assert_eq!(value(&[&server], Some(&server)), None);
    }
}
