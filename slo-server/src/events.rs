//! The growth of an SLO's counters, step by step, from Prometheus.

use crate::split::told;
use slo_core::{
    model::{EventCounters, Selector, Service, Slo, Timestamp, Window},
    replay::{CounterPoints, Growth},
};
use slo_ops::Error;
use slo_prometheus::{AsyncClient, Steps};

/// The SLO `service/name` of these services.
pub(crate) fn named<'a>(services: &'a [Service], wanted: &str) -> Result<(&'a Service, &'a Slo), Error> {
    let all = services.iter().flat_map(|service| service.slos().iter().map(move |slo| (service, slo)));
    let mut all = all.filter(|(service, slo)| wanted == format!("{}/{}", service.name(), slo.name()));
    all.next().ok_or_else(|| {
        Error::new(format!("the SLO {wanted} is in none of the specs")).with_hint("name its file, too")
    })
}

/// The two counters of an SLO's events.
pub(crate) fn counters(service: &Service, slo: &Slo) -> Result<EventCounters, Error> {
    slo.sli().counters().ok_or_else(|| {
        let name = format!("{}/{}", service.name(), slo.name());
        Error::new(format!("{name} counts no events: this needs an SLI with two counters"))
            .with_hint("write `sli: {events: …}` or `sli: {latency: …}`")
    })
}

/// The growth of counters in `count` steps from `start`; `None` if there was no series.
pub(crate) async fn growth(
    client: &AsyncClient,
    service: &Service,
    counters: &EventCounters,
    (start, step, count): (Timestamp, Window, usize),
) -> Result<Option<Growth>, Error> {
    let [first, second] = counters.both();
    let first = points(client, service, first, (start, step, count)).await?;
    let second = points(client, service, second, (start, step, count)).await?;
    CounterPoints::growth([first, second], counters.pair(), service.counts_newborn_series(), start)
}

async fn points<'a>(
    client: &AsyncClient,
    service: &'a Service,
    counter: &Selector,
    (start, step, count): (Timestamp, Window, usize),
) -> Result<CounterPoints<'a>, Error> {
    let mut points = CounterPoints::new(count, service.target_labels());
    let mut refused = None;
    let point = |labels: &slo_prometheus::Labels, index: usize, value: f64| {
        if refused.is_none() {
            refused = points.point(labels, index, value).err();
        }
    };
    // The first point is at `start`.
    let steps = Steps { start: start.before(step), step, count: count + 1 };
    client.range(&counter.to_string(), steps, point).await.map_err(|error| told(&error))?;
    refused.map_or(Ok(points), Err)
}
