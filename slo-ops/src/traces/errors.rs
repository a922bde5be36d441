//! Where errors come from.

use super::{Operation, Traces};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// An operation that failed first in failed requests.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ErrorOrigin {
    /// The operation.
    pub operation: Operation,
    /// The failed requests that it failed first in.
    pub requests: u64,
    /// Their share of all failed requests. A request in which several operations failed counts for each of them.
    pub share: f64,
}

impl Traces<'_> {
    /// The operations that failed first in failed requests, those with most requests first.
    ///
    /// From the root, which has failed, it goes to the children that have failed, and on, as long as there are any. Failures that a
    /// caller has made good do not count.
    #[must_use]
    pub fn error_origins(&self) -> Vec<ErrorOrigin> {
        let mut counts: BTreeMap<&Operation, u64> = BTreeMap::new();
        let mut failed = 0_u64;
        for request in self.requests.iter().filter(|request| request.failed()) {
            failed += 1;
            let mut origins = BTreeSet::new();
            let mut open = vec![request.root];
            while let Some(at) = open.pop() {
                let children = request.children.get(at).into_iter().flatten();
                let before = open.len();
                open.extend(
                    children.filter(|child| request.spans.get(**child).is_some_and(|span| span.failed)),
                );
                if open.len() == before
                    && let Some(span) = request.spans.get(at)
                {
                    origins.insert(&span.operation);
                }
            }
            for origin in origins {
                *counts.entry(origin).or_default() += 1;
            }
        }
        let mut found: Vec<ErrorOrigin> = counts
            .into_iter()
            .map(|(operation, requests)| ErrorOrigin {
                operation: operation.clone(),
                requests,
                share: requests as f64 / failed.max(1) as f64,
            })
            .collect();
        found.sort_by(|a, b| b.requests.cmp(&a.requests).then_with(|| a.operation.cmp(&b.operation)));
        found
    }
}
