//! What is being worked on.

use super::context::Current;

/// What is being worked on here: a span of `tracing` or OpenTelemetry, or a request.
pub(super) fn here() -> Option<Current> {
    #[cfg(feature = "otlp")]
    if let Some(current) = super::otel::current() {
        return Some(current);
    }
    Current::get()
}
