//! The future of a request.

use super::{CountedBody, guard::Guard};
use crate::{Class, count::InnerRoute, fault::Injected};
use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

pin_project! {
    /// The future of a request; made by [`SloService`](super::SloService).
    #[derive(Debug)]
    pub struct RequestFuture<F> {
        #[pin]
        inner: F,
        // `None` once the response holds it, and if the request is counted elsewhere.
        guard: Option<Guard>,
        // The route of a request that is counted elsewhere, where it may be unknown.
        route: Option<u32>,
    }
}

impl<F> RequestFuture<F> {
    pub(super) const fn new(inner: F, guard: Guard) -> Self {
        Self { inner, guard: Some(guard), route: None }
    }

    /// A request that an outer layer counts, of this route.
    pub(super) const fn again(inner: F, route: Option<u32>) -> Self {
        Self { inner, guard: None, route }
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
            let route = this.route.take();
            return this.inner.poll(context).map_ok(|mut response| {
                if let Some(route) = route {
                    response.extensions_mut().get_or_insert(InnerRoute(route));
                }
                response.map(|body| CountedBody::new(body, None))
            });
        };
        let entered = guard.enter();
        let polled = this.inner.poll(context);
        drop(entered);
        guard.returned();
        // By reference, as long as it can be: a response is large.
        let is_over = match &polled {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(response)) => !answered(guard, response),
            Poll::Ready(Err(_)) => {
                guard.failed();
                true
            }
        };
        let guard = if is_over {
            *this.guard = None;
            None
        } else {
            this.guard.take()
        };
        polled.map_ok(|response| response.map(|body| CountedBody::new(body, guard)))
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
    if guard.is_unmatched()
        && let Some(InnerRoute(route)) = response.extensions().get()
    {
        guard.matched(*route);
    }
    guard.answered(response.status(), response.headers(), !response.body().is_end_stream())
}
