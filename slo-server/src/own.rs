//! What the server counts of itself, with an SLO of its own, in the project's own SDK.

use slo_core::model::Timestamp;
use slo_instrument::{Error, Event, Events, Service, SloLayer};
use slo_ops::incident::{SendOutcome, StepOutcome};
use std::fmt::{self, Write as _};

/// What the server counts of itself.
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
    /// Deliveries are taken in, 99.9 % of them; messages reach their receivers at the first attempt, 99 % of them.
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

    /// Everything that is counted, in Prometheus' text format; `waiting` incidents wait for work, the first of them since
    /// then.
    pub(crate) fn metrics(&self, (waiting, since): (u64, Option<Timestamp>), now: Timestamp) -> String {
        let mut text = self.service.metrics();
        let seconds = since.map_or(0.0, |since| now.millis_since(since) as f64 / 1_000.0);
        let gauges = [
            ("slo_serve_waiting_incidents", "Incidents that wait for work.", waiting as f64),
            ("slo_serve_waiting_seconds", "How long the first of them has waited.", seconds),
        ];
        for (name, help, value) in gauges {
            // A string takes everything.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
        }
        text
    }
}

/// Ends a step as it ended.
pub(crate) fn end_step(event: Event, outcome: &StepOutcome) {
    match outcome {
        StepOutcome::Succeeded => event.good(),
        StepOutcome::TimedOut => event.bad("timed_out"),
        _ => event.bad("failed"),
    }
}

/// Ends the sending of a message as it ended.
pub(crate) fn end_sending(event: Event, outcome: &SendOutcome) {
    match outcome {
        SendOutcome::Accepted { .. } => event.good(),
        SendOutcome::Refused { .. } => event.bad("refused"),
        _ => event.bad("failed"),
    }
}
