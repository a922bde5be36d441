//! The body of a response.

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

pin_project! {
    /// The response body of [`FaultService`](super::FaultService): the service's own, an empty or a failing
    /// one.
    #[derive(Debug)]
    pub struct FaultBody<B> {
        #[pin]
        inner: Option<B>,
        is_broken: bool,
    }
}

/// Why the body of an aborted response fails.
#[derive(Debug)]
struct Aborted;

impl fmt::Display for Aborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("aborted by an injected fault")
    }
}

impl Error for Aborted {}

impl<B> FaultBody<B> {
    pub(super) const fn inner(body: B) -> Self {
        Self { inner: Some(body), is_broken: false }
    }

    pub(super) const fn empty() -> Self {
        Self { inner: None, is_broken: false }
    }

    pub(super) const fn broken() -> Self {
        Self { inner: None, is_broken: true }
    }
}

impl<B> Default for FaultBody<B> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<B: Body> Body for FaultBody<B>
where
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = B::Data;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        match this.inner.as_pin_mut() {
            Some(body) => body.poll_frame(context).map_err(Into::into),
            None if *this.is_broken => {
                *this.is_broken = false;
                Poll::Ready(Some(Err(Box::new(Aborted))))
            }
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().map_or(!self.is_broken, Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Some(body) => body.size_hint(),
            // Its length is not known, so that it cannot pass for complete.
            None if self.is_broken => SizeHint::default(),
            None => SizeHint::with_exact(0),
        }
    }
}
