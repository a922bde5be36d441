//! The labels of series.

use super::{Class, GrpcStatus, Outcome};
use crate::{Kind, labels::Labels};
use slo_core::model::metric;

/// The labels of a series; `name` is its route, method or operation, depending on the kind.
pub(crate) fn labels(kind: Kind, event: &Labelled<'_>) -> Labels {
    let value = |label: &str| match label {
        metric::ERROR_TYPE => event.class.error_type(event.outcome),
        metric::HTTP_REQUEST_METHOD => event.method.to_owned(),
        metric::HTTP_RESPONSE_STATUS_CODE => {
            event.outcome.status().map_or_else(String::new, |status| status.as_str().to_owned())
        }
        metric::RPC_RESPONSE_STATUS_CODE => {
            event.outcome.grpc_status().map_or("", GrpcStatus::name).to_owned()
        }
        metric::RPC_SYSTEM_NAME => "grpc".to_owned(),
        metric::SERVICE_PEER_NAME => event.peer.to_owned(),
        _ => event.name.to_owned(),
    };
    let pairs = kind.label_names().iter().map(|label| (*label, value(label)));
    pairs.filter(|(_, value)| !value.is_empty()).collect()
}

/// What the labels of a series are made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Labelled<'a> {
    pub(crate) peer: &'a str,
    pub(crate) name: &'a str,
    pub(crate) method: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) class: Class,
}
