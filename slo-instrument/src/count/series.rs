//! The counters of one combination of labels.

use super::{
    Class, Edges, Outcome, Reading,
    cells::Pool,
    method::Method,
    stream::{self, Member, SloCounter},
};
use crate::{
    Kind,
    labels::{Labels, render},
    trace::Exemplars,
};
use std::{sync::Arc, time::SystemTime};

/// What distinguishes the events of one route. Different keys may have the same labels and so share a series,
/// such as a complete and a failed response that are both judged good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) method: Method,
    pub(crate) outcome: Outcome,
    pub(crate) class: Class,
}

impl Key {
    /// The reason why SLOs ignore such events, if they do.
    pub(crate) fn ignored(self) -> Option<&'static str> {
        match (self.class, self.outcome) {
            (Class::Ignored, Outcome::Cancelled | Outcome::StreamCancelled(_)) => Some("cancelled"),
            (Class::Ignored, _) => Some("excluded"),
            _ => None,
        }
    }
}

/// The counters that events of one combination of labels add to; everything else is derived when they are read.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) method: Method,
    /// The reason why SLOs ignore its events, if they do.
    pub(crate) ignored: Option<&'static str>,
    pub(crate) labels: Labels,
    // The labels as the text formats have them, without the closing brace.
    rendered: String,
    pub(crate) created: SystemTime,
    /// Which streams of each SLO this series is part of.
    pub(crate) members: Box<[Member]>,
    // A counter for every bucket, and one for the nanoseconds.
    pub(crate) pool: Arc<Pool>,
    pub(crate) exemplars: Exemplars,
}

impl Series {
    pub(crate) fn new(
        kind: Kind,
        method: Method,
        ignored: Option<&'static str>,
        labels: Labels,
        slos: &[SloCounter],
        edges: &Edges,
    ) -> Self {
        // What is ignored is part of no stream.
        let members = if ignored.is_some() {
            slos.iter().map(|_| Member::default()).collect()
        } else {
            stream::members(slos, kind, &labels)
        };
        Self {
            method,
            ignored,
            members,
            rendered: render(&labels),
            labels,
            created: SystemTime::now(),
            pool: Arc::new(Pool::new(edges.buckets() + 1)),
            exemplars: Exemplars::new(edges.classic().len()),
        }
    }

    /// The labels as the text formats have them, without the closing brace.
    pub(crate) fn rendered(&self) -> &str {
        &self.rendered
    }

    /// Reads into `reading`.
    pub(crate) fn read(&self, reading: &mut Reading) {
        self.pool.read(&mut reading.cumulative);
        reading.nanos = reading.cumulative.pop().unwrap_or(0);
        let mut total = 0_u64;
        for bucket in &mut reading.cumulative {
            total = total.saturating_add(*bucket);
            *bucket = total;
        }
    }
}
