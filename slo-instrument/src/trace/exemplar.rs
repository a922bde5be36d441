//! Exemplars: for each bucket, a request whose trace can be looked up.

use super::{TraceContext, words::Words};
use std::{
    sync::OnceLock,
    time::{Duration, SystemTime},
};

/// The exemplars of a series: the last request of each bucket that has a trace.
#[derive(Debug)]
pub(crate) struct Exemplars {
    buckets: usize,
    // Without traces there are none.
    slots: OnceLock<Box<[Words<5>]>>,
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
        let slots = self.slots.get_or_init(|| (0..self.buckets).map(|_| Words::default()).collect());
        if let Some(slot) = slots.get(bucket) {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
            let unix_millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
            slot.write(Exemplar { context, nanos, unix_millis }.words());
        }
    }

    /// The exemplar of a bucket.
    pub(crate) fn of(&self, bucket: usize) -> Option<Exemplar> {
        self.slots.get()?.get(bucket)?.read().map(Exemplar::of)
    }
}

impl Exemplar {
    fn words(self) -> [u64; 5] {
        let ([high, low], span_id) = self.context.ids();
        [high, low, span_id, self.nanos, self.unix_millis]
    }

    const fn of([high, low, span_id, nanos, unix_millis]: [u64; 5]) -> Self {
        Self { context: TraceContext::of_ids([high, low], span_id, true), nanos, unix_millis }
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
