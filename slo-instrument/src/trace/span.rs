//! Spans on their way to a collector.

use super::TraceContext;
use crate::Kind;
use http::HeaderValue;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::SyncSender,
    },
    time::{Duration, SystemTime},
};

/// A request that is over.
#[derive(Debug)]
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "only collectors take spans"))]
pub(crate) struct Span {
    pub(crate) context: TraceContext,
    /// The header `tracestate` of its trace.
    pub(crate) state: Option<HeaderValue>,
    pub(crate) parent: Option<u64>,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) start: SystemTime,
    pub(crate) duration: Duration,
    pub(crate) labels: Vec<(&'static str, String)>,
    pub(crate) path: Option<Box<str>>,
    /// What went wrong.
    pub(crate) error: Option<String>,
    /// The SLOs that it was bad for.
    pub(crate) hurt_slos: Vec<String>,
    /// The fault that was injected into it.
    pub(crate) fault: Option<&'static str>,
}

/// A queue of spans that never makes a request wait: spans without room are lost and counted.
#[derive(Debug, Clone)]
pub(crate) struct Spans {
    queue: SyncSender<Span>,
    lost: Arc<AtomicU64>,
}

impl Spans {
    #[cfg(feature = "otlp")]
    pub(crate) fn queue(capacity: usize) -> (Self, std::sync::mpsc::Receiver<Span>) {
        let (queue, spans) = std::sync::mpsc::sync_channel(capacity);
        (Self { queue, lost: Arc::default() }, spans)
    }

    pub(crate) fn send(&self, span: Span) {
        if self.queue.try_send(span).is_err() {
            self.lose(1);
        }
    }

    pub(crate) fn lose(&self, spans: u64) {
        self.lost.fetch_add(spans, Ordering::Relaxed);
    }

    /// The number of spans that did not reach a collector.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}
