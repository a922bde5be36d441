//! The API of incidents, and actions of people.

use super::super::{
    app::App,
    auth::{Responder, Viewer},
    refused::Refused,
    site::MOST,
};
use crate::{
    clock::now,
    store::{Query, Store, StoreError},
};
use axum::{
    Json,
    extract::{FromRequest, Path, Request, State},
};
use serde::Deserialize;
use serde_json::{Value, json};
use slo_ops::{
    Redactor,
    alert::IncidentId,
    incident::{Entry, Episode, EpisodeState, Event, Incident, Listed, Stage, StepState},
    notify::Summary,
};
use std::sync::Arc;

/// The fewest digits that stand for an id, and how many of the latest incidents are searched for them.
const FEWEST_DIGITS: usize = 6;
const SEARCHED: usize = 5_000;
/// The longest note, in characters.
const LONGEST_NOTE: usize = 4_000;

/// `GET /api/v1/incidents`: the latest episodes, those with the latest entries first.
pub(in super::super) async fn list(
    _: Viewer,
    State(app): State<Arc<App>>,
) -> Result<Json<Vec<Listed>>, Refused> {
    Ok(Json(
        listed(app.store.as_ref(), &app.redactor, Query { open: false, after: None, limit: MOST }).await?,
    ))
}

/// The episodes of incidents; only those that are open, if only open incidents are asked for.
pub(crate) async fn listed(
    store: &dyn Store,
    redactor: &Redactor,
    query: Query,
) -> Result<Vec<Listed>, StoreError> {
    let mut listed = Vec::new();
    for row in store.list(query).await? {
        let record = store.record(row.incident, 0).await?;
        let incident = Incident::of(row.incident, record.iter().map(|numbered| &numbered.entry));
        listed.extend(Listed::of(&incident, redactor));
    }
    if query.open {
        listed.retain(Listed::is_open);
    }
    Ok(listed)
}

/// The incident with this id, or the one of the latest whose id begins with these digits.
pub(crate) async fn incident(store: &dyn Store, text: &str) -> Result<Incident, Refused> {
    let id = find(store, text).await?;
    let record = store.record(id, 0).await?;
    if record.is_empty() {
        return Err(Refused::missing(format!("there is no incident {id}")));
    }
    Ok(Incident::of(id, record.iter().map(|numbered| &numbered.entry)))
}

async fn find(store: &dyn Store, text: &str) -> Result<IncidentId, Refused> {
    let wrong = match text.parse::<IncidentId>() {
        Ok(id) => return Ok(id),
        Err(error) => Refused::bad(error.to_string()),
    };
    if text.len() < FEWEST_DIGITS || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong);
    }
    let rows = store.list(Query { open: false, after: None, limit: SEARCHED }).await?;
    let mut found = rows.into_iter().map(|row| row.incident).filter(|id| id.to_string().starts_with(text));
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (Some(_), Some(_)) => Err(Refused::bad(format!("several incidents begin with `{text}`"))),
        (None, _) => Err(Refused::missing(format!("no incident begins with `{text}`"))),
    }
}

/// `GET /api/v1/incidents/{incident}`: its episodes, each with its summary, its stages and its findings.
pub(in super::super) async fn show(
    _: Viewer,
    State(app): State<Arc<App>>,
    Path(incident): Path<String>,
) -> Result<Json<Value>, Refused> {
    let incident = app.incident(&incident).await?;
    Ok(Json(shown(&incident, &app.redactor)))
}

/// An incident, and each of its episodes with its summary, its stages and what its diagnoses found.
pub(crate) fn shown(incident: &Incident, redactor: &Redactor) -> Value {
    let listed = Listed::of(incident, redactor);
    let episodes = incident.episodes().iter().rev().zip(listed).map(|(episode, listed)| {
        let moments = episode.moments();
        let stages: serde_json::Map<String, Value> =
            Stage::ALL.iter().map(|stage| (stage.to_string(), json!(moments.millis(*stage)))).collect();
        let summary = Summary::of(episode, redactor, now());
        let findings: Vec<String> = episode
            .steps()
            .iter()
            .filter_map(|run| match &run.state {
                StepState::Ended { output, .. } => Some(&output.findings),
                _ => None,
            })
            .flatten()
            .map(|finding| slo_core::plain(&redactor.redact(finding)).into_owned())
            .collect();
        json!({"episode": listed, "summary": summary.lines(), "findings": findings, "stages_ms": stages})
    });
    json!({"incident": incident.id(), "episodes": episodes.collect::<Vec<_>>()})
}

/// An action of a person.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub(in super::super) enum Deed {
    Acknowledge,
    Mitigated,
    Close,
    Approve { step: StepName },
    Deny { step: StepName },
    Note { text: String },
}

/// A step by its name, or by its number in the runbook, from 1.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(in super::super) enum StepName {
    Number(u64),
    Name(String),
}

impl StepName {
    fn place(&self, incident: &Incident) -> Result<usize, Refused> {
        let text = match self {
            Self::Number(number) => number.to_string(),
            Self::Name(name) => name.clone(),
        };
        open(incident)?.step_named(&text).ok_or_else(|| {
            Refused::conflict(format!("the open episode has no step `{}`", slo_core::plain(&text)))
        })
    }
}

/// The episode that people act on.
fn open(incident: &Incident) -> Result<&Episode, Refused> {
    let episode = incident.open().filter(|episode| episode.state() != EpisodeState::Resolved);
    episode.ok_or_else(|| Refused::conflict("no alert of the incident is firing any more".to_owned()))
}

impl Deed {
    /// The event of `who` on an incident.
    pub(in super::super) fn event(self, who: String, incident: &Incident) -> Result<Event, Refused> {
        if let Self::Note { text } = &self
            && (text.trim().is_empty() || text.chars().count() > LONGEST_NOTE)
        {
            return Err(Refused::bad(format!("a note has 1 to {LONGEST_NOTE} characters")));
        }
        Ok(match self {
            Self::Acknowledge => Event::Acknowledged { who },
            Self::Mitigated => Event::Mitigated { who },
            Self::Close => Event::Closed { who },
            Self::Approve { step } => Event::Approved { step: step.place(incident)?, who },
            Self::Deny { step } => Event::Denied { step: step.place(incident)?, who },
            Self::Note { text } => Event::Note { who, text },
        })
    }
}

/// `POST /api/v1/incidents/{incident}`: an action of a person on its open episode.
pub(in super::super) async fn act(
    Responder { who }: Responder,
    State(app): State<Arc<App>>,
    Path(incident): Path<String>,
    request: Request,
) -> Result<Json<Value>, Refused> {
    let Json(deed) =
        Json::<Deed>::from_request(request, &()).await.map_err(|error| Refused::bad(error.body_text()))?;
    let incident = app.incident(&incident).await?;
    app.act(&incident, deed.event(who, &incident)?).await?;
    Ok(Json(json!({"status": "recorded"})))
}

impl App {
    /// The id of an incident, or of the one of the latest that begins with these digits.
    pub(in super::super) async fn find(&self, text: &str) -> Result<IncidentId, Refused> {
        find(self.store.as_ref(), text).await
    }

    /// The incident with an id from a request.
    pub(in super::super) async fn incident(&self, id: &str) -> Result<Incident, Refused> {
        incident(self.store.as_ref(), id).await
    }

    /// Records an action of a person on the open episode.
    pub(in super::super) async fn act(&self, incident: &Incident, event: Event) -> Result<(), Refused> {
        let episode = open(incident)?;
        if let Event::Approved { step, .. } | Event::Denied { step, .. } = &event
            && episode.steps().get(*step).is_none_or(|run| run.approval.is_none() || run.state.is_final())
        {
            return Err(Refused::conflict(format!("step {} is not waiting for approval", step + 1)));
        }
        self.store.add(incident.id(), Entry::of(episode.id.began, now(), event)).await?;
        self.engine.wake(incident.id());
        Ok(())
    }
}
