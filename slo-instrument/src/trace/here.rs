//! The current span or request.

use super::context::Current;

/// The current span of `tracing` or OpenTelemetry, or the current request.
pub(super) fn here() -> Option<Current> {
    #[cfg(feature = "otlp")]
    if let Some(current) = super::otel::current() {
        return Some(current);
    }
    Current::get()
}
