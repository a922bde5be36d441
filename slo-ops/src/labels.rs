//! Labels that bad events have, and others do not.

use slo_core::model::Window;
use std::collections::{BTreeMap, BTreeSet};

/// The share of bad events that must have a label value, so that it is a finding.
const MOST: f64 = 0.5;
/// The share among all events may be at most this part of the share among bad events.
const APART: f64 = 0.8;
/// Labels that say how a request ended. They are an effect and not a cause, so they come last.
const OUTCOMES: [&str; 14] = [
    "code",
    "error_type",
    "grpc_code",
    "grpc_status",
    "http_response_status_code",
    "http_status",
    "http_status_code",
    "outcome",
    "response_code",
    "result",
    "rpc_grpc_status_code",
    "rpc_response_status_code",
    "status",
    "status_code",
];
/// The most labels in the findings.
const MOST_TOLD: usize = 4;

/// Events by the labels they have.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "events are bad or not")]
pub struct Split {
    /// All events.
    pub all: BTreeMap<BTreeMap<String, String>, f64>,
    /// The bad ones.
    pub bad: BTreeMap<BTreeMap<String, String>, f64>,
}

impl Split {
    /// Label values that most bad events have, but clearly fewer of all events, in words.
    ///
    /// `before` is the split of an earlier time, and how long ago that was. `defining` are the labels that make an event bad,
    /// which are no finding.
    ///
    /// ```
    /// use slo_ops::Split;
    /// use std::collections::BTreeSet;
    ///
    /// let of = |zone: &str| [("zone".to_owned(), zone.to_owned())].into();
    /// let all = [(of("a"), 500.0), (of("b"), 500.0)].into();
    /// let split = Split { all, bad: [(of("a"), 2.0), (of("b"), 38.0)].into() };
    /// let found = split.most_of_bad(None, &BTreeSet::new());
    /// assert_eq!(found, ["95 % of the bad events have zone=b, but 50 % of all events"]);
    /// ```
    #[must_use]
    pub fn most_of_bad(&self, before: Option<(&Self, Window)>, defining: &BTreeSet<String>) -> Vec<String> {
        let (bad_shares, all_shares) = (part_by_value(&self.bad), part_by_value(&self.all));
        let before = before.map(|(before, ago)| (part_by_value(&before.bad), ago));
        let before = before.filter(|(before, _)| !before.is_empty());
        let mut found: Vec<(bool, f64, String)> = Vec::new();
        for ((name, value), bad) in bad_shares {
            let all = all_shares.get(&(name, value)).copied().unwrap_or(0.0);
            if bad < MOST || all > bad * APART || defining.contains(name) {
                continue;
            }
            let then = before.as_ref().map_or_else(String::new, |(before, ago)| {
                let then = before.get(&(name, value)).copied().unwrap_or(0.0);
                format!("; {ago} earlier, {:.0} % of the bad events", then * 100.0)
            });
            let (bad_part, all_part) = (bad * 100.0, all * 100.0);
            let text = format!(
                "{bad_part:.0} % of the bad events have {name}={value}, \
                 but {all_part:.0} % of all events{then}"
            );
            found.push((OUTCOMES.contains(&name.as_str()), bad - all, text));
        }
        found.sort_by(|one, other| one.0.cmp(&other.0).then(other.1.total_cmp(&one.1)));
        found.into_iter().map(|(_, _, text)| text).take(MOST_TOLD).collect()
    }
}

/// The share of events that have each value of each label; nothing without events.
fn part_by_value(series: &BTreeMap<BTreeMap<String, String>, f64>) -> BTreeMap<(&String, &String), f64> {
    let total: f64 = series.values().sum();
    let mut parts = BTreeMap::new();
    if total > 0.0 {
        for (labels, sum) in series {
            for label in labels {
                *parts.entry(label).or_insert(0.0) += sum / total;
            }
        }
    }
    parts
}
