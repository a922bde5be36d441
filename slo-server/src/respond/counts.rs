//! What the counts of an SLO say, as Prometheus has them.

use crate::{clock::now, config::PrometheusConfig};
use slo_core::{
    math::Tally,
    model::{LabelName, Service, Slo, Timestamp, Window},
    rules::{Backend, EventQueries},
};
use slo_ops::{
    Error,
    incident::{Episode, Evidence},
};
use slo_prometheus::{AsyncClient, Settings, Steps};
use std::{collections::BTreeMap, time::Duration};

/// How many tiles evidence is made of: five minutes, where a tile is one.
const TILES: usize = 5;
/// The most series of an answer.
const MOST_SERIES: usize = 50_000;
/// How long a server may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The counts of SLOs.
#[derive(Debug)]
pub(super) struct Counts {
    client: Option<AsyncClient>,
    services: Vec<Service>,
}

impl Counts {
    /// Those of `services`, as the server of `config` has them.
    ///
    /// # Errors
    /// What is no address, no header or no certificate.
    pub(super) fn new(
        config: Option<&PrometheusConfig>,
        services: Vec<Service>,
    ) -> Result<Self, slo_prometheus::Error> {
        let client = config.map(|config| {
            let headers =
                config.headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned()));
            let settings = Settings {
                headers: headers.collect(),
                roots: config.roots.clone(),
                timeout: TIMEOUT,
                most_series: MOST_SERIES,
                ..Settings::default()
            };
            AsyncClient::new(&config.url, settings)
        });
        Ok(Self { client: client.transpose()?, services })
    }

    /// The SLO that an episode is about, where it is known.
    pub(super) fn slo(&self, episode: &Episode) -> Result<(&Service, &Slo), Error> {
        let alert = episode.in_order().into_iter().find(|alert| alert.slo().is_some());
        let name = alert
            .and_then(slo_ops::alert::Alert::slo)
            .ok_or_else(|| Error::new("its alerts are of no SLO"))?;
        let mut all =
            self.services.iter().flat_map(|service| service.slos().iter().map(move |slo| (service, slo)));
        let found = all.find(|(service, slo)| format!("{}/{}", service.name(), slo.name()) == name);
        found.ok_or_else(|| {
            Error::new(format!("the SLO {name} is not known here")).with_hint("name its file in `specs`")
        })
    }

    pub(super) fn client(&self) -> Result<&AsyncClient, Error> {
        let missing =
            || Error::new("there is no Prometheus to ask").with_hint("write `prometheus: {url: …}`");
        self.client.as_ref().ok_or_else(missing)
    }

    /// The events of an episode's SLO: of the last tiles, or those since a time.
    pub(super) async fn evidence(
        &self,
        episode: &Episode,
        since: Option<Timestamp>,
    ) -> Result<Evidence, Error> {
        let (service, slo) = self.slo(episode)?;
        let queries = EventQueries::of(service, slo, Backend::Prometheus)?;
        let at = now();
        let tile = queries.tile;
        let count = match since {
            None => TILES,
            // Only tiles that began after it.
            Some(since) => {
                usize::try_from(at.millis_since(since) / tile.as_millis()).unwrap_or(TILES).min(TILES)
            }
        };
        let name = format!("{}/{}", service.name(), slo.name());
        let window = Window::from_millis(tile.as_millis() * count.max(1) as u64)?;
        if count == 0 {
            return Ok(Evidence::new(at, &name, slo.objective(), window, Tally::new(0, 0)?));
        }
        let steps = Steps { start: at.before_steps(tile, count), step: tile, count };
        let group = group(slo, episode);
        let total = self.sum(&queries.total, steps, &group).await?;
        let bad = self.sum(&queries.bad, steps, &group).await?;
        let total = total.max(bad);
        Ok(Evidence::new(at, &name, slo.objective(), window, Tally::new(total, bad)?))
    }

    /// The sum of a query over steps, of the series that have the labels of `group`.
    async fn sum(&self, query: &str, steps: Steps, group: &BTreeMap<String, String>) -> Result<u64, Error> {
        let mut sum = 0.0;
        let is_of_group = |labels: &BTreeMap<String, String>| {
            group.iter().all(|(name, value)| labels.get(name) == Some(value))
        };
        let point = |labels: &slo_prometheus::Labels, _: usize, value: f64| {
            if value.is_finite() && is_of_group(labels) {
                sum += value;
            }
        };
        self.client()?.range(query, steps, point).await.map_err(|error| unreachable(&error))?;
        Ok(events(sum))
    }
}

/// What of an episode's labels tells a group of its SLO.
fn group(slo: &Slo, episode: &Episode) -> BTreeMap<String, String> {
    let of = |label: &LabelName| Some((label.to_string(), episode.label(label.as_str())?.to_owned()));
    slo.by().iter().filter_map(of).collect()
}

pub(super) fn unreachable(error: &slo_prometheus::Error) -> Error {
    let text = error.to_string();
    match error.hint() {
        Some(hint) => Error::new(text).with_hint(hint),
        None => Error::new(text),
    }
}

/// An estimate as whole events.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is rounded, and in range")]
fn events(estimate: f64) -> u64 {
    estimate.round().clamp(0.0, 9e15) as u64
}
