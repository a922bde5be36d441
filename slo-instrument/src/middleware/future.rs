//! The future of a request, and the guard that counts it.

use super::Excluded;
use crate::count::{Outcome, Route};
use http::{Method, Response};
use pin_project_lite::pin_project;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

pin_project! {
    /// A request on its way; made by [`SloService`](super::SloService).
    #[derive(Debug)]
    pub struct RequestFuture<F> {
        #[pin]
        inner: F,
        guard: Guard,
    }
}

/// Counts its request exactly once: by [`Guard::finish`], or when it is dropped before that.
#[derive(Debug)]
pub(super) struct Guard {
    route: Arc<Route>,
    method: Method,
    start: Instant,
    // Set while the service below runs; still set when this is dropped: the service panicked.
    running: bool,
    finished: bool,
}

impl RequestFuture<()> {
    pub(super) fn begin(route: Arc<Route>, method: Method) -> Guard {
        Guard { route, method, start: Instant::now(), running: true, finished: false }
    }
}

impl Guard {
    pub(super) fn with<F>(mut self, inner: F) -> RequestFuture<F> {
        self.running = false;
        RequestFuture { inner, guard: self }
    }

    fn finish(&mut self, outcome: Option<Outcome>) {
        self.finished = true;
        if let Some(outcome) = outcome {
            self.route.record(&self.method, outcome, self.start.elapsed());
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.finished {
            let outcome = if self.running { Outcome::Panic } else { Outcome::Cancelled };
            self.finish(Some(outcome));
        }
    }
}

impl<F, Res, Err> Future for RequestFuture<F>
where
    F: Future<Output = Result<Response<Res>, Err>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.guard.running = true;
        let polled = this.inner.poll(context);
        this.guard.running = false;
        let result = ready!(polled);
        let outcome = match &result {
            Ok(response) if response.extensions().get::<Excluded>().is_some() => None,
            Ok(response) => Some(Outcome::Status(response.status())),
            Err(_) => Some(Outcome::TransportError),
        };
        this.guard.finish(outcome);
        Poll::Ready(result)
    }
}
