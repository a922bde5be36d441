//! The built-in diagnoses.

use super::counts::{Counts, unreachable};
use crate::{
    clock::now,
    store::{Query, Store},
};
use slo_core::model::{EventCounters, EventPair, Selector, Timestamp, Window};
use slo_ops::{
    Error,
    host::{Level, findings},
    incident::{Episode, Incident, Output, StepOutcome},
    notify::cut,
    runbook::Check,
    time_between,
};
use slo_prometheus::Steps;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::timeout;

/// Runs a built-in diagnosis.
pub(super) async fn check(
    counts: &Counts,
    store: &dyn Store,
    episode: &Episode,
    check: Check,
) -> (StepOutcome, Output) {
    let found = async {
        match check {
            Check::Host => host().await,
            Check::Prometheus => prometheus(counts, episode).await,
            Check::Changes => changes(store, episode).await,
            _ => Err(Error::new("this diagnosis is not built in")),
        }
    };
    let Ok(result) = timeout(LONGEST, found).await else {
        return (StepOutcome::TimedOut, Output::default());
    };
    match result {
        Ok(findings) => {
            let mut output = Output::default();
            output.findings = findings;
            (StepOutcome::Succeeded, output)
        }
        Err(error) => (StepOutcome::Failed { reason: error.to_string() }, Output::default()),
    }
}

/// How long a diagnosis may take.
const LONGEST: Duration = Duration::from_secs(30);
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

/// The burn rate, and the labels that most bad events have, but clearly fewer of all events. The labels use
/// the windows of the fastest tier, by default an hour and five minutes.
async fn prometheus(counts: &Counts, episode: &Episode) -> Result<Vec<String>, Error> {
    let (service, slo) = counts.slo(episode)?;
    let evidence = counts.evidence(episode, None).await?;
    let mut findings = Vec::new();
    let name = format!("{}/{}", service.name(), slo.name());
    match evidence.burn_rate() {
        Some(rate) => findings.push(format!(
            "{name}: {} of {} events were bad in the last {}, a burn rate of {rate:.1}",
            evidence.bad,
            evidence.total,
            Window::from_millis(evidence.window)?,
        )),
        None => findings.push(format!("{name}: no events at all in the last five minutes")),
    }
    if evidence.bad == 0 {
        return Ok(findings);
    }
    // Gauges, probes and custom queries have no labels that tell bad events apart.
    let (Some(counters), Some(fastest)) = (slo.sli().counters(), slo.policy().tiers().first()) else {
        return Ok(findings);
    };
    let at = now();
    let events = Split::of(counts, &counters, fastest.short(), at).await?;
    let before = Split::of(counts, &counters, fastest.short(), at.before(fastest.long())).await;
    // The labels that define a bad event are no finding.
    let [first, second] = counters.both();
    let of = |selector: &Selector| -> BTreeSet<String> {
        selector.matchers().iter().map(|matcher| matcher.label.to_string()).collect()
    };
    let defining: BTreeSet<String> = of(first).symmetric_difference(&of(second)).cloned().collect();
    findings.extend(events.shares(before.ok().as_ref(), fastest.long(), &defining));
    Ok(findings)
}

type Series = BTreeMap<BTreeMap<String, String>, f64>;

/// The events of a window, by all the labels they have.
struct Split {
    all: Series,
    bad: Series,
}

/// The increase of a counter, series by series, without the label of bucket bounds.
async fn increases(
    counts: &Counts,
    counter: &Selector,
    window: Window,
    at: Timestamp,
) -> Result<Series, Error> {
    let mut sums = Series::new();
    let point = |labels: &slo_prometheus::Labels, _: usize, value: f64| {
        if value.is_finite() {
            let mut labels = labels.clone();
            labels.remove("le");
            *sums.entry(labels).or_default() += value;
        }
    };
    let steps = Steps { start: at.before(window), step: window, count: 1 };
    let query = format!("increase({counter}[{window}])");
    counts.client()?.range(&query, steps, point).await.map_err(|error| unreachable(&error))?;
    Ok(sums)
}

impl Split {
    /// The events of the window before `at`.
    async fn of(
        counts: &Counts,
        counters: &EventCounters,
        window: Window,
        at: Timestamp,
    ) -> Result<Self, Error> {
        let [first, second] = counters.both();
        let (first, second) =
            (increases(counts, first, window, at).await?, increases(counts, second, window, at).await?);
        Ok(match counters.pair() {
            EventPair::TotalBad => Self { all: first, bad: second },
            EventPair::GoodBad => {
                let mut all = first;
                for (labels, bad) in &second {
                    *all.entry(labels.clone()).or_default() += bad;
                }
                Self { all, bad: second }
            }
            EventPair::TotalGood => {
                let bad = |(labels, total): (&BTreeMap<String, String>, &f64)| {
                    let good = second.get(labels).copied().unwrap_or(0.0);
                    (labels.clone(), (total - good).max(0.0))
                };
                Self { bad: first.iter().map(bad).collect(), all: first }
            }
        })
    }

    /// Label values that most bad events have, but clearly fewer of all events; without labels that define a
    /// bad event.
    fn shares(&self, before: Option<&Self>, ago: Window, defining: &BTreeSet<String>) -> Vec<String> {
        let (bad_shares, all_shares) = (part_by_value(&self.bad), part_by_value(&self.all));
        let before = before.map(|before| part_by_value(&before.bad)).filter(|before| !before.is_empty());
        let mut found: Vec<(bool, f64, String)> = Vec::new();
        for ((name, value), bad) in bad_shares {
            let all = all_shares.get(&(name, value)).copied().unwrap_or(0.0);
            if bad < MOST || all > bad * APART || defining.contains(name) {
                continue;
            }
            let then = before.as_ref().map(|before| before.get(&(name, value)).copied().unwrap_or(0.0));
            let then = then.map_or_else(String::new, |then| {
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
fn part_by_value(series: &Series) -> BTreeMap<(&String, &String), f64> {
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

/// The findings about this machine.
async fn host() -> Result<Vec<String>, Error> {
    let facts = tokio::task::spawn_blocking(|| crate::host::look(&[])).await;
    let facts = facts.map_err(|error| Error::new(error.to_string()))?;
    let found = findings(&facts).into_iter().filter(|finding| finding.level < Level::Info);
    let mut texts: Vec<String> = found.map(|finding| finding.text).collect();
    if texts.is_empty() {
        texts.push("this machine: no problems found".to_owned());
    }
    Ok(texts)
}

/// How near in time another episode must be.
const NEARBY: Window = Window::minutes(30);
/// The most other episodes in the findings.
const MOST_CHANGES: usize = 10;
/// The longest text of one.
const LONGEST_CHANGE: usize = 200;
/// How many incidents are looked at.
const MOST_INCIDENTS: usize = 50;

/// Other episodes in this record that began at about the same time.
async fn changes(store: &dyn Store, episode: &Episode) -> Result<Vec<String>, Error> {
    let began = episode.id.began;
    let told = |error: crate::store::StoreError| Error::new(error.to_string());
    let query = Query { open: false, after: None, limit: MOST_INCIDENTS };
    let mut findings = Vec::new();
    for row in store.list(query).await.map_err(told)? {
        if row.incident == episode.id.incident || row.last < began.before(NEARBY) {
            continue;
        }
        let record = store.record(row.incident, 0).await.map_err(told)?;
        let other = Incident::of(row.incident, record.iter().map(|numbered| &numbered.entry));
        for nearby in other.episodes() {
            let start = nearby.id.began;
            if start < began.before(NEARBY) || start > began.after(NEARBY) {
                continue;
            }
            let when = if start <= began {
                format!("{} before", time_between(start, began))
            } else {
                format!("{} after", time_between(began, start))
            };
            let what =
                nearby.annotation("summary").or_else(|| nearby.label("alertname")).unwrap_or("other alerts");
            let what = cut(what, LONGEST_CHANGE);
            findings.push(format!("{when}: {what} ({})", nearby.state().name()));
        }
    }
    if findings.len() > MOST_CHANGES {
        let more = findings.len() - MOST_CHANGES;
        findings.truncate(MOST_CHANGES);
        findings.push(format!("{more} more episodes within half an hour"));
    }
    if findings.is_empty() {
        findings.push("no other alerts within half an hour".to_owned());
    }
    Ok(findings)
}
