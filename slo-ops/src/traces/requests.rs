//! Traces, and the time of their operations.

use super::{Operation, Span, path::critical_path};
use std::collections::{BTreeMap, HashMap};

/// The requests that spans belong to.
///
/// ```
/// use slo_ops::traces::{Operation, Span, Traces};
///
/// let span = |id, parent, service: &str, start, end| Span {
///     trace: 1, id, parent, start, end, failed: false, attributes: Default::default(),
///     operation: Operation { service: service.to_owned(), name: "GET".to_owned() },
/// };
/// // The shop asks two others at the same time, and waits for the slower one.
/// let spans = vec![span(1, None, "shop", 0, 100), span(2, Some(1), "stock", 10, 40), span(3, Some(1), "prices", 10, 90)];
/// let traces = Traces::of(&spans);
/// let times: Vec<_> = traces.times(0).map(|(operation, nanos)| (operation.service.as_str(), nanos)).collect();
/// assert_eq!(times, [("prices", 80), ("shop", 20)]);
/// ```
#[derive(Debug)]
pub struct Traces<'a> {
    pub(super) requests: Vec<Request<'a>>,
    orphans: u64,
}

/// One request: a root, and the time of each operation on its critical path.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) spans: Vec<&'a Span>,
    pub(super) children: Vec<Vec<usize>>,
    pub(super) root: usize,
    pub(super) times: BTreeMap<&'a Operation, u64>,
}

impl<'a> Request<'a> {
    pub(super) fn root(&self) -> Option<&'a Span> {
        self.spans.get(self.root).copied()
    }

    /// Its duration, in nanoseconds.
    pub(super) fn duration(&self) -> u64 {
        self.root().map_or(0, |root| root.end.saturating_sub(root.start))
    }

    pub(super) fn failed(&self) -> bool {
        self.root().is_some_and(|root| root.failed)
    }
}

/// What requests are compared with.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_enums, reason = "there is a baseline, or there is none")]
pub enum Baseline<'a, 'b> {
    /// The good requests among them.
    Good,
    /// The good requests of another time.
    Before(&'b Traces<'a>),
}

impl<'a> Traces<'a> {
    /// The requests of spans, in the order of their traces.
    ///
    /// The root of a trace is the span without a parent; without one, the longest span whose parent is missing. Spans that do not
    /// lead to it are [`orphans`](Self::orphans).
    #[must_use]
    pub fn of(spans: &'a [Span]) -> Self {
        let mut by_trace: BTreeMap<u128, Vec<&'a Span>> = BTreeMap::new();
        for span in spans {
            by_trace.entry(span.trace).or_default().push(span);
        }
        let mut orphans = 0;
        let mut requests = Vec::with_capacity(by_trace.len());
        for spans in by_trace.into_values() {
            let ids: HashMap<u64, usize> = spans.iter().enumerate().map(|(at, span)| (span.id, at)).collect();
            let mut children = vec![Vec::new(); spans.len()];
            let mut roots = Vec::new();
            for (at, span) in spans.iter().enumerate() {
                match span.parent.and_then(|parent| ids.get(&parent)).filter(|parent| **parent != at) {
                    Some(parent) => {
                        if let Some(children) = children.get_mut(*parent) {
                            children.push(at);
                        }
                    }
                    None => roots.push(at),
                }
            }
            let length = |at: &usize| {
                spans
                    .get(*at)
                    .map_or((false, 0), |span| (span.parent.is_none(), span.end.saturating_sub(span.start)))
            };
            let Some(root) = roots.into_iter().max_by_key(length) else {
                orphans += spans.len() as u64;
                continue;
            };
            orphans += (spans.len() - reached(&children, root)) as u64;
            let mut times: BTreeMap<&Operation, u64> = BTreeMap::new();
            for (at, nanos) in critical_path(&spans, &children, root) {
                if let Some(span) = spans.get(at) {
                    *times.entry(&span.operation).or_default() += nanos;
                }
            }
            requests.push(Request { spans, children, root, times });
        }
        Self { requests, orphans }
    }

    /// The number of requests.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether there are no requests.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// The spans that do not lead to the root of their trace, such as those whose parents are missing.
    #[must_use]
    pub const fn orphans(&self) -> u64 {
        self.orphans
    }

    /// The durations of all requests, in nanoseconds, in the order of their traces.
    pub fn durations(&self) -> impl Iterator<Item = u64> {
        self.requests.iter().map(Request::duration)
    }

    /// The operations on the critical path of a request and their own time there, in nanoseconds. The sum is its duration.
    pub fn times(&self, request: usize) -> impl Iterator<Item = (&'a Operation, u64)> {
        self.requests
            .get(request)
            .into_iter()
            .flat_map(|request| request.times.iter().map(|(operation, nanos)| (*operation, *nanos)))
    }

    /// The requests to a service, by the service of their roots; all without one.
    #[must_use]
    pub fn to_service(mut self, service: Option<&str>) -> Self {
        if let Some(service) = service {
            self.requests
                .retain(|request| request.root().is_some_and(|root| root.operation.service == service));
        }
        self
    }
}

/// How many spans the root leads to.
fn reached(children: &[Vec<usize>], root: usize) -> usize {
    let (mut open, mut count) = (vec![root], 0);
    while let Some(at) = open.pop() {
        count += 1;
        open.extend(children.get(at).into_iter().flatten());
    }
    count
}
