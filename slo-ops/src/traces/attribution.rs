//! Whose time the extra time of slow requests is.

use super::{Baseline, Operation, Traces, requests::Request};
use serde::Serialize;
use slo_core::Error;
use std::collections::BTreeMap;

/// Whose time the extra time of slow requests is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Attribution {
    /// The slow requests.
    pub slow: u64,
    /// The requests that they are compared with.
    pub baseline: u64,
    /// The mean duration of the slow requests, in seconds.
    pub slow_seconds: f64,
    /// The mean duration of as many requests of the same kinds of the baseline, in seconds.
    pub usual_seconds: f64,
    /// Each operation, those with most extra time first.
    pub operations: Vec<Part<Operation>>,
    /// Each service, likewise.
    pub services: Vec<Part<String>>,
    /// Slow requests of a kind that the baseline has none of, which are left out.
    pub unknown: u64,
}

/// The part of an operation or of a service in the extra time.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Part<T> {
    /// The operation or the service.
    pub of: T,
    /// Its share of the extra time; all shares add up to 1. Negative if it took less time than usual.
    pub share: f64,
    /// The interval of the share, at 95 %; `None` for fewer than two slow requests.
    pub interval: Option<[f64; 2]>,
    /// Its extra time of a slow request, in seconds.
    pub extra_seconds: f64,
    /// Its own time on the critical path of a usual request, in seconds.
    pub usual_seconds: f64,
}

impl Traces<'_> {
    /// Whose time the extra time of slow requests is: those that take longer than `threshold` nanoseconds.
    ///
    /// The time of an operation is its own time on the critical path. Its extra time is the mean over slow requests less that of
    /// usual requests of the same kind, by the operation of the root. Without a baseline of another time, these are the requests that
    /// are not slow. With one, they are the slowest of it, as large a part as the slow ones are of all: both are chosen alike, so what
    /// varies from request to request is no extra time. The interval is that of a ratio of means, by the delta method;
    /// usual times count as known.
    ///
    /// # Errors
    /// No slow request; no other request that they can be compared with; slow requests that take no extra time.
    pub fn attribution(&self, threshold: u64, baseline: Baseline<'_, '_>) -> Result<Attribution, Error> {
        let is_slow = |request: &&Request<'_>| request.duration() > threshold;
        let usual: Vec<&Request<'_>> = match baseline {
            Baseline::Good => self.requests.iter().filter(|request| !is_slow(request)).collect(),
            Baseline::Before(before) => as_slow(&before.requests, &self.requests, is_slow),
        };
        // The mean time of each operation, by the kind of request.
        let mut kinds: BTreeMap<&Operation, Kind<'_>> = BTreeMap::new();
        for request in &usual {
            let Some(root) = request.root() else { continue };
            let kind = kinds.entry(&root.operation).or_default();
            kind.requests += 1;
            for (operation, nanos) in &request.times {
                *kind.times.entry(operation).or_default() += u128::from(*nanos);
            }
        }
        let slow: Vec<&Request<'_>> = self.requests.iter().filter(is_slow).collect();
        if slow.is_empty() {
            return Err(
                Error::new("no request is slower than the threshold").with_hint("give a lower threshold")
            );
        }
        let (known, unknown): (Vec<&Request<'_>>, Vec<&Request<'_>>) = slow
            .into_iter()
            .partition(|request| request.root().is_some_and(|root| kinds.contains_key(&root.operation)));
        if known.is_empty() {
            return Err(Error::new("the baseline has no request of these kinds that is not slow")
                .with_hint("give traces of a time when requests were not slow"));
        }
        let mut operations: BTreeMap<&Operation, Sums> = BTreeMap::new();
        let mut services: BTreeMap<&str, Sums> = BTreeMap::new();
        let (mut slow_sum, mut usual_sum, mut squares) = (0.0, 0.0, 0.0);
        for request in &known {
            let Some(kind) = request.root().and_then(|root| kinds.get(&root.operation)) else { continue };
            // The extra time of each operation in this request, and its usual time.
            let mut extra: BTreeMap<&Operation, (f64, f64)> = BTreeMap::new();
            for (operation, sum) in &kind.times {
                let mean = *sum as f64 / kind.requests as f64;
                usual_sum += mean;
                extra.insert(operation, (-mean, mean));
            }
            for (operation, nanos) in &request.times {
                extra.entry(operation).or_default().0 += *nanos as f64;
            }
            let whole: f64 = extra.values().map(|(extra, _)| extra).sum();
            slow_sum += request.duration() as f64;
            squares += whole * whole;
            let mut of_services: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
            for (operation, (extra, usual)) in extra {
                operations.entry(operation).or_default().add(extra, usual, whole);
                let sum = of_services.entry(&operation.service).or_default();
                *sum = (sum.0 + extra, sum.1 + usual);
            }
            for (service, (extra, usual)) in of_services {
                services.entry(service).or_default().add(extra, usual, whole);
            }
        }
        let count = known.len() as f64;
        if slow_sum <= usual_sum {
            return Err(Error::new("the slow requests take no more time than the others"));
        }
        let all = Sums { extra: slow_sum - usual_sum, squares, ..Sums::default() };
        let operations =
            operations.into_iter().map(|(operation, sums)| sums.part(operation.clone(), &all, count));
        let services = services.into_iter().map(|(service, sums)| sums.part(service.to_owned(), &all, count));
        Ok(Attribution {
            slow: known.len() as u64,
            baseline: usual.len() as u64,
            slow_seconds: slow_sum / count / 1e9,
            usual_seconds: usual_sum / count / 1e9,
            operations: sorted(operations.collect()),
            services: sorted(services.collect()),
            unknown: unknown.len() as u64,
        })
    }
}

/// The slowest requests of each kind before, as large a part as the slow ones are of all.
fn as_slow<'b, 'a>(
    before: &'b [Request<'a>],
    all: &[Request<'_>],
    is_slow: impl Fn(&&Request<'_>) -> bool,
) -> Vec<&'b Request<'a>> {
    let mut parts: BTreeMap<&Operation, [usize; 2]> = BTreeMap::new();
    for request in all {
        let Some(root) = request.root() else { continue };
        let [slow, requests] = parts.entry(&root.operation).or_default();
        (*slow, *requests) = (*slow + usize::from(is_slow(&request)), *requests + 1);
    }
    let mut kinds: BTreeMap<&Operation, Vec<&'b Request<'a>>> = BTreeMap::new();
    for request in before {
        if let Some(root) = request.root() {
            kinds.entry(&root.operation).or_default().push(request);
        }
    }
    let mut found = Vec::new();
    for (operation, mut requests) in kinds {
        let Some([slow, of]) = parts.get(operation) else { continue };
        requests.sort_by_key(|request| std::cmp::Reverse(request.duration()));
        // At least one, if any is slow.
        requests.truncate((requests.len() * slow).div_ceil(*of));
        found.extend(requests);
    }
    found
}

/// Requests of the baseline with the same root, and the sum of the times of each operation.
#[derive(Default)]
struct Kind<'a> {
    requests: u64,
    times: BTreeMap<&'a Operation, u128>,
}

/// Sums over slow requests: of the extra time of an operation, of its squares, of its product with the extra time of the whole request,
/// and of its usual time.
#[derive(Default)]
struct Sums {
    extra: f64,
    squares: f64,
    products: f64,
    usual: f64,
}

/// The standard normal's quantile for 95 %.
const Z: f64 = 1.959_963_984_540_054;

impl Sums {
    fn add(&mut self, extra: f64, usual: f64, whole: f64) {
        self.extra += extra;
        self.squares += extra * extra;
        self.products += extra * whole;
        self.usual += usual;
    }

    /// The share in `all`, of as many requests.
    fn part<T>(&self, of: T, all: &Self, count: f64) -> Part<T> {
        let share = self.extra / all.extra;
        let interval = (count > 1.0).then(|| {
            let squares = (self.squares - 2.0 * share * self.products + share * share * all.squares).max(0.0);
            let error = (squares * count / (count - 1.0)).sqrt() / all.extra;
            [share - Z * error, share + Z * error]
        });
        let seconds = |sum: f64| sum / count / 1e9;
        Part { of, share, interval, extra_seconds: seconds(self.extra), usual_seconds: seconds(self.usual) }
    }
}

fn sorted<T: Ord>(mut parts: Vec<Part<T>>) -> Vec<Part<T>> {
    parts.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.of.cmp(&b.of)));
    parts
}
