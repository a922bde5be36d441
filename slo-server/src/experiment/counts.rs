//! The events of SLOs, counted scrape by scrape.

use crate::{
    events::{self, counters, named},
    split::{defining, split, told},
};
use slo_core::{
    math::{PeriodBudget, Tally},
    model::{EventCounters, Objective, Selector, Service, Slo, Timestamp, Window},
    replay::Growth,
    rules::{Plan, Recorded, RecordedQueries, Stream},
};
use slo_ops::{
    Error,
    experiment::{Before, Experiment},
};
use slo_prometheus::{AsyncClient, Sample, Steps};
use std::{collections::BTreeSet, time::Duration};

/// How far back events are counted, to know what is usual.
const USUAL: Window = Window::minutes(10);
/// A server that was started a moment ago has few samples; its scrapes are at most so many times as rare as the spec says.
const LATE: f64 = 4.0;
/// The share of a period that must be recorded, so that its events tell how many are expected.
const MOSTLY: f64 = 0.9;

/// The SLOs of an experiment's hypotheses, in their order.
#[derive(Debug)]
pub(super) struct Watched {
    client: AsyncClient,
    slos: Vec<WatchedSlo>,
}

#[derive(Debug)]
struct WatchedSlo {
    service: Service,
    slo: Slo,
    counters: EventCounters,
}

impl Watched {
    /// The SLOs of `experiment` in `services`.
    pub(super) fn new(
        client: AsyncClient,
        services: &[Service],
        experiment: &Experiment,
    ) -> Result<Self, Error> {
        let slos = experiment.hypotheses.iter().map(|hypothesis| {
            let (service, slo) = named(services, &hypothesis.slo)?;
            let counters = counters(service, slo)?;
            Ok(WatchedSlo { service: service.clone(), slo: slo.clone(), counters })
        });
        Ok(Self { client, slos: slos.collect::<Result<_, Error>>()? })
    }

    /// The objective of each SLO.
    pub(super) fn objectives(&self) -> impl Iterator<Item = Objective> {
        self.slos.iter().map(|one| one.slo.objective())
    }

    /// What is known of each SLO without a fault: from the time before `at` that is in none of `faults`.
    pub(super) async fn before(
        &self,
        every: Window,
        at: Timestamp,
        faults: &[(Timestamp, Timestamp)],
    ) -> Result<Vec<Before>, Error> {
        let mut known = Vec::new();
        for one in &self.slos {
            known.push(self.known(one, every, at, faults).await?);
        }
        Ok(known)
    }

    async fn known(
        &self,
        one: &WatchedSlo,
        every: Window,
        at: Timestamp,
        faults: &[(Timestamp, Timestamp)],
    ) -> Result<Before, Error> {
        let count = usize::try_from(USUAL.as_millis() / every.as_millis()).unwrap_or(1).max(1);
        let growth = self.growth(one, at.before_steps(every, count), every, count).await?;
        let (usual, steps) =
            growth.map_or(Ok((Tally::EMPTY, 0)), |growth| without(&growth, every, faults))?;
        let seconds = steps as f64 * every.as_duration().as_secs_f64();
        let [series, alerts] = Recorded::queries([&one.service]);
        let (series, alerts) =
            (self.query(&series.to_string()).await?, self.query(&alerts.to_string()).await?);
        let samples = |samples: &[Sample]| -> Vec<_> {
            samples.iter().map(|sample| (sample.labels.clone(), sample.value)).collect()
        };
        let (series, alerts) = (samples(&series), samples(&alerts));
        let recorded = Recorded::of(
            &one.service,
            series.iter().map(|(labels, value)| (labels, *value)),
            alerts.iter().map(|(labels, value)| (labels, *value)),
        );
        let statuses = recorded.statuses(&one.slo);
        let is_recorded = statuses.iter().any(|status| status.coverage.is_some_and(|share| share >= MOSTLY));
        let recorded = if is_recorded { self.recorded_events(one).await? } else { 0 };
        let expected = if recorded > 0 {
            recorded
        } else {
            let length = one.slo.period().length().as_duration().as_secs_f64();
            whole(if seconds > 0.0 { usual.total() as f64 / seconds * length } else { 0.0 })
        };
        if expected == 0 {
            return Err(Error::new(format!(
                "{}/{}: there were no events in the ten minutes before {at}, or only while experiments ran",
                one.service.name(),
                one.slo.name()
            ))
            .with_hint("send traffic for a while, or check that the spec is for this server"));
        }
        let left = statuses.iter().filter_map(|status| status.budget_projected).min_by(f64::total_cmp);
        Ok(Before {
            budget: PeriodBudget::new(one.slo.objective(), expected)?,
            left,
            usual,
            seconds,
            alerts: statuses.iter().map(|status| status.firing.len()).sum(),
        })
    }

    /// The events of the last period, as its rules recorded them.
    async fn recorded_events(&self, one: &WatchedSlo) -> Result<u64, Error> {
        let length = one.slo.period().length();
        let tile = Plan::of(&one.service, &one.slo)?.tile_of(length);
        let queries = RecordedQueries::of(&one.service, &one.slo);
        let found = self.query(&queries.events_by_group(Stream::Total, tile, length).to_string()).await?;
        Ok(whole(found.iter().map(|sample| sample.value).filter(|value| value.is_finite()).sum()))
    }

    /// The events of each SLO in the last `count` steps before `start + count × step`; `None` where there is no data about the
    /// last one.
    pub(super) async fn since(&self, start: Timestamp, step: Window, count: usize) -> Vec<Option<Tally>> {
        let mut found = Vec::new();
        for one in &self.slos {
            // A server that does not answer is as good as no data.
            let growth = self.growth(one, start, step, count).await.ok().flatten();
            let is_known = |growth: &Growth| !growth.gaps.iter().any(|gap| gap.contains(&(count - 1)));
            found.push(growth.filter(is_known).and_then(|growth| sum(&growth).ok()));
        }
        found
    }

    /// The events of each SLO since `start`, after each of `count` steps; `None` where there are no data.
    pub(super) async fn course(
        &self,
        start: Timestamp,
        step: Window,
        count: usize,
    ) -> Result<Vec<Vec<Option<Tally>>>, Error> {
        let mut course = vec![Vec::new(); count];
        for one in &self.slos {
            let growth = self.growth(one, start, step, count).await?;
            let mut so_far = Tally::EMPTY;
            for (index, found) in course.iter_mut().enumerate() {
                let growth =
                    growth.as_ref().filter(|growth| !growth.gaps.iter().any(|gap| gap.contains(&index)));
                let new =
                    growth.and_then(|growth| Some((*growth.total.get(index)?, *growth.bad.get(index)?)));
                let new = new.map(|(total, bad)| Tally::new(total, bad)).transpose()?;
                so_far = so_far.checked_add(new.unwrap_or(Tally::EMPTY))?;
                found.push(new.map(|_| so_far));
            }
        }
        Ok(course)
    }

    /// The time between two scrapes, the longest of all SLOs. Where nothing tells, it is as long as the specs say.
    pub(super) async fn scrape_gap(&self) -> Duration {
        let mut longest = Duration::ZERO;
        for one in &self.slos {
            let [counter, _] = one.counters.both();
            let found = self.query(&format!("max(count_over_time({counter}[{USUAL}]))")).await.ok();
            let samples = found.and_then(|found| found.first().map(|sample| sample.value));
            let scraped = samples.filter(|samples| *samples >= 2.0);
            let gap = scraped.map_or_else(
                || one.service.scrape_interval().as_duration(),
                |samples| {
                    USUAL
                        .as_duration()
                        .div_f64(samples - 1.0)
                        .min(one.service.scrape_interval().as_duration().mul_f64(LATE))
                },
            );
            longest = longest.max(gap);
        }
        longest
    }

    /// The counters of which there is no series at all, whatever its labels.
    pub(super) async fn missing(&self) -> Result<Vec<String>, Error> {
        let mut missing = BTreeSet::new();
        for counter in self.slos.iter().flat_map(|one| one.counters.both().map(Selector::metric)) {
            if self.query(&format!("count({counter})")).await?.is_empty() {
                missing.insert(counter.to_owned());
            }
        }
        Ok(missing.into_iter().collect())
    }

    /// For each SLO, the labels that bad events between `from` and `to` have, but clearly fewer of all events.
    pub(super) async fn labels(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Vec<String>>, Error> {
        let window = Window::from_millis(to.millis_since(from).max(1))?;
        let mut found = Vec::new();
        for one in &self.slos {
            let events = split(&self.client, &one.counters, window, to).await?;
            found.push(events.most_of_bad(None, &defining(&one.counters)));
        }
        Ok(found)
    }

    /// When the first alert of any of the SLOs fired between `from` and `to`.
    pub(super) async fn alerted(&self, from: Timestamp, to: Timestamp) -> Result<Option<Timestamp>, Error> {
        let step = Window::seconds(1);
        let count = usize::try_from(to.millis_since(from).div_ceil(1_000)).unwrap_or(usize::MAX);
        let mut first: Option<usize> = None;
        for one in &self.slos {
            let query = RecordedQueries::of(&one.service, &one.slo).firing(None).to_string();
            let steps = Steps { start: from, step, count };
            let point = |_: &slo_prometheus::Labels, index: usize, value: f64| {
                if value > 0.0 {
                    first = Some(first.map_or(index, |first| first.min(index)));
                }
            };
            self.client.range(&query, steps, point).await.map_err(|error| told(&error))?;
        }
        // One that fired from the beginning was not about the fault.
        Ok(first.filter(|index| *index > 0).map(|index| from.after_steps(step, index + 1)))
    }

    async fn growth(
        &self,
        one: &WatchedSlo,
        start: Timestamp,
        step: Window,
        count: usize,
    ) -> Result<Option<Growth>, Error> {
        events::growth(&self.client, &one.service, &one.counters, (start, step, count)).await
    }

    async fn query(&self, query: &str) -> Result<Vec<Sample>, Error> {
        Ok(self.client.query(query).await.map_err(|error| told(&error))?.result)
    }
}

fn sum(growth: &Growth) -> Result<Tally, Error> {
    Tally::new(growth.total.iter().sum(), growth.bad.iter().sum())
}

/// The events of the steps that were recorded and are in none of `faults`, and how many steps these are.
fn without(
    growth: &Growth,
    step: Window,
    faults: &[(Timestamp, Timestamp)],
) -> Result<(Tally, usize), Error> {
    // Where the data begin, there is no growth yet.
    let first = growth.gaps.first().filter(|gap| gap.start == 0).map_or(0, |gap| gap.end + 1);
    let (mut total, mut bad, mut steps) = (0, 0, 0);
    for (index, (all, failed)) in growth.total.iter().zip(&growth.bad).enumerate().skip(first) {
        let (from, to) = (growth.start.after_steps(step, index), growth.start.after_steps(step, index + 1));
        let is_faulty = faults.iter().any(|(began, ended)| from < *ended && to > *began);
        if is_faulty || growth.gaps.iter().any(|gap| gap.contains(&index)) {
            continue;
        }
        (total, bad, steps) = (total + all, bad + failed, steps + 1);
    }
    Ok((Tally::new(total, bad)?, steps))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped")]
fn whole(number: f64) -> u64 {
    number.round().clamp(0.0, 9e15) as u64
}
