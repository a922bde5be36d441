//! The future of a request.

use super::{
    FaultBody, Injected,
    plan::{Drawn, What},
};
use http::{Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;
use std::{
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// The time that a request is kept waiting.
struct Wait(Pin<Box<dyn Future<Output = ()> + Send + Sync>>);

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wait")
    }
}

pin_project! {
    /// The future of a request; made by [`FaultService`](super::FaultService).
    #[derive(Debug)]
    pub struct FaultFuture<F> {
        #[pin]
        inner: Option<F>,
        wait: Option<Wait>,
        fault: Option<&'static str>,
        // The status of the injected answer; `None` if the connection breaks.
        status: Option<StatusCode>,
    }
}

impl<F> FaultFuture<F> {
    pub(super) const fn passing(inner: F) -> Self {
        Self { inner: Some(inner), wait: None, fault: None, status: None }
    }

    /// A request with the fault that was drawn for it.
    pub(super) fn injured(drawn: Drawn, inner: impl FnOnce() -> F) -> Self {
        let fault = Some(drawn.name);
        match drawn.what {
            What::Error(status) => Self { inner: None, wait: None, fault, status: Some(status) },
            What::Abort => Self { inner: None, wait: None, fault, status: None },
            What::Latency(wait) => {
                Self { wait: Some(Wait(Box::pin(drawn.wait(wait)))), fault, ..Self::passing(inner()) }
            }
        }
    }
}

impl<F, Res, Err> Future for FaultFuture<F>
where
    F: Future<Output = Result<Response<Res>, Err>>,
    Res: Body,
    Res::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = Result<Response<FaultBody<Res>>, Err>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(wait) = this.wait {
            ready!(wait.0.as_mut().poll(context));
            *this.wait = None;
        }
        let mut response = match this.inner.as_pin_mut() {
            Some(inner) => ready!(inner.poll(context))?.map(FaultBody::inner),
            None => match *this.status {
                None => Response::new(FaultBody::broken()),
                Some(status) => {
                    let mut response = Response::new(FaultBody::empty());
                    *response.status_mut() = status;
                    response
                }
            },
        };
        if let Some(fault) = *this.fault {
            response.extensions_mut().insert(Injected(fault));
        }
        Poll::Ready(Ok(response))
    }
}
