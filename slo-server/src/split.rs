//! Events by their labels, from Prometheus.

use slo_core::model::{EventCounters, EventPair, Selector, Timestamp, Window};
use slo_ops::{Error, Split};
use slo_prometheus::{AsyncClient, Labels, Steps};
use std::collections::{BTreeMap, BTreeSet};

/// The events of the window before `at`.
pub(crate) async fn split(
    client: &AsyncClient,
    counters: &EventCounters,
    window: Window,
    at: Timestamp,
) -> Result<Split, Error> {
    let [first, second] = counters.both();
    let first = increases(client, first, window, at).await?;
    let second = increases(client, second, window, at).await?;
    Ok(match counters.pair() {
        EventPair::TotalBad => Split { all: first, bad: second },
        EventPair::GoodBad => {
            let mut all = first;
            for (labels, bad) in &second {
                *all.entry(labels.clone()).or_default() += bad;
            }
            Split { all, bad: second }
        }
        EventPair::TotalGood => {
            let bad = |(labels, total): (&Labels, &f64)| {
                let good = second.get(labels).copied().unwrap_or(0.0);
                (labels.clone(), (total - good).max(0.0))
            };
            Split { bad: first.iter().map(bad).collect(), all: first }
        }
    })
}

/// The labels that make an event bad.
pub(crate) fn defining(counters: &EventCounters) -> BTreeSet<String> {
    let of = |selector: &Selector| -> BTreeSet<String> {
        selector.matchers().iter().map(|matcher| matcher.label.to_string()).collect()
    };
    let [first, second] = counters.both();
    of(first).symmetric_difference(&of(second)).cloned().collect()
}

/// The increase of a counter, series by series, without the label of bucket bounds.
async fn increases(
    client: &AsyncClient,
    counter: &Selector,
    window: Window,
    at: Timestamp,
) -> Result<BTreeMap<Labels, f64>, Error> {
    let mut sums = BTreeMap::new();
    let point = |labels: &Labels, _: usize, value: f64| {
        if value.is_finite() {
            let mut labels = labels.clone();
            labels.remove("le");
            *sums.entry(labels).or_default() += value;
        }
    };
    let steps = Steps { start: at.before(window), step: window, count: 1 };
    let query = format!("increase({counter}[{window}])");
    client.range(&query, steps, point).await.map_err(|error| told(&error))?;
    Ok(sums)
}

/// An error of the client, with its hint.
pub(crate) fn told(error: &slo_prometheus::Error) -> Error {
    let told = Error::new(error.to_string());
    match error.hint() {
        Some(hint) => told.with_hint(hint),
        None => told,
    }
}
