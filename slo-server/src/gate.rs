//! Gates of releases: the events of the new version, and of the old one, from Prometheus.

use crate::{
    events::{counters, growth, named},
    split::defining,
};
use slo_core::{
    math::Tally,
    model::{EventCounters, Service, Slo, Timestamp, Window},
    replay::Growth,
};
use slo_ops::{
    Error,
    release::{Compare, Gate, GateCounts, GateRun, GateSeries, Gates, OldVersion},
};
use slo_prometheus::AsyncClient;

/// The most steps of a look; Prometheus answers up to 11,000.
const MOST_STEPS: u64 = 10_000;

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

/// Checks that the SLOs of every gate are in the specs and count events, and that its rules can be tested on their objectives.
///
/// # Errors
/// The first gate that cannot judge.
pub fn check(gates: &Gates, services: &[Service]) -> Result<(), Error> {
    for (name, gate) in gates {
        let nothing = judged(services, gate).map(|slos| {
            let of = |(service, slo, _)| GateCounts::of(service, slo, Tally::EMPTY, OldVersion::Unknown, 0.0);
            slos.into_iter().map(of).collect::<Vec<_>>()
        });
        nothing.and_then(|counts| GateRun::default().look(gate, &counts)).map_err(|error| {
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
    let mut all = services.iter().flat_map(|service| service.slos().iter().map(move |slo| (service, slo)));
    // Those that count no events cannot tell.
    let counting = all.clone().filter(|(_, slo)| slo.sli().counters().is_some());
    let counting = counting.map(of).collect::<Result<Vec<_>, Error>>()?;
    match (counting.is_empty(), all.next()) {
        (false, _) => Ok(counting),
        (true, Some(first)) => of(first).map(|first| vec![first]),
        (true, None) => Err(Error::new("there is no SLO to judge a release by").with_hint("name a spec")),
    }
}

impl<'a> Judge<'a> {
    /// The judge of a gate's SLOs, on the server of `client`.
    ///
    /// # Errors
    /// An SLO of the gate that is in none of the specs, or whose SLI counts no events; of a gate that names none, if no SLO counts
    /// events.
    pub fn new(client: &'a AsyncClient, services: &'a [Service], gate: &'a Gate) -> Result<Self, Error> {
        Ok(Self { client, slos: judged(services, gate)?, compare: &gate.compare })
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
            let defining = defining(counters);
            let labels =
                series.new.iter().chain(series.old.iter().flatten()).map(|matcher| matcher.label.as_str());
            if let Some(label) = labels.into_iter().find(|label| defining.contains(*label)) {
                return Err(Error::new(format!(
                    "`{label}` tells good events from bad ones, and not versions"
                ))
                .with_hint("use a label that all series of a version have"));
            }
            let new = self.steps(service, &counters.of(&series.new), began, at).await?;
            let mut missing = Vec::new();
            if new.steps.iter().all(Option::is_none) && !new.steps.is_empty() {
                missing.push("new version");
            }
            let sum = sum(&new)?;
            let old = match (&series.old, self.compare) {
                (Some(old), _) => {
                    let old = self.steps(service, &counters.of(old), began, at).await?;
                    if old.steps.iter().all(Option::is_none) && !old.steps.is_empty() {
                        missing.push("old version");
                    }
                    OldVersion::Beside(together(&old, &new)?)
                }
                (None, Compare::Before(window)) => {
                    // Of all series: the labels of the new version were not there yet.
                    let before = self.steps(service, counters, live.before(*window), live).await?;
                    OldVersion::Before(self::sum(&before)?)
                }
                (None, _) => OldVersion::Unknown,
            };
            let seconds = at.millis_since(began) as f64 / 1_000.0;
            all.push(GateCounts::of(service, slo, sum, old, seconds).missing(missing));
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
    ) -> Result<Counted, Error> {
        let length = to.millis_since(from);
        let scrape = service.scrape_interval().as_millis();
        let step = scrape.max(length.div_ceil(MOST_STEPS).next_multiple_of(scrape));
        let Some(count) = usize::try_from(length / step).ok().filter(|count| *count > 0) else {
            // A server that is away is told at once, and not once there is something to count.
            growth(self.client, service, counters, (from, service.scrape_interval(), 1)).await?;
            return Ok(Counted { steps: Vec::new() });
        };
        let step = Window::from_millis(step)?;
        let growth = growth(self.client, service, counters, (from, step, count)).await?;
        let steps = match growth {
            None => vec![None; count],
            Some(growth) => tallies(&growth)?,
        };
        Ok(Counted { steps })
    }
}

/// The events of each step; `None` where nothing is known.
struct Counted {
    steps: Vec<Option<Tally>>,
}

fn tallies(growth: &Growth) -> Result<Vec<Option<Tally>>, Error> {
    let steps = growth.total.iter().zip(&growth.bad).enumerate().map(|(index, (total, bad))| {
        let is_known = !growth.gaps.iter().any(|gap| gap.contains(&index));
        let tally = Tally::new(*total, *bad)?;
        Ok((is_known || tally.total() > 0).then_some(tally))
    });
    steps.collect()
}

fn sum(counted: &Counted) -> Result<Tally, Error> {
    counted.steps.iter().flatten().try_fold(Tally::EMPTY, |sum, step| sum.checked_add(*step))
}

/// The steps of both. What is not known of one is in its next step, and so is what the other did meanwhile. Before the first step
/// of the new version, and after its last one, there is nothing to compare.
fn together(old: &Counted, new: &Counted) -> Result<Vec<(Tally, Tally)>, Error> {
    let mut steps = Vec::new();
    let (mut waiting, mut has_begun) = ((Tally::EMPTY, Tally::EMPTY), false);
    for (old, new) in old.steps.iter().zip(&new.steps) {
        if new.is_none() && !has_begun {
            continue;
        }
        has_begun = true;
        waiting.0 = waiting.0.checked_add(old.unwrap_or(Tally::EMPTY))?;
        waiting.1 = waiting.1.checked_add(new.unwrap_or(Tally::EMPTY))?;
        if old.is_some() && new.is_some() {
            steps.push(std::mem::replace(&mut waiting, (Tally::EMPTY, Tally::EMPTY)));
        }
    }
    // An old version that has gone leaves the new one alone.
    if waiting.1.total() > 0 {
        steps.push(waiting);
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use slo_prometheus::Settings;

    const SPEC: &str = "version: slo/v1\nservice: shop\nslos:\n\
        \x20 - {name: up, objective: 99%, window: 30d, sli: {probe: up}}\n\
        \x20 - {name: errors, objective: 99%, window: 30d, sli: {events: {total: a_total, bad: b_total}}}\n";

    #[test]
    fn a_gate_that_names_no_slo_skips_those_that_count_no_events() {
        let services = slo_core::spec::parse(SPEC).unwrap();
        let client = AsyncClient::new("http://127.0.0.1:9", Settings::default()).unwrap();
        let gate = Gate::default();
        assert_eq!(Judge::new(&client, &services, &gate).unwrap().slos.len(), 1);
        let probe = Gate { slos: vec!["shop/up".to_owned()], ..Gate::default() };
        assert!(Judge::new(&client, &services, &probe).is_err());
    }

    #[test]
    fn rules_are_checked_on_the_objectives() {
        let services = slo_core::spec::parse(SPEC).unwrap();
        assert!(check(&[("good".to_owned(), Gate::default())].into(), &services).is_ok());
        let mut gate = Gate::default();
        gate.rules.allowed_burn_rate = 100.0;
        let error = check(&[("all".to_owned(), gate)].into(), &services).unwrap_err();
        assert!(error.to_string().starts_with("gates.all: "), "{error}");
    }

    #[test]
    fn what_is_not_known_of_one_waits_for_both() {
        let some = |total: u64| Some(Tally::new(total, 0).unwrap());
        let steps = |old: &[Option<Tally>], new: &[Option<Tally>]| {
            let both = together(&Counted { steps: old.to_vec() }, &Counted { steps: new.to_vec() }).unwrap();
            both.into_iter().map(|(old, new)| (old.total(), new.total())).collect::<Vec<_>>()
        };
        // The new one begins later.
        assert_eq!(steps(&[some(9), some(9), some(9)], &[None, some(1), some(1)]), [(9, 1), (9, 1)]);
        // It was not scraped for two steps.
        assert_eq!(steps(&[some(9); 4], &[some(1), None, None, some(3)]), [(9, 1), (27, 3)]);
        // The old one has gone.
        assert_eq!(steps(&[some(9), None, None], &[some(1), some(5), some(5)]), [(9, 1), (0, 10)]);
        // The new one has gone: nothing is compared with what the old one does since.
        assert_eq!(steps(&[some(9), some(9)], &[some(1), None]), [(9, 1)]);
    }
}
