//! What counts a request exactly once.

use crate::count::{Outcome, Route};
use http::{Method, StatusCode};
use quanta::Instant;
use std::{sync::Arc, time::Duration};

/// Counts its request exactly once: by [`Guard::finish`], or when it is dropped before that. It goes with the request
/// from the call through the future into the body of the response.
#[derive(Debug)]
pub(super) struct Guard {
    route: Arc<Route>,
    method: Method,
    start: Instant,
    stage: Stage,
    // Set while code below runs; still set when this is dropped: it panicked.
    running: bool,
    finished: bool,
}

/// How far a request has come.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// No response yet.
    Waiting,
    /// Its head was made, after this time.
    Head(StatusCode, Duration),
    /// Its body is being read.
    Body(StatusCode, Duration),
}

impl Guard {
    pub(super) fn new(route: Arc<Route>, method: Method) -> Self {
        Self { route, method, start: Instant::now(), stage: Stage::Waiting, running: false, finished: false }
    }

    /// Runs code of the service, whose panics are counted.
    pub(super) fn run<T>(&mut self, work: impl FnOnce() -> T) -> T {
        self.running = true;
        let done = work();
        self.running = false;
        done
    }

    pub(super) const fn method(&self) -> &Method {
        &self.method
    }

    /// The response's head is there.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.stage = Stage::Head(status, self.start.elapsed());
    }

    /// Somebody reads the response's body.
    pub(super) const fn reading(&mut self) {
        if let Stage::Head(status, duration) = self.stage {
            self.stage = Stage::Body(status, duration);
        }
    }

    /// The request is not to be counted.
    pub(super) const fn forget(&mut self) {
        self.finished = true;
    }

    /// The service failed without a response.
    pub(super) fn failed(&mut self) {
        self.finish(Outcome::TransportError);
    }

    /// The body has been read to its end.
    pub(super) fn ended(&mut self) {
        if let Stage::Head(status, _) | Stage::Body(status, _) = self.stage {
            self.finish(Outcome::Status(status));
        }
    }

    /// The body failed.
    pub(super) fn broke(&mut self) {
        if let Stage::Head(status, _) | Stage::Body(status, _) = self.stage {
            self.finish(Outcome::StreamError(status));
        }
    }

    /// Counts; the latency is that of the head, where there is one.
    fn finish(&mut self, outcome: Outcome) {
        if self.finished {
            return;
        }
        self.finished = true;
        let duration = match self.stage {
            Stage::Waiting => self.start.elapsed(),
            Stage::Head(_, duration) | Stage::Body(_, duration) => duration,
        };
        self.route.record(&self.method, outcome, duration);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.finish(match self.stage {
            _ if self.running => Outcome::Panic,
            Stage::Waiting => Outcome::Cancelled,
            // Nobody asked for the body: it was answered all the same.
            Stage::Head(status, _) => Outcome::Status(status),
            Stage::Body(status, _) => Outcome::StreamCancelled(status),
        });
    }
}
