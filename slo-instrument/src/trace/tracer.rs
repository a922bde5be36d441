//! Decides which requests are traced, and records their exemplars and spans.

use super::{Current, Entered, Exemplars, Span, Spans, TraceContext, here::here};
use crate::Kind;
use http::Request;
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

/// Decides what is traced; cloning is cheap.
#[derive(Debug, Clone)]
pub(crate) struct Tracer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    // Of the traces that begin here.
    sampled_share: f64,
    spans: Option<Spans>,
}

/// The trace of a request in flight. Most requests have none, or an unsampled one: only numbers.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    current: Option<Current>,
    // The parent of spans of `tracing` and of OpenTelemetry's API.
    #[cfg(feature = "otlp")]
    scope: Option<opentelemetry::Context>,
    parent: Option<u64>,
    // Since the start of the request; the counted duration may be shorter.
    nanos: u64,
    // The path of a sampled request.
    path: Option<Box<str>>,
    fault: Option<&'static str>,
}

impl Tracer {
    /// Samples this share of the traces that begin here. Without `spans`, no trace begins here.
    pub(crate) fn new(sampled_share: f64, spans: Option<Spans>) -> Self {
        Self { inner: Arc::new(Inner { sampled_share, spans }) }
    }

    pub(crate) fn spans(&self) -> Option<&Spans> {
        self.inner.spans.as_ref()
    }

    /// Starts or continues the trace of a request. A served request has its parent in its headers. A sent
    /// request has it there or in the current request, and passes its own context on.
    pub(crate) fn start<B>(&self, kind: Kind, request: &mut Request<B>) -> Option<Trace> {
        let is_client = matches!(kind, Kind::HttpClient | Kind::GrpcClient);
        let given = Current::of(request.headers());
        let mut trace = self.below(if is_client { given.or_else(here) } else { given })?;
        let current = trace.current.as_ref()?;
        if is_client {
            current.inject(request.headers_mut());
        }
        if current.context.is_sampled() && self.inner.spans.is_some() {
            trace.path = Some(shortened(request.uri().path()).into());
        }
        Some(trace)
    }

    /// Starts the trace of an operation, below the current request.
    pub(crate) fn start_operation(&self) -> Option<Trace> {
        self.below(here())
    }

    /// A trace below `parent`, or one that begins here.
    fn below(&self, parent: Option<Current>) -> Option<Trace> {
        let parent_id = parent.as_ref().map(|parent| parent.context.ids().1);
        let current = if let Some(parent) = parent {
            Current { context: parent.context.child(), state: parent.state }
        } else {
            self.inner.spans.as_ref()?;
            Current { context: TraceContext::root(self.draws()), state: None }
        };
        Some(Trace {
            #[cfg(feature = "otlp")]
            scope: super::otel::scope(&current),
            current: Some(current),
            parent: parent_id,
            ..Trace::default()
        })
    }

    fn draws(&self) -> bool {
        let share = self.inner.sampled_share;
        share >= 1.0 || (share > 0.0 && fastrand::f64() < share)
    }

    /// Records how a request ended: an exemplar, and a span if it was sampled or bad for an SLO.
    pub(crate) fn end(&self, trace: &mut Trace, ended: &impl Counted) {
        let Some(current) = trace.current.take() else { return };
        let is_sampled = current.context.is_sampled();
        // Without spans, only traces that another service sampled can be looked up.
        let is_recorded = is_sampled || (self.inner.spans.is_some() && (ended.is_error() || ended.hurts()));
        if !is_recorded {
            return;
        }
        if let Some((exemplars, bucket)) = ended.exemplars() {
            exemplars.offer(bucket, ended.nanos(), current.context);
        }
        if let Some(spans) = &self.inner.spans {
            let duration = Duration::from_nanos(trace.nanos.max(ended.nanos()));
            let now = SystemTime::now();
            spans.send(Span {
                context: current.context,
                state: current.state,
                parent: trace.parent,
                kind: ended.kind(),
                name: span_name(ended.kind(), ended.method(), ended.name()),
                start: now.checked_sub(duration).unwrap_or(now),
                duration,
                labels: ended.labels().to_vec(),
                path: trace.path.take(),
                error: ended.is_error().then(|| ended.error_type()),
                hurt_slos: ended.hurt_slos(),
                fault: trace.fault,
            });
        }
    }
}

/// An event that was counted, for its trace.
pub(crate) trait Counted {
    fn kind(&self) -> Kind;

    fn method(&self) -> &'static str;

    /// A route, a method or an operation.
    fn name(&self) -> &str;

    fn labels(&self) -> &[(&'static str, String)];

    /// The exemplars of its series, and its bucket; `None` if it is ignored.
    fn exemplars(&self) -> Option<(&Exemplars, usize)>;

    /// The duration that was counted.
    fn nanos(&self) -> u64;

    fn is_error(&self) -> bool;

    /// Whether it is bad for any SLO.
    fn hurts(&self) -> bool;

    /// The names of the SLOs that it is bad for.
    fn hurt_slos(&self) -> Vec<String>;

    /// What went wrong.
    fn error_type(&self) -> String;
}

/// `{method} {route}`, or `HTTP` where a method is not one of the known, as the conventions have it.
fn span_name(kind: Kind, method: &str, name: &str) -> String {
    let method = if method == "_OTHER" { "HTTP" } else { method };
    match kind {
        Kind::HttpServer => format!("{method} {name}"),
        Kind::HttpClient => method.to_owned(),
        Kind::GrpcServer | Kind::GrpcClient | Kind::Operation => name.to_owned(),
    }
}

/// The beginning of a path, which a client chooses.
fn shortened(path: &str) -> &str {
    const LONGEST: usize = 512;
    let end = (0..=LONGEST.min(path.len())).rev().find(|end| path.is_char_boundary(*end));
    end.and_then(|end| path.get(..end)).unwrap_or(path)
}

impl Trace {
    /// Makes this the current trace until the result is dropped.
    pub(crate) fn enter(&self) -> Option<Entered> {
        let entered = self.current.as_ref()?.enter();
        #[cfg(feature = "otlp")]
        let entered = match self.scope.clone() {
            Some(scope) => entered.within(scope),
            None => entered,
        };
        Some(entered)
    }

    /// Says how long ago the request was begun.
    pub(crate) const fn lasted(&mut self, nanos: u64) {
        self.nanos = nanos;
    }

    /// Says that a fault was injected.
    pub(crate) const fn injured(&mut self, fault: &'static str) {
        self.fault = Some(fault);
    }
}
