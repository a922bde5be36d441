//! Requests that two layers of one instrument see.

use http::Extensions;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Detects requests that pass one instrument twice, such as with a layer around a router and another around a
/// nested router.
///
/// The first request of each route gets a mark, and so do some requests after it. Once one request has passed
/// twice, all requests get the mark. The outer layer counts the request. The inner layer adds the route if
/// the outer one does not know it. One case is missed: a layer around a route that was known from the start
/// and that is first used after many other requests.
#[derive(Debug)]
pub(crate) struct Twice {
    // Requests that are still to be marked.
    left: AtomicU32,
    // Whether the inner layer had nothing to add.
    in_vain: AtomicBool,
}

/// The number of requests to mark after a new route.
const FIRST: u32 = 64;
/// Marks all further requests.
const ALL: u32 = u32::MAX;

/// The instruments that a request has passed, and whether its route was known there.
#[derive(Debug, Clone, Default)]
struct Seen(Vec<(u32, bool)>);

/// The number of the route of a response, as an inner layer knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InnerRoute(pub(crate) u32);

impl Twice {
    pub(super) const fn new() -> Self {
        Self { left: AtomicU32::new(FIRST), in_vain: AtomicBool::new(false) }
    }

    /// Marks the next requests: a new route may be nested in another.
    pub(super) fn look(&self) {
        // Never fewer than before.
        self.left.fetch_max(FIRST, Ordering::Relaxed);
    }

    /// Whether requests have passed two layers and the inner one added nothing.
    pub(crate) fn is_in_vain(&self) -> bool {
        self.in_vain.load(Ordering::Relaxed)
    }

    /// Whether requests are being marked.
    #[inline]
    pub(crate) fn is_looking(&self) -> bool {
        self.left.load(Ordering::Relaxed) > 0
    }

    /// Whether the request with these extensions has passed the instrument before.
    #[cold]
    pub(crate) fn is_again(&self, instrument: u32, extensions: &Extensions) -> bool {
        let seen =
            extensions.get().and_then(|Seen(seen)| seen.iter().find(|(known, _)| *known == instrument));
        if let Some((_, has_route)) = seen {
            self.left.store(ALL, Ordering::Relaxed);
            self.in_vain.fetch_or(*has_route, Ordering::Relaxed);
        }
        seen.is_some()
    }

    /// Marks the request with these extensions, whose route is known or not.
    #[cold]
    pub(crate) fn mark(&self, instrument: u32, has_route: bool, extensions: &mut Extensions) {
        let less = |left: u32| if left == ALL { None } else { left.checked_sub(1) };
        let _unchanged = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        let Seen(seen) = extensions.get_or_insert_default();
        seen.push((instrument, has_route));
    }
}
