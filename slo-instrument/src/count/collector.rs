//! The series as metrics of the `prometheus` crate.

use super::Store;
use prometheus::{
    core::Desc,
    proto::{Bucket, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};
use slo_core::model::metric;
use std::{collections::HashMap, sync::Arc};

const HELP: &str = "Duration of HTTP server requests.";

/// Exposes the requests of a service to a [`prometheus::Registry`].
#[derive(Debug, Clone)]
pub struct Collector {
    store: Arc<Store>,
    description: Desc,
}

impl Collector {
    pub(crate) fn new(store: Arc<Store>) -> Result<Self, prometheus::Error> {
        let labels = [
            metric::HTTP_REQUEST_METHOD,
            metric::HTTP_ROUTE,
            metric::HTTP_RESPONSE_STATUS_CODE,
            metric::ERROR_TYPE,
        ];
        let description = Desc::new(
            metric::HTTP_SERVER_REQUEST_DURATION.to_owned(),
            HELP.to_owned(),
            labels.map(str::to_owned).to_vec(),
            HashMap::new(),
        )?;
        Ok(Self { store, description })
    }
}

impl prometheus::core::Collector for Collector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.description]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let bounds: Vec<f64> = self.store.edges().seconds().collect();
        let (mut metrics, mut counts) = (Vec::new(), Vec::new());
        self.store.for_each(|series| {
            series.read_cumulative(&mut counts);
            let buckets: Vec<Bucket> = bounds
                .iter()
                .zip(&counts)
                .map(|(bound, count)| {
                    let mut bucket = Bucket::default();
                    bucket.set_upper_bound(*bound);
                    bucket.set_cumulative_count(*count);
                    bucket
                })
                .collect();
            let mut histogram = Histogram::default();
            histogram.set_sample_count(counts.last().copied().unwrap_or(0));
            histogram.set_sample_sum(series.seconds());
            histogram.set_bucket(buckets);
            let mut exposed = Metric::default();
            exposed.set_label(labels(series.method, &series.route, series.outcome));
            exposed.set_histogram(histogram);
            metrics.push(exposed);
        });
        let mut family = MetricFamily::default();
        family.set_name(metric::HTTP_SERVER_REQUEST_DURATION.to_owned());
        family.set_help(HELP.to_owned());
        family.set_field_type(MetricType::HISTOGRAM);
        family.set_metric(metrics);
        vec![family]
    }
}

/// Label pairs in the order of their names; an empty value is an absent label.
fn labels(method: &str, route: &str, outcome: super::Outcome) -> Vec<LabelPair> {
    let pairs = [
        (metric::ERROR_TYPE, outcome.error_type()),
        (metric::HTTP_REQUEST_METHOD, method.to_owned()),
        (metric::HTTP_RESPONSE_STATUS_CODE, outcome.status_code()),
        (metric::HTTP_ROUTE, route.to_owned()),
    ];
    let present = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    present
        .map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name(name.to_owned());
            pair.set_value(value);
            pair
        })
        .collect()
}
