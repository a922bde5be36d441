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
        Ok(Err(error)) => format!("cannot {what}: {}", words(&error)),
        _ => format!("cannot {what}: the API server did not answer within {} s", TIMEOUT.as_secs()),
    }
}

/// An error of the API server, as it words it.
pub(super) fn words(error: &kube::Error) -> String {
    let text = match error {
        // What the API server does not know at all, it answers without words of its own.
        kube::Error::Api(status) if status.code == 404 && status.details.is_none() => {
            "the API server does not know this kind".to_owned()
        }
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        other => other.to_string(),
    };
    slo_core::plain(&text).into_owned()
}
