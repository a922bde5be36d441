//! Traces: which one a request belongs to, and its span.

mod context;
mod exemplar;
mod here;
#[cfg(feature = "otlp")]
mod otel;
mod span;
mod tracer;
mod words;

use crate::sync;

pub use context::TraceContext;
pub(crate) use context::{Current, Entered};
pub(crate) use exemplar::{Exemplar, Exemplars};
#[cfg(feature = "otlp")]
pub(crate) use otel::recorded;
pub(crate) use span::{Span, Spans};
pub(crate) use tracer::{Counted, Trace, Tracer};
