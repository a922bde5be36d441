//! The event counts of SLOs, from Prometheus.

use crate::{clock::now, config::PrometheusConfig, split::told};
use slo_core::{
    math::Tally,
    model::{LabelName, Period, Service, Slo, Timestamp, Window},
    rules::{Backend, EventQueries, Plan, RecordedQueries, Stream},
};
use slo_ops::{
    Error,
    alert::Alert,
    incident::{Cost, Episode, Event, Evidence},
};
use slo_prometheus::{AsyncClient, Settings, Steps};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How many tiles evidence is made of: five minutes, if a tile is a minute.
const TILES: usize = 5;
/// How many tiles before an alert are searched for its beginning: six hours, if a tile is a minute.
const BEFORE: usize = 360;
/// The most tiles in a query: a week, if a tile is a minute.
const MOST_TILES: usize = 10_080;
/// The most series of an answer.
const MOST_SERIES: usize = 50_000;
/// How long a server may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The event counts of SLOs.
#[derive(Debug)]
pub(super) struct Counts {
    client: Option<AsyncClient>,
    services: Vec<Service>,
    /// The SLOs whose event counts can be queried, as `service/slo`.
    known: BTreeSet<String>,
}

impl Counts {
    /// The event counts of `services`, on the server of `config`.
    ///
    /// # Errors
    /// An invalid address, header or certificate.
    pub(super) fn new(
        config: Option<&PrometheusConfig>,
        services: Vec<Service>,
    ) -> Result<Self, slo_prometheus::Error> {
        let client = config.map(|config| {
            let settings = Settings { most_series: MOST_SERIES, ..config.settings(TIMEOUT) };
            AsyncClient::new(&config.url, settings)
        });
        let client = client.transpose()?;
        let all = services.iter().flat_map(|service| service.slos().iter().map(|slo| name(service, slo)));
        let known = all.filter(|_| client.is_some()).collect();
        Ok(Self { client, services, known })
    }

    /// The SLOs whose event counts can be queried, as `service/slo`.
    pub(super) const fn known(&self) -> &BTreeSet<String> {
        &self.known
    }

    /// The SLO of an episode, if it is known.
    pub(super) fn slo(&self, episode: &Episode) -> Result<(&Service, &Slo), Error> {
        let name = episode.in_order().into_iter().find_map(Alert::slo);
        let name = name.ok_or_else(|| Error::new("its alerts belong to no SLO"))?;
        self.named(&name).ok_or_else(|| {
            Error::new(format!("the SLO {name} is not in `specs`")).with_hint("add its file to `specs`")
        })
    }

    fn named(&self, wanted: &str) -> Option<(&Service, &Slo)> {
        let mut all =
            self.services.iter().flat_map(|service| service.slos().iter().map(move |slo| (service, slo)));
        all.find(|(service, slo)| name(service, slo) == wanted)
    }

    pub(super) fn client(&self) -> Result<&AsyncClient, Error> {
        let missing =
            || Error::new("no Prometheus server is configured").with_hint("write `prometheus: {url: …}`");
        self.client.as_ref().ok_or_else(missing)
    }

    /// The events of an episode's SLO, in the last tiles or since a time.
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
        let name = name(service, slo);
        let window = Window::from_millis(tile.as_millis() * count.max(1) as u64)?;
        if count == 0 {
            return Ok(Evidence::new(at, &name, slo.objective(), window, Tally::new(0, 0)?));
        }
        let steps = Steps { start: at.before_steps(tile, count), step: tile, count };
        let group = group(slo, episode);
        let total = self.sums(&queries.total, steps, &group).await?;
        let bad = self.sums(&queries.bad, steps, &group).await?;
        let all = tally(total.iter().sum(), bad.iter().sum())?;
        let tiles = total.into_iter().zip(bad).map(|(total, bad)| tally(total, bad));
        let tiles = tiles.collect::<Result<Vec<_>, _>>()?;
        Ok(Evidence::new(at, &name, slo.objective(), window, all).with_tiles(&tiles))
    }

    /// The cost of an episode so far for each SLO of its alerts, since its bad events began or since the
    /// alert.
    pub(super) async fn cost(&self, episode: &Episode) -> Result<Vec<Event>, Error> {
        let slos: BTreeSet<String> = episode.alerts.iter().filter_map(Alert::slo).collect();
        let mut events = Vec::new();
        let mut began: Option<Timestamp> = None;
        for name in slos {
            let Some((service, slo)) = self.named(&name) else { continue };
            for event in self.cost_of(name, (service, slo), episode).await? {
                match event {
                    Event::Began { time } => began = Some(began.map_or(time, |before| before.min(time))),
                    other => events.push(other),
                }
            }
        }
        // With several SLOs, the earliest beginning counts.
        Ok(began.map(|time| Event::Began { time }).into_iter().chain(events).collect())
    }

    async fn cost_of(
        &self,
        name: String,
        (service, slo): (&Service, &Slo),
        episode: &Episode,
    ) -> Result<Vec<Event>, Error> {
        let queries = EventQueries::of(service, slo, Backend::Prometheus)?;
        let (tile, firing, group) = (queries.tile, episode.id.began, group(slo, episode));
        let end = episode.resolution.map_or_else(now, |resolution| resolution.at);
        let during = usize::try_from(end.millis_since(firing) / tile.as_millis()).unwrap_or(MOST_TILES);
        let count = during.saturating_add(BEFORE).min(MOST_TILES);
        let steps = Steps { start: end.before_steps(tile, count), step: tile, count };
        let total = self.sums(&queries.total, steps, &group).await?;
        let bad = self.sums(&queries.bad, steps, &group).await?;
        let tallies = total.into_iter().zip(bad).map(|(total, bad)| tally(total, bad));
        let ends = (1..).map(|step| steps.start.after_steps(tile, step));
        let tiles = ends.zip(tallies).map(|(end, tally)| Ok((end, tally?))).collect::<Result<_, Error>>()?;
        // From the recording rules, so that the share is the same as on dashboards and in reports.
        let recorded = RecordedQueries::of(service, slo);
        let length = period_so_far(slo, end)?;
        let recorded_tile = Plan::of(service, slo)?.tile_of(slo.period().length());
        let bad = recorded.events_by_group(Stream::Bad, recorded_tile, length);
        let now = Steps { start: end.before(tile), step: tile, count: 1 };
        let last = |sums: Vec<f64>| sums.first().copied().unwrap_or(0.0);
        let period_bad = last(self.sums(&bad.to_string(), now, &group).await?);
        let left = self.values(&recorded.budget_left().to_string(), now, &group).await?;
        let period_spent = left.first().copied().flatten().map_or(0.0, |left| 1.0 - left);
        let cost = Cost { slo: name, objective: slo.objective(), tile, tiles, period_bad, period_spent };
        Ok(cost.events(firing))
    }

    /// The sum at each step; 0 if there is no value.
    async fn sums(
        &self,
        query: &str,
        steps: Steps,
        group: &BTreeMap<String, String>,
    ) -> Result<Vec<f64>, Error> {
        let values = self.values(query, steps, group).await?;
        Ok(values.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// The sum of a query at each step, of the series with the labels of `group`; `None` if there is no
    /// value.
    async fn values(
        &self,
        query: &str,
        steps: Steps,
        group: &BTreeMap<String, String>,
    ) -> Result<Vec<Option<f64>>, Error> {
        let mut sums = vec![None; steps.count];
        let is_of_group = |labels: &BTreeMap<String, String>| {
            group.iter().all(|(name, value)| labels.get(name) == Some(value))
        };
        let point = |labels: &slo_prometheus::Labels, step: usize, value: f64| {
            if let Some(sum) = sums.get_mut(step)
                && value.is_finite()
                && is_of_group(labels)
            {
                *sum = Some(sum.unwrap_or(0.0) + value);
            }
        };
        self.client()?.range(query, steps, point).await.map_err(|error| told(&error))?;
        Ok(sums)
    }
}

/// Whole events, of which no more are bad than there are.
fn tally(total: f64, bad: f64) -> Result<Tally, Error> {
    let (total, bad) = (events(total), events(bad));
    Tally::new(total.max(bad), bad)
}

/// The length, up to `at`, of the period that contains `at`.
fn period_so_far(slo: &Slo, at: Timestamp) -> Result<Window, Error> {
    match slo.period() {
        Period::Calendar(calendar) => {
            Window::from_millis(at.millis_since(calendar.period_at(at)?.start()).max(1))
        }
        period => Ok(period.length()),
    }
}

/// The name of an SLO for people and alerts.
fn name(service: &Service, slo: &Slo) -> String {
    format!("{}/{}", service.name(), slo.name())
}

/// The labels of an episode that name a group of its SLO.
fn group(slo: &Slo, episode: &Episode) -> BTreeMap<String, String> {
    let of = |label: &LabelName| Some((label.to_string(), episode.label(label.as_str())?.to_owned()));
    slo.by().iter().filter_map(of).collect()
}

/// An estimate as whole events.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is rounded, and in range")]
fn events(estimate: f64) -> u64 {
    estimate.round().clamp(0.0, 9e15) as u64
}
