//! The built-in diagnoses.

use super::counts::Counts;
use crate::{
    clock::now,
    split::{defining, split},
    store::{Query, Store},
};
use slo_core::{model::Window, plain};
use slo_ops::{
    Error, Redactor,
    host::{Level, findings},
    incident::{Episode, Incident, Output, StepOutcome},
    notify::cut,
    runbook::{Check, LogFiles},
    time_between,
};
use std::time::Duration;
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

/// Reads logs, and says what is unusual about their lines shortly before and after the episode began.
pub(super) async fn logs(files: &LogFiles, episode: &Episode, redactor: &Redactor) -> (StepOutcome, Output) {
    let began = episode.id.began;
    let (from, to) = (began.before(AROUND_ALERT), began.after(AROUND_ALERT).min(now()));
    let files = files.clone();
    let found = tokio::task::spawn_blocking(move || crate::logs::unusual(&files, from, to, LONGEST));
    // The reading itself ends in time.
    let result = match timeout(LONGEST * 2, found).await {
        Err(_) => return (StepOutcome::TimedOut, Output::default()),
        Ok(Err(error)) => Err(Error::new(error.to_string())),
        Ok(Ok(found)) => found,
    };
    match result {
        Ok(findings) => {
            let mut output = Output::default();
            // Lines of logs come from anywhere, and go into the record.
            let clean = |text: &String| cut(&plain(&redactor.redact(text)), LONGEST_FINDING).into_owned();
            output.findings = findings.iter().map(clean).collect();
            (StepOutcome::Succeeded, output)
        }
        Err(error) => (StepOutcome::Failed { reason: error.to_string() }, Output::default()),
    }
}

/// The longest finding.
const LONGEST_FINDING: usize = 400;
/// How long before its alert a fault may have begun, and how long after it its lines still tell.
const AROUND_ALERT: Window = Window::minutes(15);
/// How long a diagnosis may take.
const LONGEST: Duration = Duration::from_secs(30);
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
    let client = counts.client()?;
    let events = split(client, &counters, fastest.short(), at).await?;
    let before = split(client, &counters, fastest.short(), at.before(fastest.long())).await.ok();
    let before = before.as_ref().map(|before| (before, fastest.long()));
    findings.extend(events.most_of_bad(before, &defining(&counters)));
    Ok(findings)
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
