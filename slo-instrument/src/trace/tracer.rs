//! Which requests are traced, and what is made of them.

use super::{Entered, Span, Spans, TraceContext};
use crate::{
    Class, Kind,
    count::{Key, Route, Series},
};
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

/// The trace of a request on its way. Most are none, or unsampled: numbers, nothing else.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    context: Option<TraceContext>,
    parent: Option<u64>,
    // The path of a sampled request.
    path: Option<Box<str>>,
    fault: Option<&'static str>,
}

impl Tracer {
    /// Samples that share of the traces that begin here, and sends spans to `spans`.
    pub(crate) fn new(sampled_share: f64, spans: Option<Spans>) -> Self {
        Self { inner: Arc::new(Inner { sampled_share, spans }) }
    }

    pub(crate) fn spans(&self) -> Option<&Spans> {
        self.inner.spans.as_ref()
    }

    /// Starts the trace of a request, or goes on with it: what is served has its parent in its headers, what is sent
    /// passes its own on there.
    pub(crate) fn start<B>(&self, kind: Kind, request: &mut Request<B>) -> Trace {
        let is_client = matches!(kind, Kind::HttpClient | Kind::GrpcClient);
        let parent = if is_client { current() } else { TraceContext::of(request.headers()) };
        let context = parent.map_or_else(|| TraceContext::root(self.draws()), TraceContext::child);
        if is_client {
            context.inject(request.headers_mut());
        }
        let path = (context.is_sampled() && self.inner.spans.is_some()).then(|| request.uri().path().into());
        Trace { context: Some(context), parent: parent.map(|parent| parent.ids().1), path, fault: None }
    }

    /// Starts the trace of an operation, below the request that is being worked on.
    pub(crate) fn start_operation(&self) -> Trace {
        let parent = current();
        let context = parent.map_or_else(|| TraceContext::root(self.draws()), TraceContext::child);
        Trace { context: Some(context), parent: parent.map(|parent| parent.ids().1), path: None, fault: None }
    }

    fn draws(&self) -> bool {
        let share = self.inner.sampled_share;
        share >= 1.0 || (share > 0.0 && fastrand::f64() < share)
    }

    /// Records what became of a request: an exemplar, and a span if it was sampled or hurt an SLO.
    pub(crate) fn end(&self, trace: &mut Trace, route: &Route, series: &Series, bucket: usize, nanos: u64) {
        let Some(context) = trace.context.take() else { return };
        let Key { method, outcome, class } = series.key;
        let hurts = || {
            route.shape.slos.iter().zip(&series.members).filter(|(slo, member)| slo.is_hurt(**member, bucket))
        };
        let is_recorded = match &self.inner.spans {
            None => context.is_sampled(),
            Some(_) if context.is_sampled() || class != Class::Good => true,
            // Slow ones are good to the availability, and bad to the latency.
            Some(_) => hurts().next().is_some(),
        };
        if !is_recorded {
            return;
        }
        series.exemplars.offer(bucket, nanos, context);
        if let Some(spans) = &self.inner.spans {
            let duration = Duration::from_nanos(nanos);
            let now = SystemTime::now();
            spans.send(Span {
                context,
                parent: trace.parent,
                kind: route.kind(),
                name: span_name(route.kind(), method.name(), &route.name),
                start: now.checked_sub(duration).unwrap_or(now),
                duration,
                labels: series.labels.clone(),
                path: trace.path.take(),
                error: matches!(class, Class::Bad | Class::BadFor(_)).then(|| class.error_type(outcome)),
                hurt_slos: hurts().map(|(slo, _)| slo.name().to_owned()).collect(),
                fault: trace.fault,
            });
        }
    }
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

/// The span that what is sent from here belongs to: of `tracing` or OpenTelemetry, or the request's own.
fn current() -> Option<TraceContext> {
    #[cfg(feature = "otlp")]
    if let Some(context) = super::otel::current() {
        return Some(context);
    }
    TraceContext::current()
}

impl Trace {
    /// Makes this the current trace for as long as what is given back is kept.
    pub(crate) fn enter(&self) -> Option<Entered> {
        self.context.map(TraceContext::enter)
    }

    /// Says that a fault was injected.
    pub(crate) const fn injured(&mut self, fault: &'static str) {
        self.fault = Some(fault);
    }
}
