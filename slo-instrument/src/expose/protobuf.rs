//! Prometheus' protobuf format: length-delimited `io.prometheus.client.MetricFamily` messages, with native histograms.
//!
//! The messages hold only the fields in use, with the field numbers of `metrics.proto` in
//! `prometheus/client_model`.

use crate::{
    Kind,
    count::{NATIVE_INDICES, NATIVE_SCHEMA, Reading, Series, native_bound},
    family::{Family, Type},
    source::Source,
};
use prost::Message;
use std::time::{Duration, SystemTime};

#[derive(Clone, PartialEq, Message)]
struct MetricFamily {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    help: Option<String>,
    #[prost(int32, optional, tag = "3")]
    kind: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<Metric>,
}

const COUNTER: i32 = 0;
const GAUGE: i32 = 1;
const HISTOGRAM: i32 = 4;

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<Gauge>,
    #[prost(message, optional, tag = "3")]
    counter: Option<Counter>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct LabelPair {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    value: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Gauge {
    #[prost(double, optional, tag = "1")]
    value: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Counter {
    #[prost(double, optional, tag = "1")]
    value: Option<f64>,
    #[prost(message, optional, tag = "3")]
    created: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    sum: Option<f64>,
    #[prost(message, repeated, tag = "3")]
    bucket: Vec<Bucket>,
    #[prost(sint32, optional, tag = "5")]
    schema: Option<i32>,
    #[prost(double, optional, tag = "6")]
    zero_threshold: Option<f64>,
    #[prost(uint64, optional, tag = "7")]
    zero_count: Option<u64>,
    #[prost(message, repeated, tag = "12")]
    positive_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "13")]
    positive_delta: Vec<i64>,
    #[prost(message, optional, tag = "15")]
    created: Option<Timestamp>,
    // Of the native histogram; those of the classic one are in its buckets.
    #[prost(message, repeated, tag = "16")]
    exemplars: Vec<Exemplar>,
}

#[derive(Clone, PartialEq, Message)]
struct Bucket {
    #[prost(uint64, optional, tag = "1")]
    cumulative_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    upper_bound: Option<f64>,
    #[prost(message, optional, tag = "3")]
    exemplar: Option<Exemplar>,
}

#[derive(Clone, PartialEq, Message)]
struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(double, optional, tag = "2")]
    value: Option<f64>,
    #[prost(message, optional, tag = "3")]
    timestamp: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct BucketSpan {
    #[prost(sint32, optional, tag = "1")]
    offset: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    length: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// The metrics of `source`.
pub(super) fn encode(source: &Source) -> Vec<u8> {
    let mut bytes = Vec::new();
    let histograms = Kind::ALL.into_iter().filter_map(|kind| histograms(source, kind));
    let families = source.families().into_iter().map(|family| plain(family, source.created));
    for family in histograms.chain(families) {
        bytes.reserve(family.encoded_len());
        // Encoding fails only for lack of room, and a vector grows.
        let _ = family.encode_length_delimited(&mut bytes);
    }
    bytes
}

fn histograms(source: &Source, kind: Kind) -> Option<MetricFamily> {
    let (mut metrics, mut reading) = (Vec::new(), Reading::default());
    source.store.for_each(|this, series| {
        if this == kind && series.ignored.is_none() {
            series.read(&mut reading);
            metrics.push(Metric {
                label: pairs(&series.labels),
                histogram: Some(histogram(source, series, &reading)),
                ..Metric::default()
            });
        }
    });
    (!metrics.is_empty()).then(|| MetricFamily {
        name: Some(kind.metric().to_owned()),
        help: Some(kind.help().to_owned()),
        kind: Some(HISTOGRAM),
        metric: metrics,
    })
}

fn histogram(source: &Source, series: &Series, reading: &Reading) -> Histogram {
    let edges = source.store.edges();
    let bounds = edges.seconds().chain([f64::INFINITY]).zip(edges.classic()).enumerate();
    let bucket: Vec<Bucket> = bounds
        .map(|(position, (bound, bucket))| Bucket {
            cumulative_count: reading.cumulative.get(*bucket).copied(),
            upper_bound: Some(bound),
            exemplar: series.exemplars.of(position).map(exemplar),
        })
        .collect();
    let mut histogram = Histogram {
        count: Some(reading.count()),
        sum: Some(reading.seconds()),
        created: timestamp(series.created),
        ..Histogram::default()
    };
    if edges.is_native() {
        histogram.exemplars = bucket.iter().filter_map(|bucket| bucket.exemplar.clone()).collect();
        add_native(&mut histogram, edges.bounds(), reading);
    }
    histogram.bucket = bucket;
    histogram
}

fn exemplar(exemplar: crate::trace::Exemplar) -> Exemplar {
    let pair = |name: &str, value: String| LabelPair { name: Some(name.to_owned()), value: Some(value) };
    Exemplar {
        label: vec![
            pair("trace_id", exemplar.context.trace_id()),
            pair("span_id", exemplar.context.span_id()),
        ],
        value: Some(Duration::from_nanos(exemplar.nanos).as_secs_f64()),
        timestamp: timestamp(SystemTime::UNIX_EPOCH + Duration::from_millis(exemplar.unix_millis)),
    }
}

/// Adds the buckets of the native histogram: those between the first and the last one that is not empty, in one span.
fn add_native(histogram: &mut Histogram, bounds: &[u64], reading: &Reading) {
    let up_to = |index: i32| {
        let bucket = bounds.binary_search(&native_bound(index)).ok();
        bucket.and_then(|bucket| reading.cumulative.get(bucket)).copied().unwrap_or(0)
    };
    // Durations below the first bound count as zero; durations above the last bound count as the last bound.
    let (fastest, slowest) = (*NATIVE_INDICES.start(), *NATIVE_INDICES.end());
    let mut counts: Vec<(i32, u64)> =
        (fastest + 1..=slowest).map(|index| (index, up_to(index).saturating_sub(up_to(index - 1)))).collect();
    counts.push((slowest + 1, reading.count().saturating_sub(up_to(slowest))));
    let first = counts.iter().position(|(_, count)| *count > 0);
    let last = counts.iter().rposition(|(_, count)| *count > 0);
    let filled = first.zip(last).and_then(|(first, last)| counts.get(first..=last)).unwrap_or_default();
    histogram.schema = Some(NATIVE_SCHEMA);
    histogram.zero_threshold = Some(Duration::from_nanos(native_bound(fastest)).as_secs_f64());
    histogram.zero_count = Some(up_to(fastest));
    // An empty span says that this is a native histogram even where nothing has been counted yet.
    histogram.positive_span = vec![BucketSpan {
        offset: Some(filled.first().map_or(0, |(index, _)| *index)),
        length: u32::try_from(filled.len()).ok(),
    }];
    let mut before = 0;
    for (_, count) in filled {
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        histogram.positive_delta.push(count - before);
        before = count;
    }
}

fn plain(family: Family, created: SystemTime) -> MetricFamily {
    let metric = family.samples.into_iter().map(|sample| {
        let (label, value) = (pairs(&sample.labels), Some(sample.value));
        match family.kind {
            Type::Counter => Metric {
                label,
                counter: Some(Counter { value, created: timestamp(created) }),
                ..Metric::default()
            },
            Type::Gauge | Type::Level => Metric { label, gauge: Some(Gauge { value }), ..Metric::default() },
        }
    });
    MetricFamily {
        name: Some(family.name.to_owned()),
        help: Some(family.help.to_owned()),
        kind: Some(match family.kind {
            Type::Counter => COUNTER,
            Type::Gauge | Type::Level => GAUGE,
        }),
        metric: metric.collect(),
    }
}

fn pairs(labels: &[(&'static str, String)]) -> Vec<LabelPair> {
    let pair = |(name, value): &(&'static str, String)| LabelPair {
        name: Some((*name).to_owned()),
        value: Some(value.clone()),
    };
    labels.iter().map(pair).collect()
}

fn timestamp(time: SystemTime) -> Option<Timestamp> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let nanos = i32::try_from(since.subsec_nanos()).ok()?;
    Some(Timestamp { seconds: i64::try_from(since.as_secs()).ok()?, nanos })
}
