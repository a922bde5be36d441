//! As many messages as a receiver takes.

use std::time::Duration;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until},
};

/// Lets one through at a time, with a shortest time between two, in the order in which they come.
#[derive(Debug)]
pub(super) struct Throttle {
    every: Duration,
    next: Mutex<Option<Instant>>,
}

impl Throttle {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, next: Mutex::new(None) }
    }

    /// Waits until it is one's turn.
    pub(super) async fn turn(&self) {
        let mut next = self.next.lock().await;
        if let Some(at) = *next {
            sleep_until(at).await;
        }
        *next = Some(Instant::now() + self.every);
    }

    /// Lets nobody through for as long as a receiver asks.
    pub(super) async fn pause(&self, wait: Duration) {
        let mut next = self.next.lock().await;
        let until = Instant::now() + wait;
        *next = Some(next.map_or(until, |at| at.max(until)));
    }
}
