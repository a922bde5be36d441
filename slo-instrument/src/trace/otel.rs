//! The context of OpenTelemetry's API, so that spans made there and ours are of one trace.

use super::TraceContext;
use opentelemetry::{
    Context, ContextGuard, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt, TraceState},
};

/// Makes the request the parent of spans made on this thread until the guard is dropped.
pub(super) fn attach(context: TraceContext) -> ContextGuard {
    Context::current().with_remote_span_context(span_context(context)).attach()
}

/// The span that is being worked on, where there is one.
pub(super) fn current() -> Option<TraceContext> {
    Context::map_current(|context| {
        let span = context.span();
        let span = span.span_context();
        let bytes = span.trace_id().to_bytes();
        let (high, low) = bytes.split_first_chunk::<8>()?;
        let trace_id = [u64::from_be_bytes(*high), u64::from_be_bytes(low.try_into().ok()?)];
        let span_id = u64::from_be_bytes(span.span_id().to_bytes());
        (span.is_valid() && span.is_sampled()).then(|| TraceContext::of_ids(trace_id, span_id))
    })
}

/// The context of a span that is recorded.
pub(crate) fn span_context(context: TraceContext) -> SpanContext {
    let ([high, low], span_id) = context.ids();
    let trace_id = (u128::from(high) << 64) | u128::from(low);
    // Spans that are exported are recorded, whatever a coin said before their end.
    let (trace_id, span_id) = (TraceId::from(trace_id), SpanId::from(span_id));
    SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, TraceState::default())
}
