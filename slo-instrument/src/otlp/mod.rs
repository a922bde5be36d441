//! Metrics and traces to an OpenTelemetry collector, from a thread of their own.

mod config;
mod exporter;
mod metrics;
mod names;
mod send;
mod tls;
mod traces;

pub use config::Otlp;
pub(crate) use exporter::Exporter;
