//! What threads share by; `tests/threads.rs` puts loom's in their place.

/// Sets of cells that wait for the next thread; those of others are summed up.
pub(crate) const KEPT: usize = 4;

/// How often words are read that somebody writes; what is so busy is read at the next scrape.
pub(crate) const ATTEMPTS: usize = 8;

pub(crate) use arc_swap::ArcSwap;
pub(crate) use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering, fence},
};
