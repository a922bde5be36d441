//! The server that a report queries.

use crate::error::Error;
use slo_core::{
    artifact::{RecordedSource, TakePoint},
    model::{Timestamp, Window},
    promql::Expr,
};
use slo_prometheus::{Client, Steps};
use std::collections::BTreeSet;

/// The server, and its warnings so far.
pub(in crate::commands) struct Server<'a> {
    pub(in crate::commands) client: &'a Client,
    pub(in crate::commands) warnings: BTreeSet<String>,
}

impl RecordedSource for Server<'_> {
    type Error = Error;

    fn range(
        &mut self,
        query: &Expr,
        start: Timestamp,
        step: Window,
        count: usize,
        point: &mut TakePoint<'_>,
    ) -> Result<(), Error> {
        let steps = Steps { start, step, count };
        self.warnings.extend(self.client.range(&query.to_string(), steps, point)?);
        Ok(())
    }
}
