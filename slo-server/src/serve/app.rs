//! The state that the routes share.

use super::{intake::Intake, refused::Refused};
use crate::{
    config::{Credentials, Secret},
    respond::Engine,
    store::Store,
};
use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, StatusCode, header},
};
use slo_ops::{
    Redactor,
    alert::{Delivery, Source},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// The longest delivery, in bytes.
const LONGEST: usize = 16 << 20;
/// The unit in which memory is reserved, in bytes.
const PAGE: usize = 4_096;
/// How many pages there are for deliveries that are being read or wait to be written: 64 MiB.
pub(super) const ROOM: usize = (64 << 20) / PAGE;
/// How long a sender may take to send one.
const SLOWEST: Duration = Duration::from_secs(30);

/// The state that the routes share.
#[derive(Debug)]
pub(super) struct App {
    pub(super) store: Arc<dyn Store>,
    pub(super) engine: Engine,
    pub(super) redactor: Redactor,
    pub(super) slack_secret: Option<Secret>,
    pub(super) pagerduty_secret: Option<Secret>,
    pub(super) intake: Intake,
    pub(super) senders: Option<Credentials>,
    /// In pages.
    pub(super) room: Arc<Semaphore>,
}

impl App {
    /// Reads a delivery, once there is memory for it; the memory is reserved until the permit is dropped.
    pub(super) async fn read(
        &self,
        source: Source,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<(Delivery, OwnedSemaphorePermit), Refused> {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let length: usize = length.unwrap_or(LONGEST);
        let pages = u32::try_from(length.min(LONGEST) / PAGE + 1).unwrap_or(u32::MAX);
        let busy = || Refused::unavailable("too many deliveries at once".to_owned());
        let room = timeout(SLOWEST, Arc::clone(&self.room).acquire_many_owned(pages)).await;
        let room = room.map_err(|_| busy())?.map_err(|_| busy())?;
        let bytes = timeout(SLOWEST, to_bytes(body, LONGEST)).await;
        let bytes = bytes
            .map_err(|_| Refused::bad("the delivery took longer than 30 s to arrive".to_owned()))?
            .map_err(|error| Refused::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()))?;
        let delivery = Delivery::parse(source, &bytes).map_err(|error| Refused::of(&error))?;
        Ok((delivery, room))
    }
}
