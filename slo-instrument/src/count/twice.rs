//! Requests that two layers of one instrument see.

use http::Extensions;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Looks whether requests come to one instrument twice, as where a layer is around a router and around a router in it.
///
/// The request that is the first of its route carries a mark, and so do some after it; once one has come twice, all do.
/// The outer layer counts it. The inner one says which route it is, where the outer one does not know. Not seen is a layer
/// around a route that was known from the start and is asked for only after many others.
#[derive(Debug)]
pub(crate) struct Twice {
    // Requests that are still to be marked.
    left: AtomicU32,
    // Whether the inner layer had nothing to add.
    in_vain: AtomicBool,
}

/// Requests that are marked from a new route on.
const FIRST: u32 = 64;
/// All that are to come.
const ALL: u32 = u32::MAX;

/// The instruments that a request has come to, and whether its route was known there.
#[derive(Debug, Clone, Default)]
struct Seen(Vec<(u32, bool)>);

/// The route that an inner layer knows a response to be of, by its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InnerRoute(pub(crate) u32);

impl Twice {
    pub(super) const fn new() -> Self {
        Self { left: AtomicU32::new(FIRST), in_vain: AtomicBool::new(false) }
    }

    /// Marks the requests that come next: a new route may be one that is nested in another.
    pub(super) fn look(&self) {
        // Never fewer than before.
        self.left.fetch_max(FIRST, Ordering::Relaxed);
    }

    /// Whether requests have come to two layers, the inner of which was in vain.
    pub(crate) fn is_in_vain(&self) -> bool {
        self.in_vain.load(Ordering::Relaxed)
    }

    /// Whether requests are marked at the moment.
    #[inline]
    pub(crate) fn is_looking(&self) -> bool {
        self.left.load(Ordering::Relaxed) > 0
    }

    /// Whether the request with these extensions has come to the instrument before.
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
