//! Work other than requests: jobs, messages, steps of a request.

use crate::{
    Class, Outcome,
    clock::Start,
    count::{Circumstance, End, Instrument, Method, Ticket},
    trace::{Trace, Tracer},
};
use pin_project_lite::pin_project;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// A piece of work in progress; made by [`Service::start`](crate::Service::start).
///
/// It is counted once: as [`good`](Self::good), as [`bad`](Self::bad) or as [ignored](Self::ignore). If it is
/// dropped before that, it counts as a failure: as `panic` if a panic dropped it, otherwise as `cancelled`.
///
/// ```
/// use slo_instrument::{Events, Service};
///
/// let service = Service::builder("billing").counting(Events::operation("charge")).availability("99%").install()?;
/// let charge = service.start("charge");
/// let accepted = false; // what the bank says
/// if accepted { charge.good() } else { charge.bad("declined") }
/// assert!(service.metrics().contains(r#"count{error_type="declined",operation="charge"} 1"#));
/// # Ok::<(), slo_instrument::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "it is counted as cancelled when it is dropped"]
pub struct Event {
    // None once it has been counted.
    ticket: Option<Ticket>,
    start: Start,
    trace: Option<Trace>,
    running: bool,
}

impl Event {
    pub(crate) fn start(instrument: &Instrument, operation: &str, tracer: Option<&Tracer>) -> Self {
        Self {
            ticket: Some(Ticket::start(instrument.id(), operation, Method::NONE)),
            start: Start::now(),
            trace: tracer.and_then(Tracer::start_operation),
            running: false,
        }
    }

    /// Counts the work as successful.
    pub fn good(mut self) {
        self.end(Outcome::Completed, None);
    }

    /// Counts the work as failed with this `error.type`: a word from a small set.
    pub fn bad(mut self, error_type: &'static str) {
        self.end(Outcome::Failed(error_type), None);
    }

    /// Counts the work as ignored, in `slo_ignored_events_total`.
    ///
    /// Use it when there was nothing to do, and so nothing to judge.
    pub fn ignore(mut self) {
        self.end(Outcome::Completed, Some(Class::Ignored));
    }

    fn end(&mut self, outcome: Outcome, class: Option<Class>) {
        if let Some(ticket) = self.ticket.take() {
            let nanos = self.start.elapsed_nanos();
            ticket.end(End { outcome, class, nanos, circumstance: Circumstance::Usual }, self.trace.as_mut());
        }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        let has_panicked = self.running || std::thread::panicking();
        self.end(if has_panicked { Outcome::Panic } else { Outcome::Cancelled }, None);
    }
}

pin_project! {
    /// A future that is counted; made by [`Service::track`](crate::Service::track).
    #[derive(Debug)]
    pub struct Tracked<F> {
        #[pin]
        inner: F,
        // None once it has been counted.
        event: Option<Event>,
    }
}

impl<F> Tracked<F> {
    pub(crate) const fn new(inner: F, event: Event) -> Self {
        Self { inner, event: Some(event) }
    }
}

impl<F: Future<Output = Result<T, E>>, T, E> Future for Tracked<F> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = match this.event {
            None => ready!(this.inner.poll(context)),
            Some(event) => {
                event.running = true;
                let entered = event.trace.as_ref().and_then(Trace::enter);
                let polled = this.inner.poll(context);
                drop(entered);
                event.running = false;
                ready!(polled)
            }
        };
        if let Some(mut event) = this.event.take() {
            event.end(if result.is_ok() { Outcome::Completed } else { Outcome::Failed("error") }, None);
        }
        Poll::Ready(result)
    }
}
