//! Where a report gets its numbers.

use crate::{
    Error,
    model::{Timestamp, Window},
    promql::Expr,
};
use std::collections::BTreeMap;

/// A server that has recorded the tiles of SLOs.
///
/// This crate asks no server itself: its caller does, with the client that it has.
pub trait RecordedSource {
    /// Why a query failed.
    type Error: From<Error>;

    /// Calls `point` with every value of `query` at the ends of `count` steps after `start`: the labels of the series, the number
    /// of the step, and the value.
    ///
    /// # Errors
    /// A query that failed.
    fn range(
        &mut self,
        query: &Expr,
        start: Timestamp,
        step: Window,
        count: usize,
        point: &mut dyn FnMut(&BTreeMap<String, String>, usize, f64),
    ) -> Result<(), Self::Error>;
}
