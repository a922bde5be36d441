//! The context of OpenTelemetry's API, so that spans made there and ours are of one trace.

use super::{Current, TraceContext};
use http::HeaderValue;
use opentelemetry::{
    Context, ContextGuard, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt},
};

/// Makes the request the parent of spans made on this thread until the guard is dropped.
pub(super) fn attach(current: &Current) -> ContextGuard {
    let context = span_context(current.context, current.state.as_ref());
    Context::current().with_remote_span_context(context).attach()
}

/// The span that is being worked on, where there is one.
pub(super) fn current() -> Option<Current> {
    Context::map_current(|context| {
        let span = context.span();
        let span = span.span_context();
        let bytes = span.trace_id().to_bytes();
        let (high, low) = bytes.split_first_chunk::<8>()?;
        let trace_id = [u64::from_be_bytes(*high), u64::from_be_bytes(low.try_into().ok()?)];
        let span_id = u64::from_be_bytes(span.span_id().to_bytes());
        let state = span.trace_state().header();
        span.is_valid().then(|| Current {
            context: TraceContext::of_ids(trace_id, span_id, span.is_sampled()),
            state: HeaderValue::try_from(state).ok().filter(|state| !state.is_empty()),
        })
    })
}

/// The context of a span that is recorded.
pub(crate) fn span_context(context: TraceContext, state: Option<&HeaderValue>) -> SpanContext {
    let ([high, low], span_id) = context.ids();
    let trace_id = (u128::from(high) << 64) | u128::from(low);
    let state = state.and_then(|state| state.to_str().ok()?.parse().ok());
    // Spans that are exported are recorded, whatever a coin said before their end.
    let (trace_id, span_id) = (TraceId::from(trace_id), SpanId::from(span_id));
    SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, state.unwrap_or_default())
}
