//! Gates of releases: the events of the new version, and of the old one, from Prometheus.

use crate::events::{counters, growth, named};
use slo_core::{
    math::Tally,
    model::{EventCounters, Service, Slo, Timestamp, Window},
    replay::Growth,
};
use slo_ops::{
    Error,
    release::{Compare, Gate, GateCounts, GateSeries, Gates, OldVersion},
};
use slo_prometheus::AsyncClient;

/// The most steps of a look.
const MOST_STEPS: u64 = 500;

/// Counts the events of releases.
///
/// ```no_run
/// # async fn example(services: &[slo_core::model::Service], began: slo_core::model::Timestamp) -> Result<(), Box<dyn std::error::Error>> {
/// use slo_ops::release::{Gate, GateRun};
/// use slo_prometheus::{AsyncClient, Settings};
/// use slo_server::gate::Judge;
///
/// let gate = Gate { new: Some("version=\"2\"".to_owned()), ..Gate::default() };
/// let client = AsyncClient::new("http://127.0.0.1:9090", Settings::default())?;
/// let judge = Judge::new(&client, services, &gate)?;
/// let counts = judge.look(&gate.series(&[].into())?, began, began).await?;
/// println!("{}", GateRun::default().look(&gate, &counts)?.verdict());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Judge<'a> {
    client: &'a AsyncClient,
    slos: Vec<Judged<'a>>,
    compare: &'a Compare,
}

/// Checks that the SLOs of every gate are in the specs, and count events.
///
/// # Errors
/// The first that is not, or does not.
pub fn check(gates: &Gates, services: &[Service]) -> Result<(), Error> {
    for (name, gate) in gates {
        judged(services, gate).map_err(|error| {
            let told = Error::new(format!("gates.{name}: {error}"));
            error.hint().map_or(told.clone(), |hint| told.with_hint(hint))
        })?;
    }
    Ok(())
}

/// An SLO that a release is judged by, and its counters.
type Judged<'a> = (&'a Service, &'a Slo, EventCounters);

fn judged<'a>(services: &'a [Service], gate: &Gate) -> Result<Vec<Judged<'a>>, Error> {
    let of = |(service, slo): (&'a Service, &'a Slo)| Ok((service, slo, counters(service, slo)?));
    if !gate.slos.is_empty() {
        return gate.slos.iter().map(|name| of(named(services, name)?)).collect();
    }
    let all = services.iter().flat_map(|service| service.slos().iter().map(move |slo| (service, slo)));
    let all = all.map(of).collect::<Result<Vec<_>, Error>>()?;
    if all.is_empty() {
        return Err(Error::new("there is no SLO to judge a release by").with_hint("name a spec"));
    }
    Ok(all)
}

impl<'a> Judge<'a> {
    /// The judge of a gate's SLOs, on the server of `client`.
    ///
    /// # Errors
    /// An SLO that is in none of the specs, or whose SLI counts no events.
    pub fn new(client: &'a AsyncClient, services: &'a [Service], gate: &'a Gate) -> Result<Self, Error> {
        let of = |(service, slo): (&'a Service, &'a Slo)| Ok((service, slo, counters(service, slo)?));
        let slos = if gate.slos.is_empty() {
            let all =
                services.iter().flat_map(|service| service.slos().iter().map(move |slo| (service, slo)));
            all.map(of).collect::<Result<Vec<_>, Error>>()?
        } else {
            gate.slos.iter().map(|name| of(named(services, name)?)).collect::<Result<_, Error>>()?
        };
        if slos.is_empty() {
            return Err(Error::new("there is no SLO to judge a release by").with_hint("name a spec"));
        }
        Ok(Self { client, slos, compare: &gate.compare })
    }

    /// The time between two looks that can tell something new: the longest scrape interval.
    #[must_use]
    pub fn scrape_interval(&self) -> Window {
        let all = self.slos.iter().map(|(service, ..)| service.scrape_interval());
        all.max().unwrap_or(Window::seconds(15))
    }

    /// The events from `began`, when the new version went live, to `at`.
    ///
    /// # Errors
    /// A server that does not answer, or counters that disagree.
    pub async fn look(
        &self,
        series: &GateSeries,
        began: Timestamp,
        at: Timestamp,
    ) -> Result<Vec<GateCounts>, Error> {
        self.look_around(series, (began, began), at).await
    }

    /// The events from `settled` to `at`, of a version that went live at `live`: what happened in between is nobody's. The time
    /// before ends at `live`.
    ///
    /// # Errors
    /// Those of [`look`](Self::look).
    pub async fn look_around(
        &self,
        series: &GateSeries,
        (live, began): (Timestamp, Timestamp),
        at: Timestamp,
    ) -> Result<Vec<GateCounts>, Error> {
        let mut all = Vec::new();
        for (service, slo, counters) in &self.slos {
            let new = self.steps(service, &counters.of(&series.new), began, at).await?;
            let sum = sum(&new)?;
            let old = match (&series.old, self.compare) {
                (Some(old), _) => {
                    let old = self.steps(service, &counters.of(old), began, at).await?;
                    OldVersion::Beside(old.into_iter().zip(new).collect())
                }
                (None, Compare::Before(window)) => {
                    // Of all series: the labels of the new version were not there yet.
                    let before = self.steps(service, counters, live.before(*window), live).await?;
                    OldVersion::Before(self::sum(&before)?)
                }
                (None, _) => OldVersion::Unknown,
            };
            let seconds = at.millis_since(began) as f64 / 1_000.0;
            all.push(GateCounts::of(service, slo, sum, old, Some(seconds)));
        }
        Ok(all)
    }

    /// The events of each step between two times. The last step may be shorter than it was asked for: what is not complete is
    /// counted by the next look.
    async fn steps(
        &self,
        service: &Service,
        counters: &EventCounters,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Tally>, Error> {
        let length = to.millis_since(from);
        let scrape = service.scrape_interval().as_millis();
        let step = scrape.max(length.div_ceil(MOST_STEPS).next_multiple_of(scrape));
        let Some(count) = usize::try_from(length / step).ok().filter(|count| *count > 0) else {
            return Ok(Vec::new());
        };
        let step = Window::from_millis(step)?;
        let growth = growth(self.client, service, counters, (from, step, count)).await?;
        growth.map_or_else(|| Ok(vec![Tally::EMPTY; count]), |growth| tallies(&growth))
    }
}

fn tallies(growth: &Growth) -> Result<Vec<Tally>, Error> {
    growth.total.iter().zip(&growth.bad).map(|(total, bad)| Tally::new(*total, *bad)).collect()
}

fn sum(steps: &[Tally]) -> Result<Tally, Error> {
    steps.iter().try_fold(Tally::EMPTY, |sum, step| sum.checked_add(*step))
}
