//! The metrics as an OTLP request.

use super::names;
use crate::{
    Kind,
    count::{Edges, Reading, Series},
    family::{Family, Type},
    source::Source,
};
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::InstrumentationScope,
    metrics::v1::{
        AggregationTemporality, Exemplar, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, exemplar, metric::Data, number_data_point,
    },
    resource::v1::Resource,
};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// Makes requests, and remembers the counters that arrived, to compute deltas.
pub(super) struct Metrics {
    source: Arc<Source>,
    resource: Resource,
    is_delta: bool,
    arrived: Arrived,
}

/// The counters at the last export that arrived.
#[derive(Default)]
struct Arrived {
    at: Option<SystemTime>,
    histograms: HashMap<Identity, (Vec<u64>, f64)>,
    counters: HashMap<Identity, f64>,
}

/// A series, by the metric and its labels.
type Identity = (&'static str, Vec<(&'static str, String)>);

/// A request, and the counters to remember if it arrives.
pub(super) struct Request {
    pub(super) message: ExportMetricsServiceRequest,
    arrived: Arrived,
}

impl Metrics {
    pub(super) fn new(source: Arc<Source>, resource: Resource, is_delta: bool) -> Self {
        Self { source, resource, is_delta, arrived: Arrived::default() }
    }

    /// Everything, as it is now.
    pub(super) fn request(&self) -> Request {
        let now = SystemTime::now();
        let mut next = Arrived { at: Some(now), ..Arrived::default() };
        let mut metrics: Vec<Metric> =
            Kind::ALL.into_iter().filter_map(|kind| self.histograms(kind, now, &mut next)).collect();
        let families = self.source.families();
        metrics.extend(families.into_iter().map(|family| self.plain(family, now, &mut next)));
        let scope = InstrumentationScope {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, schema_url: String::new() }];
        let resource = Some(self.resource.clone());
        let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, schema_url: String::new() }];
        Request { message: ExportMetricsServiceRequest { resource_metrics }, arrived: next }
    }

    /// Notes that the request has arrived: later deltas start from it.
    pub(super) fn arrived(&mut self, request: Request) {
        // The collector still has the series that were not part of this request.
        let Arrived { at, histograms, counters } = request.arrived;
        self.arrived.at = at;
        self.arrived.histograms.extend(histograms);
        self.arrived.counters.extend(counters);
    }

    fn temporality(&self) -> i32 {
        let temporality =
            if self.is_delta { AggregationTemporality::Delta } else { AggregationTemporality::Cumulative };
        temporality.into()
    }

    /// The start time of the sent counts of a series that was created at `created`.
    fn start(&self, created: SystemTime, now: SystemTime) -> u64 {
        let last = self.arrived.at.filter(|last| self.is_delta && *last > created);
        // A series may have been made since the request was begun.
        unix_nanos(last.unwrap_or(created).min(now))
    }

    fn histograms(&self, kind: Kind, now: SystemTime, next: &mut Arrived) -> Option<Metric> {
        let edges = self.source.store.edges();
        let (mut data_points, mut reading) = (Vec::new(), Reading::default());
        self.source.store.for_each(|this, series| {
            if this == kind && series.ignored.is_none() {
                series.read(&mut reading);
                data_points.push(self.histogram(kind, series, edges, &reading, now, next));
            }
        });
        let data = Data::Histogram(Histogram { data_points, aggregation_temporality: self.temporality() });
        let is_empty = matches!(&data, Data::Histogram(histogram) if histogram.data_points.is_empty());
        (!is_empty).then(|| Metric {
            name: names::histogram(kind).to_owned(),
            description: kind.help().to_owned(),
            unit: "s".to_owned(),
            data: Some(data),
            ..Metric::default()
        })
    }

    fn histogram(
        &self,
        kind: Kind,
        series: &Series,
        edges: &Edges,
        reading: &Reading,
        now: SystemTime,
        next: &mut Arrived,
    ) -> HistogramDataPoint {
        let cumulative: Vec<u64> = edges
            .classic()
            .iter()
            .map(|bucket| reading.cumulative.get(*bucket).copied().unwrap_or(0))
            .collect();
        let identity = (kind.metric(), series.labels.clone());
        let before = self.arrived.histograms.get(&identity).filter(|_| self.is_delta);
        let since = |bucket: usize, value: u64| {
            value.saturating_sub(before.and_then(|(before, _)| before.get(bucket)).copied().unwrap_or(0))
        };
        let since: Vec<u64> =
            cumulative.iter().enumerate().map(|(bucket, value)| since(bucket, *value)).collect();
        let mut below = 0;
        let bucket_counts = since.iter().map(|up_to| {
            let count = up_to.saturating_sub(below);
            below = *up_to;
            count
        });
        let bucket_counts = bucket_counts.collect();
        let sum = reading.seconds() - before.map_or(0.0, |(_, sum)| *sum);
        if self.is_delta {
            next.histograms.insert(identity, (cumulative, reading.seconds()));
        }
        HistogramDataPoint {
            attributes: names::attributes(&series.labels),
            start_time_unix_nano: self.start(series.created, now),
            time_unix_nano: unix_nanos(now),
            count: since.last().copied().unwrap_or(0),
            sum: Some(sum.max(0.0)),
            bucket_counts,
            explicit_bounds: edges.seconds().collect(),
            exemplars: self.exemplars(series),
            ..HistogramDataPoint::default()
        }
    }

    /// Those since the last export that arrived: each is sent once.
    fn exemplars(&self, series: &Series) -> Vec<Exemplar> {
        let buckets = 0..self.source.store.edges().classic().len();
        let found = buckets.filter_map(|bucket| series.exemplars.of(bucket)).map(exemplar);
        let last = self.arrived.at.map_or(0, unix_nanos);
        found.filter(|exemplar| exemplar.time_unix_nano >= last).collect()
    }

    fn plain(&self, family: Family, now: SystemTime, next: &mut Arrived) -> Metric {
        let (name, unit) = names::plain(family.name);
        let is_counter = family.kind == Type::Counter;
        let is_level = family.kind == Type::Level;
        let points = family.samples.into_iter().map(|sample| {
            let mut value = sample.value;
            let attributes = names::attributes(&sample.labels);
            if is_counter && self.is_delta {
                let identity = (family.name, sample.labels);
                value -= self.arrived.counters.get(&identity).copied().unwrap_or(0.0);
                next.counters.insert(identity, sample.value);
            }
            NumberDataPoint {
                attributes,
                start_time_unix_nano: if is_counter || is_level {
                    self.start(self.source.created, now)
                } else {
                    0
                },
                time_unix_nano: unix_nanos(now),
                value: Some(number_data_point::Value::AsDouble(value)),
                ..NumberDataPoint::default()
            }
        });
        let data_points = points.collect();
        let data = if is_counter {
            let aggregation_temporality = self.temporality();
            Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true })
        } else if is_level {
            let aggregation_temporality = AggregationTemporality::Cumulative.into();
            Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: false })
        } else {
            Data::Gauge(Gauge { data_points })
        };
        Metric {
            name,
            description: family.help.to_owned(),
            unit: unit.to_owned(),
            data: Some(data),
            ..Metric::default()
        }
    }
}

fn exemplar(found: crate::trace::Exemplar) -> Exemplar {
    let ([high, low], span_id) = found.context.ids();
    Exemplar {
        time_unix_nano: found.unix_millis.saturating_mul(1_000_000),
        span_id: span_id.to_be_bytes().to_vec(),
        trace_id: [high.to_be_bytes(), low.to_be_bytes()].concat(),
        value: Some(exemplar::Value::AsDouble(Duration::from_nanos(found.nanos).as_secs_f64())),
        ..Exemplar::default()
    }
}

fn unix_nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
