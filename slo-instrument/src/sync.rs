//! Synchronisation types; `tests/threads.rs` replaces them with loom's.

/// The number of free sets of cells that are kept; further ones are summed up.
pub(crate) const KEPT: usize = 4;

/// The number of attempts to read words that are being written; the next scrape tries again.
pub(crate) const ATTEMPTS: usize = 8;

pub(crate) use arc_swap::ArcSwap;
pub(crate) use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering, fence},
};
