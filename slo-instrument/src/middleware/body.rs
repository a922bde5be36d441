//! The body of a response, which ends the request.

use super::guard::Guard;
use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

pin_project! {
    /// The response body of [`SloService`](super::SloService), which counts the request.
    ///
    /// The request is counted when the body has been read, fails, or is dropped.
    #[derive(Debug)]
    pub struct CountedBody<B> {
        #[pin]
        inner: B,
        // None once the request has been counted.
        guard: Option<Guard>,
    }
}

impl<B> CountedBody<B> {
    pub(super) const fn new(inner: B, guard: Option<Guard>) -> Self {
        Self { inner, guard }
    }
}

impl<B: Default> Default for CountedBody<B> {
    /// A body without a request.
    fn default() -> Self {
        Self::new(B::default(), None)
    }
}

impl<B: Body> Body for CountedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        let Some(guard) = this.guard.as_mut() else { return this.inner.poll_frame(context) };
        guard.reading();
        let promised = this.inner.size_hint().exact();
        let entered = guard.enter();
        let polled = this.inner.as_mut().poll_frame(context);
        drop(entered);
        guard.returned();
        let frame = ready!(polled);
        let is_over = match &frame {
            None => true,
            Some(Err(_)) => {
                guard.broke();
                true
            }
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    guard.trailed(trailers)
                } else {
                    let length = frame.data_ref().map_or(0, Buf::remaining);
                    let length = u64::try_from(length).unwrap_or(u64::MAX);
                    // A server stops reading once it has the promised bytes.
                    let is_complete = promised.is_some_and(|left| length >= left) && guard.ends_with_data();
                    this.inner.is_end_stream() || is_complete
                }
            }
        };
        if is_over {
            guard.ended();
            *this.guard = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
