//! Work that runs beside a job: steps of a runbook, and queries for event counts.

use super::{
    check::{check, logs},
    shared::Shared,
};
use crate::run::Input;
use serde_json::json;
use slo_ops::{
    Error,
    incident::{Episode, Output, StepOutcome},
    runbook::{Step, Task},
};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::sleep;

/// How often a query is tried before it fails.
const LOOKS: u32 = 3;
/// How long to wait between two tries.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// The result of a query, which is tried a few times.
pub(super) async fn repeatedly<T, F: Future<Output = Result<T, Error>>>(
    mut ask: impl FnMut() -> F,
) -> Result<T, String> {
    let mut found = Err(String::new());
    for look in 0..LOOKS {
        if look > 0 {
            sleep(BETWEEN_LOOKS).await;
        }
        found = ask().await.map_err(|error| error.to_string());
        if found.is_ok() {
            break;
        }
    }
    found
}

/// Runs a step to its end.
pub(super) async fn run(
    shared: &Shared,
    episode: &Episode,
    step: &Step,
    values: Result<BTreeMap<String, String>, Error>,
) -> (StepOutcome, Output) {
    let command = match (&step.task, step.command()) {
        (Task::Check(one), _) => return check(shared.counts(), shared.store(), episode, *one).await,
        (Task::Logs(files), _) => return logs(files, episode, shared.redactor()).await,
        (_, Some(command)) => command,
        _ => return not_started("the step has no program".to_owned()),
    };
    let values = match values {
        Ok(values) => values,
        Err(error) => return not_started(error.to_string()),
    };
    let stdin = json!({
        "episode": episode.id.to_string(),
        "began": episode.id.began.to_string(),
        "severity": episode.severity(),
        "parameters": values,
        "alerts": episode.alerts,
    });
    shared.runner().run(command, &Input { values, stdin: stdin.to_string() }).await
}

fn not_started(reason: String) -> (StepOutcome, Output) {
    (StepOutcome::NotStarted { reason }, Output::default())
}
