//! The pages of incidents.

use super::{
    super::{
        api::incidents::{Deed, StepName},
        auth::{Responder, Viewer},
        refused::Refused,
        site::Site,
    },
    layout::{Layout, PageRefused, html, moment},
};
use crate::clock::now;
use askama::Template;
use axum::{
    Form,
    extract::{Path, State, rejection::FormRejection},
    response::{IntoResponse, Redirect, Response},
};
use regex::{Captures, Regex};
use serde::Deserialize;
use slo_core::{model::Timestamp, page::duration, plain};
use slo_ops::{
    Redactor,
    incident::{Entry, Episode, EpisodeState, Incident, Stage, StepRun, StepState, command_line},
    notify::Summary,
    time_between,
    watch::Span,
};
use std::sync::{Arc, LazyLock};

/// An incident in a list.
pub(super) struct OpenIncident {
    pub(super) class: &'static str,
    pub(super) state: &'static str,
    pub(super) href: String,
    pub(super) title: String,
    pub(super) since: String,
    /// What somebody is asked for; empty if nothing is.
    pub(super) asks: String,
    pub(super) span: (Timestamp, Timestamp),
}

#[derive(Template)]
#[template(path = "incidents.html")]
struct IncidentsPage {
    layout: Layout,
    trouble: String,
    rows: Vec<IncidentLine>,
}

struct IncidentLine {
    class: &'static str,
    state: &'static str,
    href: String,
    title: String,
    severity: String,
    began: String,
    lasted: String,
    steps: String,
    asks: String,
}

#[derive(Template)]
#[template(path = "incident.html")]
struct IncidentPage {
    layout: Layout,
    id: String,
    /// The address of the page, to which its forms are sent.
    href: String,
    token: String,
    may_act: bool,
    episodes: Vec<EpisodeView>,
}

struct EpisodeView {
    class: &'static str,
    state: &'static str,
    title: String,
    is_open: bool,
    is_acknowledged: bool,
    is_mitigated: bool,
    lines: Vec<String>,
    links: Vec<(String, String)>,
    slos: Vec<(String, String)>,
    stages: Vec<(&'static str, String)>,
    steps: Vec<StepView>,
    timeline: Vec<(String, String)>,
}

struct StepView {
    /// Its number in the runbook, from 1.
    number: usize,
    name: String,
    kind: String,
    class: &'static str,
    state: String,
    command: String,
    findings: Vec<String>,
    output: String,
    is_asked: bool,
    reason: String,
}

/// The incidents that are open, newest first.
pub(super) async fn open_incidents(site: &Site) -> Vec<OpenIncident> {
    let kept = site.incidents().await;
    let (Some((incidents, _)), Some(app)) = (kept.value, &site.record) else { return Vec::new() };
    let open = incidents
        .iter()
        .filter_map(|incident| Some((incident, incident.open().filter(|one| one.is_open())?)));
    open.map(|(incident, episode)| listed(site, incident, episode, &app.redactor)).collect()
}

/// The episodes of an SLO that were open in a time.
pub(super) async fn episodes_of(site: &Site, service: &str, slo: &str, time: &Span) -> Vec<OpenIncident> {
    let kept = site.incidents().await;
    let (Some((incidents, _)), Some(app)) = (kept.value, &site.record) else { return Vec::new() };
    let name = format!("{service}/{slo}");
    let all =
        incidents.iter().flat_map(|incident| incident.episodes().iter().map(move |one| (incident, one)));
    let of_slo =
        |episode: &Episode| episode.alerts.iter().any(|alert| alert.slo().as_deref() == Some(name.as_str()));
    all.filter(|(_, episode)| of_slo(episode))
        .map(|(incident, episode)| listed(site, incident, episode, &app.redactor))
        .filter(|one| one.span.1 > time.from && one.span.0 < time.to)
        .collect()
}

fn listed(site: &Site, incident: &Incident, episode: &Episode, redactor: &Redactor) -> OpenIncident {
    let end = episode.resolution.map_or_else(now, |resolution| resolution.ended);
    let lasted = time_between(episode.id.began, end);
    let began = moment(episode.id.began, &site.zone);
    OpenIncident {
        class: class(episode),
        state: word(episode.state()),
        href: format!("{}/incidents/{}", site.base, incident.id()),
        title: clean(redactor, &episode.title()),
        since: if episode.is_open() {
            format!("since {began} {} ({lasted})", site.zone)
        } else {
            format!("{began} {}, lasted {lasted}", site.zone)
        },
        asks: asks(episode),
        span: (episode.id.began, end),
    }
}

/// `waits for approval: restart`
fn asks(episode: &Episode) -> String {
    let asked: Vec<&str> = episode
        .steps()
        .iter()
        .filter(|run| run.is_asked() && episode.is_open())
        .map(|run| run.info.name.as_str())
        .collect();
    if asked.is_empty() { String::new() } else { format!("waits for approval: {}", asked.join(", ")) }
}

fn clean(redactor: &Redactor, text: &str) -> String {
    plain(&redactor.redact(text)).into_owned()
}

const fn word(state: EpisodeState) -> &'static str {
    match state {
        EpisodeState::Acknowledged => "Acknowledged",
        EpisodeState::Mitigated => "Mitigated",
        EpisodeState::Resolved => "Resolved",
        _ => "Firing",
    }
}

fn class(episode: &Episode) -> &'static str {
    match episode.state() {
        EpisodeState::Resolved => "none",
        EpisodeState::Firing if episode.is_urgent() => "firing",
        EpisodeState::Mitigated => "ok",
        _ => "pending",
    }
}

/// `GET /incidents`
pub(in super::super) async fn incidents(
    viewer: Result<Viewer, Refused>,
    State(site): State<Arc<Site>>,
) -> Result<Response, PageRefused> {
    viewer.map_err(PageRefused::of(&site))?;
    let app = site.record().map_err(PageRefused::of(&site))?;
    let kept = site.incidents().await;
    let mut rows = Vec::new();
    if let Some((incidents, _)) = &kept.value {
        for incident in incidents.iter() {
            for episode in incident.episodes().iter().rev() {
                rows.push((episode.id.began, line(&site, incident, episode, &app.redactor)));
            }
        }
    }
    // Open ones first, then the latest.
    rows.sort_by_key(|(began, row)| (row.class == "none", std::cmp::Reverse(*began)));
    let trouble =
        kept.trouble.map(|trouble| format!("The record of incidents cannot be read: {}", plain(&trouble)));
    let page = IncidentsPage {
        layout: Layout::new(&site, "incidents", "Incidents"),
        trouble: trouble.unwrap_or_default(),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
    };
    Ok(html(&page))
}

fn line(site: &Site, incident: &Incident, episode: &Episode, redactor: &Redactor) -> IncidentLine {
    let steps = episode.steps();
    let ended = steps.iter().filter(|run| run.state.is_final()).count();
    let end = episode.resolution.map_or_else(now, |resolution| resolution.ended);
    IncidentLine {
        class: class(episode),
        state: word(episode.state()),
        href: format!("{}/incidents/{}", site.base, incident.id()),
        title: clean(redactor, &episode.title()),
        severity: clean(redactor, episode.severity()),
        began: moment(episode.id.began, &site.zone),
        lasted: time_between(episode.id.began, end),
        steps: if steps.is_empty() { "–".to_owned() } else { format!("{ended} of {}", steps.len()) },
        asks: asks(episode),
    }
}

/// `GET /incidents/{incident}`
pub(in super::super) async fn incident(
    viewer: Result<Viewer, Refused>,
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
) -> Result<Response, PageRefused> {
    let viewer = viewer.map_err(PageRefused::of(&site))?;
    let page = incident_page(&site, &viewer, &id).await.map_err(PageRefused::of(&site))?;
    Ok(html(&page))
}

async fn incident_page(site: &Site, viewer: &Viewer, id: &str) -> Result<IncidentPage, Refused> {
    let app = site.record()?;
    let id = app.find(id).await?;
    let record = app.store.record(id, 0).await?;
    if record.is_empty() {
        return Err(Refused::missing(format!("there is no incident {id}")));
    }
    let entries: Vec<&Entry> = record.iter().map(|numbered| &numbered.entry).collect();
    let incident = Incident::of(id, entries.iter().copied());
    let all = incident.episodes();
    let next = |index: usize| all.get(index + 1).map(|next| next.id.began);
    let views = all.iter().enumerate().rev();
    let views = views.map(|(index, episode)| view(site, episode, next(index), &entries, &app.redactor));
    let episodes: Vec<EpisodeView> = views.collect();
    let title = episodes.first().map_or_else(|| id.to_string(), |one| one.title.clone());
    let is_firing = episodes.first().is_some_and(|one| one.class == "firing");
    Ok(IncidentPage {
        layout: Layout::new(site, "incidents", title).with_icon(if is_firing { "page" } else { "none" }),
        href: format!("{}/incidents/{id}", site.base),
        id: id.to_string(),
        token: site.doors.token(&viewer.who),
        may_act: viewer.may_act,
        episodes,
    })
}

fn view(
    site: &Site,
    episode: &Episode,
    next: Option<Timestamp>,
    entries: &[&Entry],
    redactor: &Redactor,
) -> EpisodeView {
    let summary = Summary::of(episode, redactor, now());
    let moments = episode.moments();
    let stages = Stage::ALL.iter().filter_map(|stage| Some((stage.name(), lasted(moments.millis(*stage)?))));
    let mut lines = vec![summary.since.clone()];
    lines.extend(summary.description.clone());
    lines.extend(summary.spent.clone());
    lines.extend(summary.findings.iter().map(|finding| format!("Found: {finding}")));
    lines.extend(summary.steps.iter().cloned());
    let known = |name: &String| {
        let (service, slo) = name.split_once('/')?;
        let has = site.services.iter().any(|one| {
            one.name().as_str() == service && one.slos().iter().any(|one| one.name().as_str() == slo)
        });
        has.then(|| (name.clone(), format!("{}/slos/{service}/{slo}", site.base)))
    };
    let mut slos: Vec<String> = episode.alerts.iter().filter_map(slo_ops::alert::Alert::slo).collect();
    slos.sort();
    slos.dedup();
    // A delivery belongs to the episode that it found.
    let own = entries.iter().filter(|entry| match entry.episode {
        Some(began) => began == episode.id.began,
        None => entry.at >= episode.id.began && next.is_none_or(|next| entry.at < next),
    });
    EpisodeView {
        class: class(episode),
        state: word(episode.state()),
        title: summary.title.clone(),
        is_open: episode.is_open(),
        is_acknowledged: episode.acknowledged.is_some(),
        is_mitigated: episode.mitigated.is_some(),
        lines: lines.iter().map(|line| localized(line, &site.zone)).collect(),
        links: summary.links.iter().map(|link| (link.name.clone(), link.url.clone())).collect(),
        slos: slos.iter().filter_map(known).collect(),
        stages: stages.collect(),
        steps: episode
            .steps()
            .iter()
            .enumerate()
            .map(|(index, run)| step(index + 1, run, redactor))
            .collect(),
        timeline: own
            .map(|entry| {
                let told = clean(redactor, &episode.told(&entry.event));
                (moment(entry.at, &site.zone), localized(&told, &site.zone))
            })
            .collect(),
    }
}

fn step(number: usize, run: &StepRun, redactor: &Redactor) -> StepView {
    let (mut findings, mut output, mut reason) = (Vec::new(), String::new(), String::new());
    let state = match &run.state {
        StepState::Ended { millis, outcome, output: told, .. } => {
            findings = told.findings.iter().map(|finding| clean(redactor, finding)).collect();
            // Lines are kept; other control characters are not.
            let lines = told.text.lines().chain(told.errors.lines());
            output = lines.map(|line| clean(redactor, line)).collect::<Vec<_>>().join("\n");
            format!("{} after {}", clean(redactor, &outcome.to_string()), lasted(*millis))
        }
        StepState::Skipped { reason: told } => {
            reason = clean(redactor, told);
            "skipped".to_owned()
        }
        state => run.waits_for().map_or_else(|| state.name().to_owned(), |waits| clean(redactor, &waits)),
    };
    StepView {
        number,
        name: run.info.name.clone(),
        kind: run.info.kind.to_string(),
        class: match run.state.name() {
            "failed" | "timed_out" | "unknown" => "firing",
            "running" => "pending",
            "succeeded" => "ok",
            _ if run.is_asked() => "pending",
            _ => "none",
        },
        state,
        command: if run.command.is_empty() {
            String::new()
        } else {
            clean(redactor, &command_line(&run.command))
        },
        findings,
        output,
        is_asked: run.is_asked(),
        reason,
    }
}

/// A text whose times are on the clock of the page.
fn localized(text: &str, zone: &str) -> String {
    static TIME: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z").ok());
    let Some(pattern) = TIME.as_ref() else { return text.to_owned() };
    let local = |found: &Captures<'_>| {
        let time = found.get(0).map_or("", |found| found.as_str());
        time.parse().map_or_else(|_| time.to_owned(), |time| format!("{} {zone}", moment(time, zone)))
    };
    pattern.replace_all(text, local).into_owned()
}

/// How long a step took.
fn lasted(millis: u64) -> String {
    if millis < 1_000 { format!("{millis} ms") } else { duration(millis as f64 / 1_000.0) }
}

/// A form of the page.
#[derive(Debug, Deserialize)]
pub(in super::super) struct Sent {
    token: String,
    action: String,
    #[serde(default)]
    step: Option<String>,
    #[serde(default)]
    text: String,
}

impl Sent {
    fn deed(self) -> Result<Deed, Refused> {
        let step = self.step.map(StepName::Name);
        let step = || step.ok_or_else(|| Refused::bad("the form names no step".to_owned()));
        Ok(match self.action.as_str() {
            "acknowledge" => Deed::Acknowledge,
            "mitigated" => Deed::Mitigated,
            "close" => Deed::Close,
            "approve" => Deed::Approve { step: step()? },
            "deny" => Deed::Deny { step: step()? },
            "note" => Deed::Note { text: self.text },
            other => return Err(Refused::bad(format!("there is no action `{}`", plain(other)))),
        })
    }
}

/// `POST /incidents/{incident}`: an action of a person, from a form of the page.
pub(in super::super) async fn act(
    responder: Result<Responder, Refused>,
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
    sent: Result<Form<Sent>, FormRejection>,
) -> Result<Response, PageRefused> {
    let done = async {
        let Responder { who } = responder?;
        let Form(sent) = sent.map_err(|error| Refused::bad(error.body_text()))?;
        site.doors.check_token(&who, &sent.token)?;
        let app = site.record()?;
        let incident = app.incident(&id).await?;
        app.act(&incident, sent.deed()?.event(who, &incident)?).await
    };
    done.await.map_err(PageRefused::of(&site))?;
    // Read again: the browser's reload button does not act a second time.
    Ok(Redirect::to(&format!("{}/incidents/{id}", site.base)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_on_one_clock() {
        let text = "waits until 2026-12-01T07:42:30.567Z, since 2026-07-01T06:39:25Z";
        let local = "waits until 2026-12-01 08:42:30 Europe/Berlin, since 2026-07-01 08:39:25 Europe/Berlin";
        assert_eq!(localized(text, "Europe/Berlin"), local);
    }
}
