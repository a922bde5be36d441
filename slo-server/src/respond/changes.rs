//! Telling `PagerDuty` of deployments.

use super::shared::Shared;
use crate::{clock::now, own};
use slo_core::model::Window;
use slo_ops::incident::{SendOutcome, Target};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::sleep};

/// How often to look for deployments that nobody was told of.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How many are told at once.
const MOST: usize = 20;
/// One replica tells; the others wait.
const LOCK: &str = "changes";
const LEASE: Window = Window::seconds(30);
/// News that are older than that are none.
const OLD: Window = Window::days(1);

/// Tells `PagerDuty` of each deployment, until `stop` is true.
///
/// A deployment is marked after it was told, so that it may be told twice if the process dies in between, and never goes missing.
pub(super) async fn tell(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    if !shared.sender().targets().contains(&Target::PagerDuty) {
        return;
    }
    let (mut wait, mut failures) = (LOOK_EVERY, 0);
    while !*stop.borrow() {
        tokio::select! {
            () = sleep(wait) => {}
            _told = stop.changed() => return,
        }
        wait = LOOK_EVERY;
        let store = shared.store();
        // A store that is not available is asked again.
        if !store.lock(LOCK, shared.owner(), now(), LEASE).await.unwrap_or(false) {
            continue;
        }
        let Ok(untold) = store.untold(MOST).await else { continue };
        for deployment in untold {
            // It may take long to tell each.
            if !store.lock(LOCK, shared.owner(), now(), LEASE).await.unwrap_or(false) {
                break;
            }
            if deployment.at.after(OLD) >= now() {
                let event = shared.own().sending();
                let outcome = shared.sender().tell(&deployment, failures).await;
                own::end_sending(event, &outcome);
                if let SendOutcome::Failed { again, .. } = outcome {
                    failures += 1;
                    wait = Duration::from_millis(again.millis_since(now())).max(LOOK_EVERY);
                    break;
                }
            }
            failures = 0;
            let _again = store.told(deployment).await;
        }
    }
}
