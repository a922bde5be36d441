//! What the doors share.

use super::{auth::may, intake::Intake, refused::Refused};
use crate::{
    config::{Access, Credentials, Secret},
    respond::Engine,
    store::Store,
};
use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, StatusCode},
};
use slo_ops::{
    Redactor,
    alert::{Delivery, Source},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::timeout};

/// The longest delivery, in bytes.
const LONGEST: usize = 16 << 20;
/// How long a sender may take to send one.
const SLOWEST: Duration = Duration::from_secs(30);

/// What the doors share.
#[derive(Debug)]
pub(super) struct App {
    pub(super) store: Arc<dyn Store>,
    pub(super) engine: Engine,
    pub(super) redactor: Redactor,
    pub(super) slack_secret: Option<Secret>,
    pub(super) pagerduty_secret: Option<Secret>,
    pub(super) intake: Intake,
    pub(super) senders: Option<Credentials>,
    pub(super) access: Option<Access>,
    pub(super) reading: Semaphore,
}

impl App {
    /// Reads a delivery, of which there are not too many at once.
    pub(super) async fn read(&self, source: Source, body: Body) -> Result<Delivery, Refused> {
        let _turn = self.reading.acquire().await.map_err(|error| Refused::unavailable(error.to_string()))?;
        let bytes = timeout(SLOWEST, to_bytes(body, LONGEST)).await;
        let bytes = bytes
            .map_err(|_| Refused::bad("the delivery took longer than 30 s".to_owned()))?
            .map_err(|error| Refused { status: StatusCode::PAYLOAD_TOO_LARGE, reason: error.to_string() })?;
        Delivery::parse(source, &bytes).map_err(|error| Refused::bad(error.to_string()))
    }

    pub(super) fn may_look(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let Some(access) = &self.access else { return Ok(()) };
        let as_viewer = access.viewers.as_ref().is_some_and(|viewers| may(headers, Some(viewers)));
        if as_viewer || may(headers, Some(&access.responders)) {
            return Ok(());
        }
        Err(Refused::unauthorized("the credentials of a viewer are missing".to_owned()))
    }

    pub(super) fn may_act(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let responders = self.access.as_ref().map(|access| &access.responders);
        if may(headers, responders) {
            return Ok(());
        }
        Err(Refused::unauthorized("the credentials of a responder are missing".to_owned()))
    }
}
