//! The thread that keeps the snapshot of the budgets fresh.

use super::{LiveBudget, SloStatus};
use arc_swap::ArcSwap;
use std::{
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

/// Runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Ticker {
    latest: Arc<ArcSwap<Vec<SloStatus>>>,
    // Dropping it ends the thread.
    _stop: Sender<()>,
}

impl Ticker {
    /// Takes a first reading, then one every `interval`. Time runs `speed` times faster in the budgets.
    pub(crate) fn start(mut budget: LiveBudget, interval: Duration, speed: u32) -> std::io::Result<Self> {
        let latest = Arc::new(ArcSwap::from_pointee(budget.tick(Duration::ZERO)));
        let (stop, stopped) = channel();
        let shared = Arc::clone(&latest);
        let start = Instant::now();
        thread::Builder::new().name("slo-budget".to_owned()).spawn(move || {
            // `Timeout` is the tick; anything else means that the handle is gone.
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                shared.store(Arc::new(budget.tick(start.elapsed().saturating_mul(speed))));
            }
        })?;
        Ok(Self { latest, _stop: stop })
    }

    /// The statuses of the last tick.
    pub(crate) fn latest(&self) -> &ArcSwap<Vec<SloStatus>> {
        &self.latest
    }
}
