//! The server that a report queries.

use crate::error::Error;
use slo_core::promql::Expr;
use slo_prometheus::{Client, Labels, Steps};
use std::collections::BTreeSet;

/// The server, and its warnings so far.
pub(super) struct Server<'a> {
    pub(super) client: &'a Client,
    pub(super) warnings: BTreeSet<String>,
}

impl Server<'_> {
    /// Calls `point` with every value of `query`.
    pub(super) fn range(
        &mut self,
        query: &Expr,
        steps: Steps,
        point: impl FnMut(&Labels, usize, f64),
    ) -> Result<(), Error> {
        self.warnings.extend(self.client.range(&query.to_string(), steps, point)?);
        Ok(())
    }
}
