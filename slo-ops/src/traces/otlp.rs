//! Spans of OTLP.

use super::{Operation, Span};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value::Value},
};
use prost::Message;
use slo_core::Error;
use std::collections::BTreeMap;

/// Reads spans of OTLP: JSON, one document or one a line; or protobuf, one message, or messages that each follow their length, as the file
/// exporter of the OpenTelemetry collector writes them.
///
/// # Errors
/// Text that is neither, with the line; spans without an id or a trace.
pub fn read(bytes: &[u8]) -> Result<Vec<Span>, Error> {
    let mut spans = Vec::new();
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
        let requests = serde_json::Deserializer::from_slice(bytes).into_iter::<ExportTraceServiceRequest>();
        for request in requests {
            match request {
                Ok(request) => add(request, &mut spans)?,
                // A message can begin with the bytes of a line break and a brace.
                Err(_) if bytes.starts_with(b"\n{") && messages(bytes).is_ok() => break,
                Err(error) => return Err(Error::new(format!("not OTLP: {error}"))),
            }
        }
        if !spans.is_empty() || !bytes.starts_with(b"\n{") {
            return Ok(spans);
        }
    }
    for request in messages(bytes)? {
        add(request, &mut spans)?;
    }
    Ok(spans)
}

fn messages(bytes: &[u8]) -> Result<Vec<ExportTraceServiceRequest>, Error> {
    let framed = || -> Option<Vec<ExportTraceServiceRequest>> {
        let (mut rest, mut found) = (bytes, Vec::new());
        while !rest.is_empty() {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (message, after) =
                after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
            found.push(ExportTraceServiceRequest::decode(message).ok()?);
            rest = after;
        }
        Some(found)
    };
    if let Some(found) = framed() {
        return Ok(found);
    }
    let one = ExportTraceServiceRequest::decode(bytes);
    one.map(|one| vec![one]).map_err(|error| {
        Error::new(format!("neither JSON nor protobuf of OTLP: {error}"))
            .with_hint("export traces with the file exporter of the OpenTelemetry collector")
    })
}

fn add(request: ExportTraceServiceRequest, spans: &mut Vec<Span>) -> Result<(), Error> {
    for resource in request.resource_spans {
        let of_service =
            attributes(resource.resource.map(|resource| resource.attributes).unwrap_or_default());
        let service = of_service.get("service.name").cloned().unwrap_or_default();
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            let id = |bytes: &[u8]| <[u8; 8]>::try_from(bytes).ok().map(u64::from_be_bytes);
            let trace = <[u8; 16]>::try_from(span.trace_id.as_slice()).ok().map(u128::from_be_bytes);
            let Some((trace, own)) = trace.zip(id(&span.span_id)) else {
                return Err(Error::new(format!("the span `{}` has no trace or no id", span.name)));
            };
            let mut all = of_service.clone();
            all.remove("service.name");
            all.extend(attributes(span.attributes));
            spans.push(Span {
                trace,
                id: own,
                parent: id(&span.parent_span_id).filter(|parent| *parent != 0),
                operation: Operation { service: service.clone(), name: span.name },
                start: span.start_time_unix_nano,
                end: span.end_time_unix_nano,
                failed: span.status.is_some_and(|status| status.code == ERROR),
                attributes: all,
            });
        }
    }
    Ok(())
}

/// `STATUS_CODE_ERROR`.
const ERROR: i32 = 2;

fn attributes(all: Vec<KeyValue>) -> BTreeMap<String, String> {
    all.into_iter().filter_map(|one| Some((one.key, text(one.value?)?))).collect()
}

/// A value as text; lists and maps have none.
fn text(value: AnyValue) -> Option<String> {
    Some(match value.value? {
        Value::StringValue(text) => text,
        Value::BoolValue(value) => value.to_string(),
        Value::IntValue(value) => value.to_string(),
        Value::DoubleValue(value) => value.to_string(),
        _ => return None,
    })
}
