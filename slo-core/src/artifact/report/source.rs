//! Where a report gets its numbers.

use crate::{
    Error,
    model::{Timestamp, Window},
    promql::Expr,
    rules::Group,
};

/// What takes the values of a query: the labels of the series, the number of the step, and the value.
pub type TakePoint<'a> = dyn FnMut(&Group, usize, f64) + 'a;

/// A server that has recorded the tiles of SLOs.
///
/// This crate asks no server itself: its caller does, with the client that it has.
pub trait RecordedSource {
    /// Why a query failed.
    type Error: From<Error>;

    /// Calls `point` with every value of `query` at the ends of `count` steps after `start`.
    ///
    /// # Errors
    /// A query that failed.
    fn range(
        &mut self,
        query: &Expr,
        start: Timestamp,
        step: Window,
        count: usize,
        point: &mut TakePoint<'_>,
    ) -> Result<(), Self::Error>;
}
