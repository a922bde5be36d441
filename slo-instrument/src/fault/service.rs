//! The service.

use super::{FaultBody, FaultFuture, Faults};
use crate::matched;
use http::{Request, Response};
use http_body::Body;
use std::{
    error::Error,
    task::{Context, Poll},
};
use tower_service::Service;

/// A service that may get faults; made by [`FaultLayer`](super::FaultLayer).
#[derive(Debug, Clone)]
pub struct FaultService<S> {
    inner: S,
    faults: Faults,
}

impl<S> FaultService<S> {
    pub(super) const fn new(inner: S, faults: Faults) -> Self {
        Self { inner, faults }
    }
}

impl<S, Req, Res> Service<Request<Req>> for FaultService<S>
where
    S: Service<Request<Req>, Response = Response<Res>>,
    Res: Body,
    Res::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<FaultBody<Res>>;
    type Error = S::Error;
    type Future = FaultFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Req>) -> Self::Future {
        let route = matched::route(&request);
        match self.faults.draw(route, request.uri().path()) {
            None => FaultFuture::passing(self.inner.call(request)),
            Some(drawn) => FaultFuture::injured(drawn, || self.inner.call(request)),
        }
    }
}
