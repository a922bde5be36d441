//! What cells are made of; `tests/handover.rs` puts loom's in their place.

/// Sets of cells that wait for the next thread; those of others are summed up.
pub(super) const KEPT: usize = 4;

pub(super) use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};
