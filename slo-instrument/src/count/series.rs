//! The counters of one combination of labels.

use super::{
    Class, Edges, Outcome, Reading,
    cells::Pool,
    kind::{Kind, Labels},
    stream::{self, Member, SloCounter},
};
use crate::{expose::render, trace::Exemplars};
use std::{sync::Arc, time::SystemTime};

/// What tells events of one route apart. Several of them may come to the same labels, and so to one series: an answer
/// and a body that broke, where both are said to be good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) method: Method,
    pub(crate) outcome: Outcome,
    pub(crate) class: Class,
}

impl Key {
    /// Why no SLO judges such events, where none does.
    pub(crate) fn ignored(self) -> Option<&'static str> {
        match (self.class, self.outcome) {
            (Class::Ignored, Outcome::Cancelled | Outcome::StreamCancelled(_)) => Some("cancelled"),
            (Class::Ignored, _) => Some("excluded"),
            _ => None,
        }
    }
}

/// An HTTP method that has a label value of its own, or the one for all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Method(u8);

/// The label values of methods.
pub(crate) const METHODS: [&str; 10] =
    ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "_OTHER"];

impl Method {
    pub(crate) const HEAD: Self = Self(5);
    pub(crate) const OPTIONS: Self = Self(6);
    /// For what has no method.
    pub(crate) const NONE: Self = Self(9);

    /// The method whose label value this is.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let position = METHODS.iter().position(|known| *known == name)?;
        u8::try_from(position).ok().map(Self)
    }

    pub(crate) fn of(method: &http::Method) -> Self {
        Self(match *method {
            http::Method::GET => 0,
            http::Method::POST => 1,
            http::Method::PUT => 2,
            http::Method::DELETE => 3,
            http::Method::PATCH => 4,
            http::Method::HEAD => 5,
            http::Method::OPTIONS => 6,
            http::Method::TRACE => 7,
            http::Method::CONNECT => 8,
            _ => 9,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        METHODS.get(self.index()).copied().unwrap_or("_OTHER")
    }

    pub(crate) fn index(self) -> usize {
        self.0.into()
    }
}

/// The counters that events of one combination of labels add to; everything else is derived when they are read.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) method: Method,
    /// Why no SLO judges its events, where none does.
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
