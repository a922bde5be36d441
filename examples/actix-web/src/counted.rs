//! A middleware of actix-web that counts every request once.

use actix_web::{
    Error,
    body::{BodySize, MessageBody},
    dev::{Service as ActixService, ServiceRequest, ServiceResponse, Transform, forward_ready},
    web::Bytes,
};
use pin_project_lite::pin_project;
use slo_instrument::{Request, Service};
use std::{
    future::{Future, Ready, ready},
    pin::Pin,
    task::{Context, Poll},
};

/// Counts the requests of an `App` for a service's SLOs: `App::new().wrap(Counted(service))`.
#[derive(Debug, Clone)]
pub(crate) struct Counted(pub(crate) Service);

impl<S, B> Transform<S, ServiceRequest> for Counted
where
    S: ActixService<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<CountedBody<B>>;
    type Error = Error;
    type Transform = CountedService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(CountedService { inner, service: self.0.clone() }))
    }
}

/// Made by [`Counted`].
#[derive(Debug)]
pub(crate) struct CountedService<S> {
    inner: S,
    service: Service,
}

impl<S, B> ActixService<ServiceRequest> for CountedService<S>
where
    S: ActixService<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<CountedBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        // The template, such as `/users/{id}`; never the path, which a client chooses.
        let route = request.match_pattern().unwrap_or_else(|| "_unmatched".to_owned());
        let header = |name: &str| request.headers().get(name)?.to_str().ok();
        let mut counted = Request::start(&self.service, request.method().as_str(), &route).traced(
            &self.service,
            header("traceparent"),
            header("tracestate"),
        );
        let response = self.inner.call(request);
        Box::pin(async move {
            match response.await {
                Ok(response) => {
                    counted.answered(response.status().as_u16());
                    Ok(response.map_body(|_, body| CountedBody { body, request: Some(counted) }))
                }
                Err(error) => {
                    // actix-web makes a response of it.
                    counted.answered(error.as_response_error().status_code().as_u16());
                    counted.end();
                    Err(error)
                }
            }
        })
    }
}

pin_project! {
    /// The body of a response, whose end is that of its request.
    pub(crate) struct CountedBody<B> {
        #[pin]
        body: B,
        // None once it has been counted.
        request: Option<Request>,
    }
}

impl<B: MessageBody> MessageBody for CountedBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        let mut this = self.project();
        if let Some(request) = this.request.as_mut() {
            request.reading();
        }
        let polled = this.body.as_mut().poll_next(context);
        // A server stops asking once it has what was promised.
        let is_over = match &polled {
            Poll::Ready(Some(Ok(bytes))) => {
                matches!(this.body.size(), BodySize::Sized(length) if bytes.len() as u64 >= length)
            }
            Poll::Ready(None) => true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => false,
        };
        match (&polled, this.request.take()) {
            (Poll::Ready(Some(Err(_))), Some(request)) => request.broke(),
            (_, Some(request)) if is_over => request.end(),
            (_, request) => *this.request = request,
        }
        polled
    }
}
