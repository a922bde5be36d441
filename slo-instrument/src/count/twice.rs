//! Requests that two layers of one instrument see.

use http::Extensions;
use std::sync::atomic::{AtomicU32, Ordering};

/// Looks whether requests come to one instrument twice, as where a layer is around a router and around a router in it.
///
/// The first requests of every route carry a mark; once one has come twice, all do, and count once.
#[derive(Debug)]
pub(crate) struct Twice {
    // Requests that are still to be marked.
    left: AtomicU32,
}

/// Requests that are marked from a new route on.
const FIRST: u32 = 64;
/// All that are to come.
const ALL: u32 = u32::MAX;

/// The instruments that a request has come to.
#[derive(Debug, Clone, Default)]
struct Seen(Vec<u32>);

impl Twice {
    pub(super) const fn new() -> Self {
        Self { left: AtomicU32::new(FIRST) }
    }

    /// Marks the requests that come next: a new route may be one that is nested in another.
    pub(super) fn look(&self) {
        // Never fewer than before.
        self.left.fetch_max(FIRST, Ordering::Relaxed);
    }

    /// Whether a request has come twice.
    pub(crate) fn was_seen(&self) -> bool {
        self.left.load(Ordering::Relaxed) == ALL
    }

    /// Whether the request with these extensions comes to the instrument again.
    #[inline]
    pub(crate) fn is_again(&self, instrument: u32, extensions: &mut Extensions) -> bool {
        self.left.load(Ordering::Relaxed) > 0 && self.mark(instrument, extensions)
    }

    #[cold]
    fn mark(&self, instrument: u32, extensions: &mut Extensions) -> bool {
        let less = |left: u32| if left == ALL { None } else { left.checked_sub(1) };
        let _unchanged = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        let Seen(seen) = extensions.get_or_insert_default();
        if seen.contains(&instrument) {
            self.left.store(ALL, Ordering::Relaxed);
            return true;
        }
        seen.push(instrument);
        false
    }
}
