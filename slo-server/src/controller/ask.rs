//! Calls of the API server, within a time limit.

use std::time::Duration;
use tokio::time::{error::Elapsed, timeout};

/// How long the API server may take to answer. It is shorter than what is left of the lease, so that nothing is written without it.
pub(super) const TIMEOUT: Duration = Duration::from_secs(4);

/// What the API server answers within the time limit.
pub(super) async fn answer<T>(
    what: &str,
    call: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, String> {
    match timeout(TIMEOUT, call).await {
        Ok(Ok(value)) => Ok(value),
        other => Err(failed(what, other)),
    }
}

/// What failed, in words.
pub(super) fn failed<T>(what: &str, end: Result<Result<T, kube::Error>, Elapsed>) -> String {
    match end {
        Ok(Err(error)) => format!("cannot {what}: {}", slo_core::plain(&error.to_string())),
        _ => format!("cannot {what}: the API server did not answer within {} s", TIMEOUT.as_secs()),
    }
}
