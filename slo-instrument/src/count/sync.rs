//! What cells are made of; `tests/handover.rs` puts loom's in their place.

pub(super) use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};
