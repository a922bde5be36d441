//! Entries, ids and deployments, as tables hold them.

use super::{Numbered, StoreError};
use slo_ops::{Deployment, alert::IncidentId, experiment::RunEntry, incident::Entry};

pub(super) fn body(entry: &Entry) -> Result<String, StoreError> {
    serde_json::to_string(entry).map_err(|error| StoreError::Unreadable(error.to_string()))
}

/// The entry `number` of the record of `incident`.
pub(super) fn numbered(incident: IncidentId, number: u64, body: &str) -> Result<Numbered, StoreError> {
    let entry = serde_json::from_str(body)
        .map_err(|error| StoreError::Unreadable(format!("entry {number} of incident {incident}: {error}")))?;
    Ok(Numbered { number, entry })
}

pub(super) fn incident_id(text: &str) -> Result<IncidentId, StoreError> {
    text.parse().map_err(|error: slo_core::Error| StoreError::Unreadable(error.to_string()))
}

pub(super) fn record_body(record: &[RunEntry]) -> Result<String, StoreError> {
    serde_json::to_string(record).map_err(|error| StoreError::Unreadable(error.to_string()))
}

pub(super) fn deployment_body(deployment: &Deployment) -> Result<String, StoreError> {
    serde_json::to_string(deployment).map_err(|error| StoreError::Unreadable(error.to_string()))
}

pub(super) fn deployment(body: &str) -> Result<Deployment, StoreError> {
    serde_json::from_str(body).map_err(|error| StoreError::Unreadable(format!("a deployment: {error}")))
}
