//! Traces: which one a request belongs to, and its span.

mod context;
mod exemplar;
#[cfg(feature = "otlp")]
mod otel;
mod span;
mod tracer;

pub(crate) use context::Entered;
pub use context::TraceContext;
pub(crate) use exemplar::{Exemplar, Exemplars};
#[cfg(feature = "otlp")]
pub(crate) use otel::span_context;
pub(crate) use span::{Span, Spans};
pub(crate) use tracer::{Trace, Tracer};
