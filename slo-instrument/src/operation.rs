//! Work that is no request: jobs, messages, steps of a request.

use crate::{
    Outcome,
    clock::Start,
    count::{End, Instrument, Method, Ticket},
    trace::{Trace, Tracer},
};
use pin_project_lite::pin_project;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// A piece of work on its way; made by [`Slo::start`](crate::Slo::start).
///
/// It is counted once: as [`good`](Self::good), as [`bad`](Self::bad), or, when it is dropped before that, as cancelled,
/// or as a panic if that is why it is dropped.
///
/// ```
/// use slo_instrument::{Events, Slo};
///
/// let slo = Slo::builder("billing").counting(Events::operation("charge")).availability("99%").install()?;
/// let charge = slo.start("charge");
/// let accepted = false; // what the bank says
/// if accepted { charge.good() } else { charge.bad("declined") }
/// assert!(slo.metrics().contains(r#"count{error_type="declined",operation="charge"} 1"#));
/// # Ok::<(), slo_instrument::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "it is counted as cancelled when it is dropped"]
pub struct Event {
    // None once it has been counted.
    ticket: Option<Ticket>,
    start: Start,
    trace: Trace,
    running: bool,
}

impl Event {
    pub(crate) fn start(instrument: &Instrument, operation: &str, tracer: Option<&Tracer>) -> Self {
        Self {
            ticket: Some(Ticket::start(instrument.id(), operation, Method::NONE)),
            start: Start::now(),
            trace: tracer.map(Tracer::start_operation).unwrap_or_default(),
            running: false,
        }
    }

    /// It did what it was to do.
    pub fn good(mut self) {
        self.end(Outcome::Completed);
    }

    /// It failed, and this is what `error.type` says: a word of a small set.
    pub fn bad(mut self, error_type: &'static str) {
        self.end(Outcome::Failed(error_type));
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            let nanos = self.start.elapsed_nanos();
            ticket.end(End { outcome, class: None, nanos }, Some(&mut self.trace));
        }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        let has_panicked = self.running || std::thread::panicking();
        self.end(if has_panicked { Outcome::Panic } else { Outcome::Cancelled });
    }
}

pin_project! {
    /// A future that is counted; made by [`Slo::track`](crate::Slo::track).
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
                let entered = event.trace.enter();
                let polled = this.inner.poll(context);
                drop(entered);
                event.running = false;
                ready!(polled)
            }
        };
        if let Some(mut event) = this.event.take() {
            event.end(if result.is_ok() { Outcome::Completed } else { Outcome::Failed("error") });
        }
        Poll::Ready(result)
    }
}
