//! The diagnoses that are built in.

use super::counts::{Counts, events, unreachable};
use crate::{
    clock::now,
    store::{Query, Store},
};
use slo_core::{
    model::{Timestamp, Window},
    rules::{Backend, EventQueries},
};
use slo_ops::{
    Error,
    host::{Level, findings},
    incident::{Episode, Incident, Output, StepOutcome},
    runbook::Check,
    time_between,
};
use slo_prometheus::Steps;
use std::collections::BTreeMap;

/// Makes a diagnosis.
pub(super) async fn check(
    counts: &Counts,
    store: &dyn Store,
    episode: &Episode,
    check: Check,
) -> (StepOutcome, Output) {
    let result = match check {
        Check::Host => host().await,
        Check::Prometheus => prometheus(counts, episode).await,
        Check::Changes => changes(store, episode).await,
        _ => Err(Error::new("this diagnosis is not built in")),
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

/// How much of the bad events a label's value must have to be told.
const MOST: f64 = 0.5;
/// How long before they are compared with.
const BEFORE: Window = Window::hours(1);
/// Of how many tiles.
const TILES: usize = 5;

/// How fast the budget burns, and which labels the bad events have that they did not have an hour before.
async fn prometheus(counts: &Counts, episode: &Episode) -> Result<Vec<String>, Error> {
    let (service, slo) = counts.slo(episode)?;
    let evidence = counts.evidence(episode, None).await?;
    let mut findings = Vec::new();
    let name = format!("{}/{}", service.name(), slo.name());
    match evidence.burn_rate() {
        Some(rate) => findings.push(format!(
            "{name}: {} of {} events were bad in the last {}, {rate:.1} times what the budget allows",
            evidence.bad,
            evidence.total,
            Window::from_millis(evidence.window)?,
        )),
        None => findings.push(format!("{name}: no events at all in the last five minutes")),
    }
    if evidence.bad == 0 {
        return Ok(findings);
    }
    let queries = EventQueries::of(service, slo, Backend::Prometheus)?;
    let Some(raw) = ungrouped(&queries.bad) else { return Ok(findings) };
    let at = now();
    let (after, before) =
        (series(counts, &raw, at, queries.tile), series(counts, &raw, at.before(BEFORE), queries.tile));
    let (after, before) = (after.await?, before.await.unwrap_or_default());
    findings.extend(shares(&after, &before));
    Ok(findings)
}

/// The same query without its outermost `sum`, so that all labels stay.
fn ungrouped(query: &str) -> Option<String> {
    let inner = query.strip_prefix("sum(")?.strip_suffix(')')?;
    // One pair of parentheses around all of it.
    let mut depth = 0_i32;
    for byte in inner.bytes() {
        depth += i32::from(byte == b'(') - i32::from(byte == b')');
        if depth < 0 {
            return None;
        }
    }
    Some(inner.to_owned())
}

type Series = Vec<(BTreeMap<String, String>, f64)>;

async fn series(counts: &Counts, query: &str, at: Timestamp, tile: Window) -> Result<Series, Error> {
    let mut sums: BTreeMap<BTreeMap<String, String>, f64> = BTreeMap::new();
    let steps = Steps { start: at.before_steps(tile, TILES - 1), step: tile, count: TILES };
    let point = |labels: &slo_prometheus::Labels, _: usize, value: f64| {
        if value.is_finite() {
            *sums.entry(labels.clone()).or_default() += value;
        }
    };
    counts.client()?.range(query, steps, point).await.map_err(|error| unreachable(&error))?;
    Ok(sums.into_iter().collect())
}

/// Values of labels that most bad events have, and that a smaller part of them had before.
fn shares(after: &Series, before: &Series) -> Vec<String> {
    let part = |series: &Series, name: &str, value: &str| {
        let total: f64 = series.iter().map(|(_, sum)| sum).sum();
        let own = series.iter().filter(|(labels, _)| labels.get(name).is_some_and(|own| own == value));
        let own: f64 = own.map(|(_, sum)| sum).sum();
        (total > 0.0).then(|| own / total)
    };
    let mut values: BTreeMap<&String, BTreeMap<&String, f64>> = BTreeMap::new();
    for (labels, sum) in after {
        for (name, value) in labels {
            *values.entry(name).or_default().entry(value).or_default() += sum;
        }
    }
    let mut found: Vec<(f64, String)> = Vec::new();
    for (name, values) in values {
        // A label with one value tells nothing apart.
        if values.len() < 2 {
            continue;
        }
        for (value, sum) in values {
            let Some(share) = part(after, name, value).filter(|share| *share >= MOST) else { continue };
            let then = part(before, name, value);
            if then.is_some_and(|then| then > share * 0.8) {
                continue;
            }
            let earlier =
                then.map_or_else(String::new, |then| format!(", {:.0} % an hour ago", then * 100.0));
            let text = format!(
                "{:.0} % of the bad events have {name}={value} ({}{earlier})",
                share * 100.0,
                events(sum)
            );
            found.push((share, text));
        }
    }
    found.sort_by(|one, other| other.0.total_cmp(&one.0));
    found.into_iter().map(|(_, text)| text).take(4).collect()
}

/// What is wrong with this machine.
async fn host() -> Result<Vec<String>, Error> {
    let facts = tokio::task::spawn_blocking(|| crate::host::look(&[])).await;
    let facts = facts.map_err(|error| Error::new(error.to_string()))?;
    let found = findings(&facts).into_iter().filter(|finding| finding.level < Level::Info);
    let mut texts: Vec<String> = found.map(|finding| finding.text).collect();
    if texts.is_empty() {
        texts.push("this machine: nothing is wrong".to_owned());
    }
    Ok(texts)
}

/// How near another episode must be.
const NEARBY: Window = Window::minutes(30);
/// How many incidents are looked at.
const MOST_INCIDENTS: usize = 50;

/// What else happened around the beginning of an episode: other episodes in this record.
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
            findings.push(format!("{when}: {what} ({})", nearby.state().name()));
        }
    }
    if findings.is_empty() {
        findings.push("no other alerts within half an hour".to_owned());
    }
    Ok(findings)
}
