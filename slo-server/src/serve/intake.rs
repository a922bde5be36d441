//! The intake of alerts: a delivery is recorded before it is answered.

use crate::{
    clock::now,
    kill,
    respond::Engine,
    store::{Arrival, Receipt, Store, StoreError},
};
use slo_ops::alert::Delivery;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    time::timeout,
};

/// How many deliveries are written at once.
const MOST_AT_ONCE: usize = 256;
/// How many deliveries may wait; more are refused, and their senders try again.
const QUEUE: usize = 1_024;
/// How long writing may take: an Alertmanager waits ten seconds.
const TIMEOUT: Duration = Duration::from_secs(8);

/// Records deliveries; those that arrive at the same time are written together.
#[derive(Debug, Clone)]
pub(super) struct Intake {
    queue: mpsc::Sender<Waiting>,
}

struct Waiting {
    arrival: Arrival,
    answer: oneshot::Sender<Result<Receipt, StoreError>>,
    /// The memory that it takes, released once it is written.
    _room: OwnedSemaphorePermit,
}

/// Why a delivery was not written down.
pub(super) enum NotRecorded {
    /// Too many deliveries wait.
    Busy,
    /// The store is not available.
    Store(StoreError),
}

impl Intake {
    /// An intake of `store`, which wakes `engine`.
    pub(super) fn start(store: Arc<dyn Store>, engine: Engine) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(write(store, engine, waiting));
        Self { queue }
    }

    /// Records a delivery; if it returns `Ok`, the delivery is on the disk.
    pub(super) async fn record(
        &self,
        delivery: Delivery,
        room: OwnedSemaphorePermit,
    ) -> Result<Receipt, NotRecorded> {
        let (answer, written) = oneshot::channel();
        kill::point("received");
        let waiting = Waiting { arrival: Arrival { delivery, at: now() }, answer, _room: room };
        self.queue.try_send(waiting).map_err(|_| NotRecorded::Busy)?;
        let late = || NotRecorded::Store(StoreError::Unavailable("writing took too long".to_owned()));
        let result = timeout(TIMEOUT, written).await.map_err(|_| late())?.map_err(|_| late())?;
        let receipt = result.map_err(NotRecorded::Store)?;
        kill::point("recorded");
        Ok(receipt)
    }
}

async fn write(store: Arc<dyn Store>, engine: Engine, mut waiting: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, MOST_AT_ONCE).await > 0 {
        let arrivals: Vec<Arrival> = batch.iter().map(|one: &Waiting| one.arrival.clone()).collect();
        let mut incidents: Vec<_> = arrivals.iter().map(|arrival| arrival.delivery.incident()).collect();
        match store.receive(arrivals).await {
            Ok(receipts) => {
                // A sender that no longer waits gets no answer.
                batch.drain(..).zip(receipts).for_each(|(one, receipt)| drop(one.answer.send(Ok(receipt))));
                incidents.sort_unstable();
                incidents.dedup();
                for incident in incidents {
                    engine.wake(incident);
                }
            }
            Err(error) => batch.drain(..).for_each(|one| drop(one.answer.send(Err(error.clone())))),
        }
    }
}
