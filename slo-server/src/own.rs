//! The server's own metrics and SLOs, made with `slo-instrument`.

use slo_core::model::Timestamp;
use slo_instrument::{Error, Event, Events, Service, SloLayer};
use slo_ops::incident::{SendOutcome, StepOutcome};
use std::fmt::{self, Write as _};

/// The server's own metrics.
#[derive(Clone)]
pub(crate) struct Own {
    service: Service,
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Own")
    }
}

impl Own {
    /// The SLOs: 99.9 % of deliveries are recorded, and 99 % of messages are accepted at the first attempt.
    pub(crate) fn new() -> Result<Self, Error> {
        let service = Service::builder("slo-serve")
            .counting(Events::http())
            .availability("99.9%")
            .counting(Events::operation("send"))
            .availability("99%")
            .install()?;
        Ok(Self { service })
    }

    /// Counts the deliveries.
    pub(crate) fn layer(&self) -> SloLayer {
        self.service.layer()
    }

    /// A step begins.
    pub(crate) fn step(&self) -> Event {
        self.service.start("step")
    }

    /// A message is sent.
    pub(crate) fn sending(&self) -> Event {
        self.service.start("send")
    }

    /// All metrics in Prometheus' text format; `waiting` incidents wait for work, the first of them since
    /// `since`.
    pub(crate) fn metrics(&self, (waiting, since): (u64, Option<Timestamp>), now: Timestamp) -> String {
        let mut text = self.service.metrics();
        let seconds = since.map_or(0.0, |since| now.millis_since(since) as f64 / 1_000.0);
        let gauges = [
            (
                "slo_serve_waiting_incidents",
                "Incidents that are due and that no process works on.",
                waiting as f64,
            ),
            ("slo_serve_waiting_seconds", "How long the first of them has been due, in seconds.", seconds),
        ];
        for (name, help, value) in gauges {
            // Writing to a string cannot fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
        }
        text
    }
}

/// Counts a step by its outcome.
pub(crate) fn end_step(event: Event, outcome: &StepOutcome) {
    match outcome {
        StepOutcome::Succeeded => event.good(),
        StepOutcome::TimedOut => event.bad("timed_out"),
        _ => event.bad("failed"),
    }
}

/// Counts the sending of a message by its outcome.
pub(crate) fn end_sending(event: Event, outcome: &SendOutcome) {
    match outcome {
        SendOutcome::Accepted { .. } => event.good(),
        SendOutcome::Refused { .. } => event.bad("refused"),
        _ => event.bad("failed"),
    }
}
