//! The future of a request.

use super::{CountedBody, guard::Guard};
use crate::{Class, fault::Injected};
use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

pin_project! {
    /// A request on its way; made by [`SloService`](super::SloService).
    #[derive(Debug)]
    pub struct RequestFuture<F> {
        #[pin]
        inner: F,
        // None once the response has it.
        guard: Option<Guard>,
    }
}

impl<F> RequestFuture<F> {
    pub(super) const fn new(inner: F, guard: Guard) -> Self {
        Self { inner, guard: Some(guard) }
    }
}

impl<F, Res, Err> Future for RequestFuture<F>
where
    F: Future<Output = Result<Response<Res>, Err>>,
    Res: Body,
{
    type Output = Result<Response<CountedBody<Res>>, Err>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(guard) = this.guard.as_mut() else {
            return this.inner.poll(context).map_ok(|response| response.map(|body| CountedBody::new(body, None)));
        };
        let entered = guard.enter();
        let polled = this.inner.poll(context);
        drop(entered);
        guard.returned();
        Poll::Ready(match ready!(polled) {
            Ok(response) => {
                let guard = if answered(guard, &response) {
                    this.guard.take()
                } else {
                    *this.guard = None;
                    None
                };
                Ok(response.map(|body| CountedBody::new(body, guard)))
            }
            Err(error) => {
                guard.failed();
                *this.guard = None;
                Err(error)
            }
        })
    }
}

/// Whether the request is not over with the response's head.
fn answered<B: Body>(guard: &mut Guard, response: &Response<B>) -> bool {
    if let Some(Injected(fault)) = response.extensions().get() {
        guard.injured(fault);
    }
    if let Some(class) = response.extensions().get::<Class>() {
        guard.judged(*class);
    }
    guard.answered(response.status(), response.headers(), !response.body().is_end_stream())
}
