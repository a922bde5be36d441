//! OpenTelemetry's spelling of metrics and labels.

use crate::Kind;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use slo_core::model::metric;

/// The metric of durations.
pub(super) const fn histogram(kind: Kind) -> &'static str {
    match kind {
        Kind::HttpServer => "http.server.request.duration",
        Kind::HttpClient => "http.client.request.duration",
        Kind::GrpcServer => "rpc.server.call.duration",
        Kind::GrpcClient => "rpc.client.call.duration",
        Kind::Operation => "slo.operation.duration",
    }
}

/// The name and unit of a metric from which collectors make its Prometheus name again.
pub(super) fn plain(name: &str) -> (String, &'static str) {
    match name {
        metric::HTTP_SERVER_ACTIVE_REQUESTS => ("http.server.active_requests".to_owned(), "{request}"),
        metric::HTTP_CLIENT_ACTIVE_REQUESTS => ("http.client.active_requests".to_owned(), "{request}"),
        _ => {
            let (name, unit) = match name.strip_suffix("_ratio") {
                Some(name) => (name, "1"),
                None => (name.trim_end_matches("_total"), ""),
            };
            (name.replacen('_', ".", 1), unit)
        }
    }
}

/// An attribute; a status code of HTTP is a number.
pub(super) fn attribute(label: &str, value: &str) -> KeyValue {
    let key = match label {
        metric::HTTP_REQUEST_METHOD => "http.request.method",
        metric::HTTP_ROUTE => "http.route",
        metric::HTTP_RESPONSE_STATUS_CODE => "http.response.status_code",
        metric::RPC_METHOD => "rpc.method",
        metric::RPC_RESPONSE_STATUS_CODE => "rpc.response.status_code",
        metric::RPC_SYSTEM_NAME => "rpc.system.name",
        metric::SERVICE_PEER_NAME => "service.peer.name",
        metric::ERROR_TYPE => "error.type",
        other => other,
    };
    let number = (label == metric::HTTP_RESPONSE_STATUS_CODE).then(|| value.parse().ok()).flatten();
    let value = number.map_or_else(|| Value::StringValue(value.to_owned()), Value::IntValue);
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

pub(super) fn attributes(labels: &[(&'static str, String)]) -> Vec<KeyValue> {
    labels.iter().map(|(label, value)| attribute(label, value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collectors_make_the_same_names_of_them() {
        for (name, otel) in [
            ("slo_error_budget_remaining_ratio", ("slo.error_budget_remaining", "1")),
            ("slo_events_total", ("slo.events", "")),
            ("slo_burn_alert_firing", ("slo.burn_alert_firing", "")),
            ("http_server_active_requests", ("http.server.active_requests", "{request}")),
        ] {
            assert_eq!(plain(name), (otel.0.to_owned(), otel.1));
        }
        for kind in Kind::ALL {
            assert_eq!(format!("{}_seconds", histogram(kind).replace('.', "_")), kind.metric());
        }
    }
}
