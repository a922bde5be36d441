//! Spans through OpenTelemetry's own exporter.

use super::{
    config::{Otlp, Protocol},
    names, send, tls,
};
use crate::{
    Error, Kind,
    trace::{Span, recorded},
};
use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId,
    trace::{SpanKind, Status},
};
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks},
};

/// The exporter for spans; to be made and used on a runtime.
pub(super) fn exporter(otlp: &Otlp, resource: &[(String, String)]) -> Result<SpanExporter, Error> {
    let uri = send::uri(&otlp.traces_endpoint)?;
    let headers = send::headers(&otlp.traces_headers)?;
    let exporter = match otlp.protocol {
        Protocol::Grpc => SpanExporter::builder()
            .with_tonic()
            .with_channel(tls::channel(otlp, uri)?)
            .with_timeout(otlp.timeout)
            .with_metadata(tonic::metadata::MetadataMap::from_headers(headers))
            .build(),
        Protocol::Http => SpanExporter::builder()
            .with_http()
            .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
            .with_endpoint(&otlp.traces_endpoint)
            .with_timeout(otlp.timeout)
            .with_headers(otlp.traces_headers.iter().cloned().collect())
            .with_http_client(HyperClient::new(tls::connector(otlp, &uri)?, otlp.timeout, None))
            .build(),
    };
    let mut exporter = exporter.map_err(|error| Error::new("otlp traces", error.to_string()))?;
    let attributes = resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    exporter.set_resource(&Resource::builder_empty().with_attributes(attributes).build());
    Ok(exporter)
}

/// The resource attributes: at least the service's name and an instance id.
pub(super) fn resource_attributes(otlp: &Otlp, service: &str) -> Vec<(String, String)> {
    let mut attributes = otlp.resource.clone();
    if !attributes.iter().any(|(key, _)| key == "service.name") {
        attributes.push(("service.name".to_owned(), service.to_owned()));
    }
    if !attributes.iter().any(|(key, _)| key == "service.instance.id") {
        attributes.push(("service.instance.id".to_owned(), instance_id()));
    }
    attributes
}

/// A random UUID, so that the data of several instances stays apart.
fn instance_id() -> String {
    let (high, low) = (fastrand::u64(..), fastrand::u64(..));
    let (time, version, variant) = (high >> 16, high & 0xfff, (low >> 48) & 0x3fff | 0x8000);
    format!(
        "{:08x}-{:04x}-4{version:03x}-{variant:04x}-{:012x}",
        time >> 16,
        time & 0xffff,
        low & 0xffff_ffff_ffff
    )
}

/// A span as OpenTelemetry has it.
pub(super) fn data(span: Span) -> SpanData {
    let (_, span_id) = span.context.ids();
    debug_assert_ne!(span_id, 0, "ids are drawn from 1 on");
    let attribute = |(label, value): &(&'static str, String)| {
        let attribute = names::attribute(label, value);
        match attribute.value.and_then(|value| value.value) {
            Some(Value::IntValue(number)) => KeyValue::new(attribute.key, number),
            _ => KeyValue::new(attribute.key, value.clone()),
        }
    };
    let mut attributes: Vec<KeyValue> = span.labels.iter().map(attribute).collect();
    if let Some(path) = span.path {
        attributes.push(KeyValue::new("url.path", String::from(path)));
    }
    if !span.hurt_slos.is_empty() {
        let names = span.hurt_slos.into_iter().map(opentelemetry::StringValue::from).collect();
        attributes.push(KeyValue::new(
            "slo.violated",
            opentelemetry::Value::Array(opentelemetry::Array::String(names)),
        ));
    }
    if let Some(fault) = span.fault {
        attributes.push(KeyValue::new("slo.fault", fault));
    }
    SpanData {
        span_context: recorded(span.context, span.state.as_ref()),
        parent_span_id: span.parent.map_or(SpanId::INVALID, SpanId::from),
        parent_span_is_remote: span.parent.is_some()
            && matches!(span.kind, Kind::HttpServer | Kind::GrpcServer),
        span_kind: match span.kind {
            Kind::HttpServer | Kind::GrpcServer => SpanKind::Server,
            Kind::HttpClient | Kind::GrpcClient => SpanKind::Client,
            Kind::Operation => SpanKind::Internal,
        },
        name: span.name.into(),
        start_time: span.start,
        end_time: span.start + span.duration,
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: span.error.map_or(Status::Unset, Status::error),
        instrumentation_scope: InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
            .with_version(env!("CARGO_PKG_VERSION"))
            .build(),
    }
}
