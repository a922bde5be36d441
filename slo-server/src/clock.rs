//! The time.

use slo_core::model::Timestamp;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Now; the epoch on a machine whose clock is before it.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
