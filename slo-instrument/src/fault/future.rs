//! The future of a request.

use super::{FaultBody, Injected, plan::What};
use http::{Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;
use std::{
    error::Error,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Sleep, sleep};

pin_project! {
    /// A request on its way; made by [`FaultService`](super::FaultService).
    #[derive(Debug)]
    pub struct FaultFuture<F> {
        #[pin]
        inner: Option<F>,
        wait: Option<Pin<Box<Sleep>>>,
        fault: Option<&'static str>,
        // Of the answer in the place of the service; none where the connection breaks.
        status: Option<StatusCode>,
    }
}

impl<F> FaultFuture<F> {
    pub(super) const fn passing(inner: F) -> Self {
        Self { inner: Some(inner), wait: None, fault: None, status: None }
    }

    pub(super) fn waiting(inner: F, wait: Duration, fault: &'static str) -> Self {
        Self { wait: Some(Box::pin(sleep(wait))), fault: Some(fault), ..Self::passing(inner) }
    }

    pub(super) const fn instead(what: What, fault: &'static str) -> Self {
        let status = match what {
            What::Error(status) => Some(status),
            What::Latency(_) | What::Abort => None,
        };
        Self { inner: None, wait: None, fault: Some(fault), status }
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
            ready!(wait.as_mut().poll(context));
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
