//! Which of the service's own series an SLO counts.

use super::{Edges, Method, Reading};
use crate::{Error, Kind, labels::Labels};
use regex_lite::Regex;
use slo_core::{
    math::Tally,
    model::{EventCounters, EventPair, MatchOp, Matcher, Name, Period, Selector, Sli, Slo, metric},
};
use std::time::Duration;

/// The two streams of an SLO, and how they make a tally.
#[derive(Debug)]
pub(crate) struct SloCounter {
    name: Name,
    pair: EventPair,
    first: Stream,
    second: Stream,
    // Of a latency SLO.
    threshold: Option<Duration>,
}

/// A selector applied to the series of this process.
#[derive(Debug)]
struct Stream {
    kind: Kind,
    conditions: Vec<Condition>,
    // The last bucket that counts; all of them where `None`.
    up_to: Option<usize>,
}

#[derive(Debug)]
struct Condition {
    label: &'static str,
    test: Test,
}

/// Whether a series is part of the first and the second stream of an SLO.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Member {
    first: bool,
    second: bool,
}

#[derive(Debug)]
enum Test {
    Equal(String),
    NotEqual(String),
    Regex(Regex, Vec<String>),
    NotRegex(Regex),
}

impl SloCounter {
    /// The streams of `slo` over the series with these `edges`; `None` for an SLO that is [not
    /// counted](why_not_counted) here.
    pub(crate) fn compile(slo: &Slo, edges: &Edges) -> Result<Option<Self>, Error> {
        if why_not_counted(slo).is_some() {
            return Ok(None);
        }
        let all = |selector: &Selector| Stream::of_requests(slo, selector);
        let (pair, first, second) = match slo.sli() {
            Sli::Events(counters) => {
                let [first, second] = counters.both();
                (counters.pair(), all(first)?, all(second)?)
            }
            Sli::Latency(latency) => {
                let stream = |up_to| Stream::compile(slo, latency.histogram(), "", up_to);
                let edge = edges
                    .position(latency.threshold().as_millis())
                    .ok_or_else(|| Error::new(place(slo), "no bucket at the threshold"))?;
                (EventPair::TotalGood, stream(None)?, stream(Some(edge))?)
            }
            _ => return Ok(None),
        };
        if let Sli::Events(counters) = slo.sli() {
            check_labels(slo, counters)?;
        }
        let threshold = match slo.sli() {
            Sli::Latency(latency) => Some(latency.threshold().as_duration()),
            _ => None,
        };
        Ok(Some(Self { name: slo.name().clone(), pair, first, second, threshold }))
    }

    /// The routes, methods and operations that the SLO's selectors name. Their series exist from the start,
    /// whatever the first event is.
    pub(crate) fn named(&self) -> Vec<(Kind, Method, &str)> {
        let streams = [&self.first, &self.second];
        streams.into_iter().flat_map(Stream::named).collect()
    }

    /// How long an event of `kind` with this peer and name may take, if this is a latency SLO of such events.
    pub(crate) fn threshold_of(&self, kind: Kind, peer: &str, name: &str) -> Option<Duration> {
        let concerns = |condition: &Condition| match condition.label {
            metric::SERVICE_PEER_NAME => condition.test.holds(peer),
            metric::HTTP_ROUTE | metric::RPC_METHOD | metric::OPERATION => condition.test.holds(name),
            _ => true,
        };
        self.threshold.filter(|_| self.first.kind == kind && self.first.conditions.iter().all(concerns))
    }

    fn member(&self, kind: Kind, labels: &Labels) -> Member {
        let value = |wanted: &str| {
            let found = labels.iter().find(|(label, _)| *label == wanted);
            found.map_or("", |(_, value)| value.as_str())
        };
        let holds = |stream: &Stream| {
            stream.kind == kind && stream.conditions.iter().all(|c| c.test.holds(value(c.label)))
        };
        Member { first: holds(&self.first), second: holds(&self.second) }
    }

    pub(crate) fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Whether an event in `bucket` of a series that is its `member` is bad for it.
    pub(crate) fn is_hurt(&self, member: Member, bucket: usize) -> bool {
        let Member { first, second } = member;
        let is_within = |stream: &Stream| stream.up_to.is_none_or(|last| bucket <= last);
        match self.pair {
            EventPair::TotalBad | EventPair::GoodBad => second && is_within(&self.second),
            EventPair::TotalGood => first && is_within(&self.first) && !(second && is_within(&self.second)),
        }
    }

    fn add(&self, member: Member, reading: &Reading, sums: &mut Sums) {
        let read = |stream: &Stream| match stream.up_to {
            Some(bucket) => reading.cumulative.get(bucket).copied().unwrap_or(0),
            None => reading.count(),
        };
        let part = |is_member: bool, stream: &Stream| if is_member { read(stream) } else { 0 };
        sums.first = sums.first.saturating_add(part(member.first, &self.first));
        sums.second = sums.second.saturating_add(part(member.second, &self.second));
    }

    /// The tally of the summed streams.
    ///
    /// # Errors
    /// Streams that contradict each other, such as more bad requests than requests.
    pub(crate) fn tally(&self, sums: Sums) -> Result<Tally, slo_core::Error> {
        let Sums { first, second } = sums;
        match self.pair {
            EventPair::TotalBad => Tally::new(first, second),
            EventPair::TotalGood => {
                Tally::new(first, second).and_then(|inverse| Tally::new(first, inverse.good()))
            }
            EventPair::GoodBad => Tally::new(first.saturating_add(second), second),
        }
    }
}

/// The two streams of an SLO, summed over all series.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sums {
    first: u64,
    second: u64,
}

/// The members of a new series, one per SLO.
pub(crate) fn members(slos: &[SloCounter], kind: Kind, labels: &Labels) -> Box<[Member]> {
    slos.iter().map(|slo| slo.member(kind, labels)).collect()
}

/// Adds what a series with these `members`, as it was read, contributes to every SLO.
pub(crate) fn add(slos: &[SloCounter], members: &[Member], reading: &Reading, sums: &mut [Sums]) {
    for ((slo, member), sums) in slos.iter().zip(members).zip(sums) {
        slo.add(*member, reading, sums);
    }
}

/// Refuses labels that this crate does not emit but that were meant as its labels: in Prometheus they would
/// select nothing.
///
/// A label that the scrape adds stands in both selectors. A label that is only in the narrower selector, or
/// whose name is part of an emitted label, such as `status_code`, is refused.
fn check_labels(slo: &Slo, counters: &EventCounters) -> Result<(), Error> {
    let [wide, narrow] = counters.both();
    for selector in [wide, narrow] {
        let kind = Kind::of_metric(selector.metric().trim_end_matches("_count"));
        let emitted = kind.map_or(&[][..], Kind::label_names);
        for matcher in selector.matchers() {
            let label = matcher.label.as_str();
            if emitted.contains(&label) {
                continue;
            }
            let is_part =
                |name: &&&str| name.split('_').any(|part| label.split('_').any(|word| word == part));
            let hint = match emitted.iter().find(is_part) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if wide.matchers().contains(matcher) => continue,
                None => format!(
                    "the labels are {}; write a label that the scrape adds into both selectors",
                    emitted.join(", ")
                ),
            };
            let message = format!("`{selector}`: no series has the label `{label}`; {hint}");
            return Err(Error::new(place(slo), message));
        }
    }
    Ok(())
}

/// Why only the rules judge an SLO: this process does not count what the SLO needs.
pub(crate) fn why_not_counted(slo: &Slo) -> Option<&'static str> {
    match slo.sli() {
        Sli::Gauge(_) => return Some("only the rules read a gauge"),
        Sli::Probe(_) => return Some("only the rules read a probe"),
        Sli::Ratio(_) => return Some("only the rules read a recorded ratio"),
        Sli::Queries(_) => return Some("only the rules read queries"),
        Sli::Events(_) | Sli::Latency(_) => {}
        _ => return Some("only the rules read an SLI of this kind"),
    }
    if !slo.by().is_empty() {
        return Some("only the rules keep the budgets of groups (`by`)");
    }
    if slo.slices().is_some() {
        return Some("only the rules judge time slices");
    }
    (!matches!(slo.period(), Period::Rolling(_))).then_some("only the rules judge calendar periods")
}

fn place(slo: &Slo) -> String {
    format!("slo `{}`", slo.name())
}

impl Stream {
    fn of_requests(slo: &Slo, selector: &Selector) -> Result<Self, Error> {
        Self::compile(slo, selector, "_count", None)
    }

    fn compile(slo: &Slo, selector: &Selector, suffix: &str, up_to: Option<usize>) -> Result<Self, Error> {
        let kind = selector.metric().strip_suffix(suffix).and_then(Kind::of_metric).ok_or_else(|| {
            let emitted = Kind::ALL.map(|kind| format!("`{}{suffix}`", kind.metric())).join(", ");
            let message =
                format!("`{}` is not a metric of this crate; select one of {emitted}", selector.metric());
            Error::new(place(slo), message)
        })?;
        // Other labels are put on by the scrape (`job`, `instance`, …) and hold for all series alike.
        let conditions = selector.matchers().iter().filter_map(|matcher| {
            let label = kind.label_names().iter().find(|label| **label == matcher.label.as_str())?;
            Some(Test::of(matcher).map(|test| Condition { label, test }))
        });
        let conditions = conditions
            .collect::<Result<_, _>>()
            .map_err(|error| Error::new(place(slo), format!("`{selector}`: {error}")))?;
        Ok(Self { kind, conditions, up_to })
    }
}

impl Stream {
    /// The names that it selects, with their methods.
    fn named(&self) -> Vec<(Kind, Method, &str)> {
        let values = |label: &str| -> Vec<&str> {
            let named = self.conditions.iter().filter(|condition| condition.label == label);
            let values = named.flat_map(|condition| condition.test.values()).map(String::as_str);
            values.filter(|value| !value.is_empty()).collect()
        };
        let (names, methods) = match self.kind {
            Kind::HttpServer => {
                let methods = values(metric::HTTP_REQUEST_METHOD);
                (values(metric::HTTP_ROUTE), methods.into_iter().filter_map(Method::named).collect())
            }
            Kind::GrpcServer => (values(metric::RPC_METHOD), vec![Method::NONE]),
            Kind::Operation => (values(metric::OPERATION), vec![Method::NONE]),
            // Client series are per peer, so none can be created in advance.
            Kind::HttpClient | Kind::GrpcClient => (Vec::new(), Vec::new()),
        };
        names.iter().flat_map(|name| methods.iter().map(|method| (self.kind, *method, *name))).collect()
    }
}

impl Test {
    fn of(matcher: &Matcher) -> Result<Self, String> {
        // Prometheus anchors at both ends, and lets `.` match line breaks.
        let anchored = || expression(&matcher.value);
        Ok(match matcher.op {
            MatchOp::Equal => Self::Equal(matcher.value.clone()),
            MatchOp::NotEqual => Self::NotEqual(matcher.value.clone()),
            MatchOp::Regex => Self::Regex(anchored()?, alternatives(&matcher.value)),
            MatchOp::NotRegex => Self::NotRegex(anchored()?),
        })
    }

    /// The values that match, if the test lists all of them.
    fn values(&self) -> &[String] {
        match self {
            Self::Equal(value) => std::slice::from_ref(value),
            Self::Regex(_, values) => values,
            Self::NotEqual(_) | Self::NotRegex(_) => &[],
        }
    }

    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Equal(wanted) => value == wanted,
            Self::NotEqual(unwanted) => value != unwanted,
            Self::Regex(wanted, _) => wanted.is_match(value),
            Self::NotRegex(unwanted) => !unwanted.is_match(value),
        }
    }
}

/// The pattern as Prometheus reads it: anchored, with ASCII classes such as `\w`.
///
/// # Errors
/// A pattern that is not valid, ignores the case of letters beyond ASCII, or names a class of Unicode
/// characters.
fn expression(pattern: &str) -> Result<Regex, String> {
    if pattern.contains("(?") && !pattern.is_ascii() && folds_case(pattern) {
        return Err("ignoring the case of letters beyond ASCII is not supported; write both cases".to_owned());
    }
    if pattern.contains(r"\p") || pattern.contains(r"\P") {
        return Err("a class of Unicode characters is not supported; write the characters".to_owned());
    }
    Regex::new(&format!("^(?s:{})$", literal_braces(pattern))).map_err(|error| error.to_string())
}

/// Whether a flag of the pattern, such as `(?i)` or `(?is:…)`, makes it ignore case.
fn folds_case(pattern: &str) -> bool {
    pattern.split("(?").skip(1).any(|group| {
        let flags = group.split([':', ')']).next().unwrap_or_default();
        flags.split('-').next().is_some_and(|set| set.contains('i') && !set.starts_with(['P', '<']))
    })
}

/// The alternatives of a pattern of literals, such as `shop.Cart/Add|shop.Cart/Remove`; none for other
/// patterns. A dot stands for itself, because names contain dots.
fn alternatives(pattern: &str) -> Vec<String> {
    let inside = pattern.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(pattern);
    let parts: Vec<String> = inside.split('|').map(|part| part.replace("\\.", ".")).collect();
    let is_literal =
        |part: &String| !part.contains(['\\', '*', '+', '?', '[', ']', '(', ')', '^', '$', '{', '}']);
    if parts.iter().all(is_literal) { parts } else { Vec::new() }
}

/// The pattern with every `{` escaped unless it begins a repetition: Prometheus takes the others literally,
/// as in the route `/users/{id}`.
fn literal_braces(pattern: &str) -> String {
    let mut escaped = String::with_capacity(pattern.len());
    let mut after_backslash = false;
    for (position, character) in pattern.char_indices() {
        let rest = pattern.get(position + character.len_utf8()..).unwrap_or_default();
        // `\p{Greek}` and `\x{1F600}` are classes and characters, not literals.
        let is_class = escaped.ends_with("\\p") || escaped.ends_with("\\P") || escaped.ends_with("\\x");
        if character == '{' && !after_backslash && !is_class && !is_repetition(rest) {
            escaped.push('\\');
        }
        escaped.push(character);
        after_backslash = character == '\\' && !after_backslash;
    }
    escaped
}

/// Whether `rest`, after a `{`, is `3}`, `3,}` or `3,5}` and what follows.
fn is_repetition(rest: &str) -> bool {
    let Some((inside, _)) = rest.split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_braces_as_prometheus_does() {
        for (pattern, escaped) in [
            ("/users/{id}|/ok", r"/users/\{id}|/ok"),
            ("5.{2}", "5.{2}"),
            ("a{1,3}{2,}", "a{1,3}{2,}"),
            (r"\{id}", r"\{id}"),
            (r"\p{Greek}", r"\p{Greek}"),
            ("a{,3}{", r"a\{,3}\{"),
        ] {
            assert_eq!(literal_braces(pattern), escaped);
        }
    }

    #[test]
    fn reads_patterns_as_prometheus_does() {
        for (pattern, value, matches) in [
            ("5..", "503", true),
            ("5..", "5030", false),
            ("/users/{id}|/ok", "/users/{id}", true),
            (r"\w+", "straße", false), // RE2's classes are of ASCII
            (".", "ß", true),
            (".*", "a\nb", true),
            ("(?i)get", "GET", true),
            ("[^/]+", "ärger", true),
            ("", "", true),
        ] {
            assert_eq!(expression(pattern).unwrap().is_match(value), matches, "{pattern} {value}");
        }
        for (pattern, error) in
            [("(?i)straße", "beyond ASCII"), (r"\p{Greek}", "class of Unicode"), ("(", "open group")]
        {
            let refused = expression(pattern).unwrap_err();
            assert!(refused.contains(error), "{pattern}: {refused}");
        }
    }
}
