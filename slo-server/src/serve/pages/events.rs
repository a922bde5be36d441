//! Live pages: a message to the script of a page whenever there are new numbers.

use super::super::{auth::Viewer, refused::Refused, site::Site};
use crate::observe::LAST;
use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio_stream::{Stream, StreamExt, wrappers::WatchStream};

/// How often a connection without news says that it is alive.
const ALIVE: Duration = Duration::from_secs(15);
/// How many pages may listen.
const MOST: usize = 2_000;

/// `GET /events`: server-sent events; the page then asks for itself again.
pub(in super::super) async fn events(
    _: Viewer,
    State(site): State<Arc<Site>>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refused> {
    let observer = site.observer()?;
    let ticks = observer.ticks();
    if observer.viewers() > MOST {
        return Err(Refused::unavailable(format!("more than {MOST} pages listen")));
    }
    let ticks = WatchStream::from_changes(ticks).take_while(|tick| *tick != LAST);
    let events = ticks.map(|tick| Ok(Event::default().event("tick").data(tick.to_string())));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)))
}
