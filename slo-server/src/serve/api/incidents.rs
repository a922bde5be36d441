//! The API of incidents, and actions of people.

use super::super::{
    app::App,
    auth::{Responder, Viewer},
    refused::Refused,
    site::MOST,
};
use crate::{clock::now, store::Query};
use axum::{
    Json,
    extract::{FromRequest, Path, Request, State},
};
use serde::Deserialize;
use serde_json::{Value, json};
use slo_ops::{
    alert::IncidentId,
    incident::{Entry, EpisodeState, Event, Incident, Listed, Stage},
    notify::Summary,
};
use std::sync::Arc;

/// The longest note, in characters.
const LONGEST_NOTE: usize = 4_000;

/// `GET /api/v1/incidents`: the latest episodes, those with the latest entries first.
pub(in super::super) async fn list(
    _: Viewer,
    State(app): State<Arc<App>>,
) -> Result<Json<Vec<Listed>>, Refused> {
    let rows = app.store.list(Query { open: false, after: None, limit: MOST }).await?;
    let mut listed = Vec::new();
    for row in rows {
        let record = app.store.record(row.incident, 0).await?;
        let incident = Incident::of(row.incident, record.iter().map(|numbered| &numbered.entry));
        listed.extend(Listed::of(&incident, &app.redactor));
    }
    Ok(Json(listed))
}

/// `GET /api/v1/incidents/{incident}`: its episodes, each with its summary, its stages and its findings.
pub(in super::super) async fn show(
    _: Viewer,
    State(app): State<Arc<App>>,
    Path(incident): Path<String>,
) -> Result<Json<Value>, Refused> {
    let incident = app.incident(&incident).await?;
    let listed = Listed::of(&incident, &app.redactor);
    let episodes = incident.episodes().iter().rev().zip(listed).map(|(episode, listed)| {
        let moments = episode.moments();
        let stages: serde_json::Map<String, Value> =
            Stage::ALL.iter().map(|stage| (stage.to_string(), json!(moments.millis(*stage)))).collect();
        let summary = Summary::of(episode, &app.redactor, now());
        json!({"episode": listed, "summary": summary.lines(), "stages_ms": stages})
    });
    Ok(Json(json!({"incident": incident.id(), "episodes": episodes.collect::<Vec<_>>()})))
}

/// An action of a person.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub(in super::super) enum Deed {
    Acknowledge,
    Mitigated,
    Close,
    Approve { step: usize },
    Deny { step: usize },
    Note { text: String },
}

impl Deed {
    /// The event of `who`.
    pub(in super::super) fn event(self, who: String) -> Result<Event, Refused> {
        if let Self::Note { text } = &self
            && text.chars().count() > LONGEST_NOTE
        {
            return Err(Refused::bad(format!("a note has at most {LONGEST_NOTE} characters")));
        }
        Ok(match self {
            Self::Acknowledge => Event::Acknowledged { who },
            Self::Mitigated => Event::Mitigated { who },
            Self::Close => Event::Closed { who },
            Self::Approve { step } => Event::Approved { step, who },
            Self::Deny { step } => Event::Denied { step, who },
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
    app.act(&incident, deed.event(who)?).await?;
    Ok(Json(json!({"status": "recorded"})))
}

impl App {
    /// The incident with an id from a request.
    pub(in super::super) async fn incident(&self, id: &str) -> Result<Incident, Refused> {
        let id: IncidentId = id.parse().map_err(|error: slo_ops::Error| Refused::bad(error.to_string()))?;
        let record = self.store.record(id, 0).await?;
        if record.is_empty() {
            return Err(Refused::missing(format!("there is no incident {id}")));
        }
        Ok(Incident::of(id, record.iter().map(|numbered| &numbered.entry)))
    }

    /// Records an action of a person on the open episode.
    pub(in super::super) async fn act(&self, incident: &Incident, event: Event) -> Result<(), Refused> {
        let episode = incident.open().filter(|episode| episode.state() != EpisodeState::Resolved);
        let Some(episode) = episode else {
            return Err(Refused::conflict("no alert of the incident is firing any more".to_owned()));
        };
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
