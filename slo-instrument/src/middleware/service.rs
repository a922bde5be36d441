//! The service.

use super::{CountedBody, RequestFuture, guard::Guard};
use crate::count::Store;
use axum::{body::HttpBody, extract::MatchedPath};
use http::{Request, Response};
use std::{
    sync::Arc,
    task::{Context, Poll},
};
use tower_service::Service;

/// A service whose requests are counted; made by [`SloLayer`](super::SloLayer).
///
/// The route is axum's `MatchedPath`: never the path itself, which a client chooses.
#[derive(Debug, Clone)]
pub struct SloService<S> {
    inner: S,
    store: Arc<Store>,
}

impl<S> SloService<S> {
    pub(super) const fn new(inner: S, store: Arc<Store>) -> Self {
        Self { inner, store }
    }
}

impl<S, Req, Res> Service<Request<Req>> for SloService<S>
where
    S: Service<Request<Req>, Response = Response<Res>>,
    Res: HttpBody,
{
    type Response = Response<CountedBody<Res>>;
    type Error = S::Error;
    type Future = RequestFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Req>) -> Self::Future {
        let route = self.store.route(request.extensions().get::<MatchedPath>().map(MatchedPath::as_str));
        let method = request.method().clone();
        // The clock starts before the inner service is called: some do their work there.
        let mut guard = Guard::new(route, method);
        let inner = guard.run(|| self.inner.call(request));
        RequestFuture::new(inner, guard)
    }
}
