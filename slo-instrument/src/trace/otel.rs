//! The context of OpenTelemetry's API, so that its spans and ours belong to one trace.

use super::{Current, TraceContext};
use http::HeaderValue;
use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt},
};

/// A context in which new spans are children of the request. `None` if the request is not sampled but the
/// active span of another layer is: then that span keeps its children.
pub(super) fn scope(current: &Current) -> Option<Context> {
    let is_sampled = Context::map_current(|context| context.span().span_context().is_sampled());
    if is_sampled && !current.context.is_sampled() {
        return None;
    }
    let flags = if current.context.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let context = span_context(current.context, current.state.as_ref(), flags);
    Some(Context::current().with_remote_span_context(context))
}

/// The active span, if there is one.
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

/// The context of an exported span: marked as recorded, even if it was not sampled before its end.
pub(crate) fn recorded(context: TraceContext, state: Option<&HeaderValue>) -> SpanContext {
    span_context(context, state, TraceFlags::SAMPLED)
}

fn span_context(context: TraceContext, state: Option<&HeaderValue>, flags: TraceFlags) -> SpanContext {
    let ([high, low], span_id) = context.ids();
    let trace_id = (u128::from(high) << 64) | u128::from(low);
    let state = state.and_then(|state| state.to_str().ok()?.parse().ok());
    let (trace_id, span_id) = (TraceId::from(trace_id), SpanId::from(span_id));
    SpanContext::new(trace_id, span_id, flags, false, state.unwrap_or_default())
}
