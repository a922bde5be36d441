//! A request of every bucket that can be looked up.

use super::TraceContext;
use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering, fence},
    },
    time::{Duration, SystemTime},
};

/// The exemplars of a series: the last request of each bucket that has a trace.
#[derive(Debug)]
pub(crate) struct Exemplars {
    buckets: usize,
    // Without traces there are none.
    slots: OnceLock<Box<[Slot]>>,
}

/// One exemplar. Writers take turns by an odd version, and give up where another one writes; readers read again where
/// the version has changed.
#[derive(Debug, Default)]
struct Slot {
    version: AtomicU64,
    trace_id: [AtomicU64; 2],
    span_id: AtomicU64,
    nanos: AtomicU64,
    unix_millis: AtomicU64,
}

/// A request with a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Exemplar {
    pub(crate) context: TraceContext,
    pub(crate) nanos: u64,
    pub(crate) unix_millis: u64,
}

impl Exemplars {
    pub(crate) const fn new(buckets: usize) -> Self {
        Self { buckets, slots: OnceLock::new() }
    }

    pub(crate) fn offer(&self, bucket: usize, nanos: u64, context: TraceContext) {
        let slots = self.slots.get_or_init(|| (0..self.buckets).map(|_| Slot::default()).collect());
        if let Some(slot) = slots.get(bucket) {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
            let unix_millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
            slot.write(Exemplar { context, nanos, unix_millis });
        }
    }

    /// The exemplar of a bucket.
    pub(crate) fn of(&self, bucket: usize) -> Option<Exemplar> {
        self.slots.get()?.get(bucket)?.read()
    }
}

impl Slot {
    fn write(&self, Exemplar { context, nanos, unix_millis }: Exemplar) {
        let version = self.version.load(Ordering::Relaxed);
        let is_free = version.is_multiple_of(2);
        if !is_free
            || self
                .version
                .compare_exchange(version, version.wrapping_add(1), Ordering::Acquire, Ordering::Relaxed)
                .is_err()
        {
            return;
        }
        // No part may be seen before the odd version is.
        fence(Ordering::Release);
        let (trace_id, span_id) = context.ids();
        for (cell, part) in self.trace_id.iter().zip(trace_id) {
            cell.store(part, Ordering::Relaxed);
        }
        self.span_id.store(span_id, Ordering::Relaxed);
        self.nanos.store(nanos, Ordering::Relaxed);
        self.unix_millis.store(unix_millis, Ordering::Relaxed);
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }

    fn read(&self) -> Option<Exemplar> {
        // A bucket so busy is read at the next scrape.
        const ATTEMPTS: usize = 8;
        for _ in 0..ATTEMPTS {
            let before = self.version.load(Ordering::Acquire);
            let [high, low] = &self.trace_id;
            let trace_id = [high.load(Ordering::Relaxed), low.load(Ordering::Relaxed)];
            let exemplar = Exemplar {
                context: TraceContext::of_ids(trace_id, self.span_id.load(Ordering::Relaxed), true),
                nanos: self.nanos.load(Ordering::Relaxed),
                unix_millis: self.unix_millis.load(Ordering::Relaxed),
            };
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == before {
                return (before > 0).then_some(exemplar);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_shows_halves_of_two() {
        let exemplars = Exemplars::new(2);
        assert_eq!(exemplars.of(0), None);
        std::thread::scope(|scope| {
            for thread in 1..=2_u64 {
                let exemplars = &exemplars;
                scope.spawn(move || {
                    for _ in 0..20_000 {
                        let context = TraceContext::of_ids([thread; 2], thread, true);
                        exemplars.offer(1, thread, context);
                    }
                });
            }
            for _ in 0..20_000 {
                if let Some(Exemplar { context, nanos, .. }) = exemplars.of(1) {
                    assert_eq!(context.ids(), ([nanos; 2], nanos));
                }
            }
        });
        assert!(exemplars.of(1).is_some());
    }
}
