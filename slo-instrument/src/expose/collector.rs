//! The metrics for a registry of the `prometheus` crate.

use crate::{
    Kind,
    count::{Reading, Series},
    family::{Family, Sample, Type},
    source::Source,
};
use prometheus::{
    core::Desc,
    proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};
use std::{collections::HashMap, sync::Arc};

/// The metrics of a service for your own [`prometheus::Registry`].
///
/// Made by [`Service::collector`](crate::Service::collector).
///
/// ```
/// use prometheus::{Encoder, Registry, TextEncoder};
/// use slo_instrument::Service;
///
/// let service = Service::builder("checkout").availability("99.9%").install()?;
/// let registry = Registry::new();
/// registry.register(Box::new(service.collector()))?;
/// let text = TextEncoder::new().encode_to_string(&registry.gather())?;
/// assert!(text.contains(r#"slo_objective_ratio{service="checkout",slo="availability"} 0.999"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Collector {
    source: Arc<Source>,
    descriptions: Vec<Desc>,
}

impl Collector {
    pub(crate) fn new(source: Arc<Source>) -> Result<Self, prometheus::Error> {
        // A registry takes descriptions only to tell collectors apart; one name of every service is enough.
        let service = HashMap::from([("service".to_owned(), source.service.name().to_string())]);
        let name = "slo_objective_ratio".to_owned();
        let description = Desc::new(name, "The objective.".to_owned(), vec!["slo".to_owned()], service)?;
        Ok(Self { source, descriptions: vec![description] })
    }

    /// Makes `registry` refuse this collector: `/metrics` shows the metrics of both, so it would show the
    /// collector's twice.
    pub(crate) fn reserve(&self, registry: &prometheus::Registry) {
        // A registry that has the collector already refuses this, too.
        let _reserved = registry.register(Box::new(Reserved(self.descriptions.clone())));
    }

    fn histograms(&self, kind: Kind) -> MetricFamily {
        let edges = self.source.store.edges();
        let buckets: Vec<(f64, usize)> = edges.seconds().zip(edges.classic().iter().copied()).collect();
        let (mut metrics, mut reading) = (Vec::new(), Reading::default());
        self.source.store.for_each(|this, series| {
            if this == kind && series.ignored.is_none() {
                series.read(&mut reading);
                metrics.push(histogram(series, &buckets, &reading));
            }
        });
        let mut family = MetricFamily::default();
        family.set_name(kind.metric().to_owned());
        family.set_help(kind.help().to_owned());
        family.set_field_type(MetricType::HISTOGRAM);
        family.set_metric(metrics);
        family
    }
}

/// The place of a [`Collector`] in a registry.
struct Reserved(Vec<Desc>);

impl prometheus::core::Collector for Reserved {
    fn desc(&self) -> Vec<&Desc> {
        self.0.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        Vec::new()
    }
}

impl prometheus::core::Collector for Collector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let histograms = Kind::ALL.into_iter().map(|kind| self.histograms(kind));
        let histograms = histograms.filter(|family| !family.get_metric().is_empty());
        histograms.chain(self.source.families().into_iter().map(plain)).collect()
    }
}

fn histogram(series: &Series, buckets: &[(f64, usize)], reading: &Reading) -> Metric {
    let buckets = buckets.iter().map(|(bound, bucket)| {
        let mut exposed = Bucket::default();
        exposed.set_upper_bound(*bound);
        exposed.set_cumulative_count(reading.cumulative.get(*bucket).copied().unwrap_or(0));
        exposed
    });
    let mut histogram = Histogram::default();
    histogram.set_sample_count(reading.count());
    histogram.set_sample_sum(reading.seconds());
    histogram.set_bucket(buckets.collect());
    let mut exposed = Metric::default();
    exposed.set_label(pairs(&series.labels));
    exposed.set_histogram(histogram);
    exposed
}

fn plain(family: Family) -> MetricFamily {
    let metric = |sample: Sample| {
        let mut exposed = Metric::default();
        exposed.set_label(pairs(&sample.labels));
        match family.kind {
            Type::Counter => {
                let mut counter = Counter::default();
                counter.set_value(sample.value);
                exposed.set_counter(counter);
            }
            Type::Gauge | Type::Level => {
                let mut gauge = Gauge::default();
                gauge.set_value(sample.value);
                exposed.set_gauge(gauge);
            }
        }
        exposed
    };
    let mut exposed = MetricFamily::default();
    exposed.set_name(family.name.to_owned());
    exposed.set_help(family.help.to_owned());
    exposed.set_field_type(match family.kind {
        Type::Counter => MetricType::COUNTER,
        Type::Gauge | Type::Level => MetricType::GAUGE,
    });
    exposed.set_metric(family.samples.into_iter().map(metric).collect());
    exposed
}

fn pairs(labels: &[(&'static str, String)]) -> Vec<LabelPair> {
    let pair = |(label, value): &(&'static str, String)| {
        let mut pair = LabelPair::default();
        pair.set_name((*label).to_owned());
        pair.set_value(value.clone());
        pair
    };
    labels.iter().map(pair).collect()
}
