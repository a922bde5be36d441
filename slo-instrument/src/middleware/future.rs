//! The future of a request.

use super::{CountedBody, Excluded, guard::Guard};
use axum::body::HttpBody;
use http::{Method, Response, StatusCode};
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
    Res: HttpBody,
{
    type Output = Result<Response<CountedBody<Res>>, Err>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = match this.guard.as_mut() {
            Some(guard) => guard.run(|| this.inner.poll(context)),
            None => this.inner.poll(context),
        };
        let result = ready!(polled);
        let guard = this.guard.take();
        Poll::Ready(match result {
            Ok(response) => Ok(counted(response, guard)),
            Err(error) => {
                if let Some(mut guard) = guard {
                    guard.failed();
                }
                Err(error)
            }
        })
    }
}

/// The response, whose body counts the request; one without a body is counted at once.
fn counted<B: HttpBody>(response: Response<B>, guard: Option<Guard>) -> Response<CountedBody<B>> {
    let guard = guard.and_then(|mut guard| {
        if response.extensions().get::<Excluded>().is_some() {
            guard.forget();
            return None;
        }
        guard.answered(response.status());
        if has_body(&guard, &response) {
            return Some(guard);
        }
        guard.ended();
        None
    });
    response.map(|body| CountedBody::new(body, guard))
}

/// Whether a server will read a body of the response.
fn has_body<B: HttpBody>(guard: &Guard, response: &Response<B>) -> bool {
    let status = response.status();
    let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED, StatusCode::SWITCHING_PROTOCOLS];
    !response.body().is_end_stream() && guard.method() != Method::HEAD && !bodiless.contains(&status)
}
