//! Asks Prometheus for all who look, and keeps the last answers.

use super::{
    cell::{Cell, Cells, Fetch, Kept},
    flavour::BuildInfo,
    overview::Overview,
    past::{Past, past, periods, step},
    source::Source,
};
use crate::{clock::now, config::PrometheusConfig};
use serde::de::DeserializeOwned;
use slo_core::{
    model::{Service, Window},
    rules::{Group, Plan},
};
use slo_ops::watch::{Answers, Detail, DetailPlan, LoadedRules, Query, Row, What};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

/// The shortest and the longest time between two questions for the same numbers.
const EVERY: (u64, u64) = (1_000, 15_000);
/// How often the rules and the version of the server are asked for.
const RARELY: Duration = Duration::from_secs(300);
/// How long the first numbers wait for sparklines and for what is wrong with the rules.
const EXTRAS: Duration = Duration::from_secs(1);
/// A tick that is the last one.
pub(crate) const LAST: u64 = u64::MAX;
/// How often the events of each group are asked for.
const SELDOM: Duration = Duration::from_secs(60);
/// How many details are kept.
const MOST: usize = 256;

/// Asks Prometheus for all who look.
#[derive(Debug)]
pub(crate) struct Observer {
    source: Arc<Source>,
    services: Arc<[Arc<Service>]>,
    every: Duration,
    overview: Arc<Cell<Overview>>,
    past: BTreeMap<Window, Arc<Cell<Past>>>,
    rules: Arc<Cell<LoadedRules>>,
    build: Arc<Cell<BuildInfo>>,
    details: Cells<Place, Detail>,
    /// The events of each group, by service and SLO: they read a whole period of every group.
    groups: Cells<(String, String), Answers>,
    ticks: watch::Sender<u64>,
}

/// What somebody looks at: an SLO, one of its groups, and a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) service: String,
    pub(crate) slo: String,
    pub(crate) group: Option<Group>,
    /// The length of a live span in steps; the beginning and the end of another one. In whole tiles, so that viewers share
    /// an answer.
    time: (i64, i64),
}

impl Place {
    pub(crate) fn new(row: &Row, plan: &DetailPlan) -> Self {
        let grid = plan.grid;
        let time = if plan.span.is_live {
            (i64::try_from(grid.step.as_millis() * grid.count as u64).unwrap_or(i64::MAX), 0)
        } else {
            (grid.start.as_millis(), grid.end().as_millis())
        };
        Self {
            service: row.service.name().to_string(),
            slo: row.slo().name().to_string(),
            group: plan.group.clone(),
            time,
        }
    }
}

impl Observer {
    /// An observer of `services`.
    ///
    /// # Errors
    /// An invalid address, header or certificate.
    pub(crate) fn new(
        config: &PrometheusConfig,
        services: &[Arc<Service>],
    ) -> Result<Arc<Self>, slo_prometheus::Error> {
        let slos = services.iter().flat_map(|service| service.slos().iter().map(move |slo| (service, slo)));
        let finest =
            slos.filter_map(|(service, slo)| Some(Plan::of(service, slo).ok()?.fine().as_millis())).min();
        let every = (finest.unwrap_or(EVERY.1) / 4).clamp(EVERY.0, EVERY.1);
        Ok(Arc::new(Self {
            source: Arc::new(Source::new(config)?),
            past: periods(services).into_iter().map(|period| (period, Arc::default())).collect(),
            services: services.into(),
            every: Duration::from_millis(every),
            overview: Arc::default(),
            rules: Arc::default(),
            build: Arc::default(),
            details: Cells::new(MOST),
            groups: Cells::new(MOST),
            ticks: watch::Sender::new(0),
        }))
    }

    /// All SLOs.
    pub(crate) async fn overview(&self) -> Kept<Overview> {
        // A little less, so that a tick never finds the answer of the one before still fresh.
        let fresh = self.every.mul_f64(0.9);
        self.overview
            .get(fresh, || {
                let (source, services) = (Arc::clone(&self.source), Arc::clone(&self.services));
                let (rules, build, past) =
                    (Arc::clone(&self.rules), Arc::clone(&self.build), self.past.clone());
                Box::pin(async move {
                    let overview = Overview::ask(&source, &services).await?;
                    let past = all_past(&source, &services, past);
                    let rules = rules.get(RARELY, || json(&source, "/api/v1/rules?type=record"));
                    let build = build.get(RARELY, || json(&source, "/api/v1/status/buildinfo"));
                    let extras = async { tokio::join!(past, rules, build) };
                    // The numbers do not wait for them: what comes later is shown the next time.
                    let Ok((past, rules, build)) = timeout(EXTRAS, extras).await else {
                        return Ok(overview);
                    };
                    let rules = rules.value.as_ref().map(|(rules, _)| rules.as_ref());
                    let mut overview = overview.with(&past, rules);
                    overview.warnings.extend(build.value.and_then(|(build, _)| build.warning()));
                    Ok(overview)
                })
            })
            .await
    }

    /// The details of an SLO.
    pub(crate) async fn detail(&self, row: &Row, place: Place, plan: DetailPlan) -> Kept<Detail> {
        // Curves change with each tile; a time that is over does not, but the alerts of now do.
        let tile = plan.tile.as_duration().clamp(self.every, SELDOM);
        let fresh = if plan.span.is_live { tile.mul_f64(0.9) } else { SELDOM };
        let status =
            row.groups.iter().find(|status| plan.group.as_ref().is_none_or(|group| status.group == *group));
        let (status, row) = (status.unwrap_or(&row.status).clone(), row.clone());
        let source = Arc::clone(&self.source);
        let groups = self.groups.of((place.service.clone(), place.slo.clone()));
        let cell = self.details.of(place);
        cell.get(fresh, || {
            Box::pin(async move {
                let is_of_groups = |query: &Query| matches!(query.what, What::GroupTotal | What::GroupBad);
                let (of_groups, own): (Vec<Query>, Vec<Query>) =
                    plan.queries.iter().cloned().partition(is_of_groups);
                let mut answers = answers(&source, own).await?;
                if !of_groups.is_empty() {
                    let kept = groups
                        .get(SELDOM, || Box::pin(async move { self::answers(&source, of_groups).await }));
                    let known = kept.await.value;
                    answers.extend(
                        known.iter().flat_map(|(known, _)| {
                            known.iter().map(|(what, curves)| (*what, curves.clone()))
                        }),
                    );
                }
                Ok(Detail::of(row.slo(), &status, &row.groups, &plan, &answers))
            })
        })
        .await
    }

    /// Changes whenever the numbers were asked for again, as long as somebody holds it.
    pub(crate) fn ticks(&self) -> watch::Receiver<u64> {
        self.ticks.subscribe()
    }

    /// How many wait for ticks.
    pub(crate) fn viewers(&self) -> usize {
        self.ticks.receiver_count()
    }

    /// Asks for new numbers while somebody waits for ticks.
    pub(crate) async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut next = Instant::now();
        loop {
            next += self.every;
            tokio::select! {
                () = sleep_until(next) => {}
                _ = stop.wait_for(|stop| *stop) => {
                    // Open pages would keep the server from ending.
                    self.ticks.send_replace(LAST);
                    return;
                }
            }
            if self.ticks.receiver_count() > 0 {
                self.overview().await;
                self.ticks.send_modify(|tick| *tick += 1);
            }
            next = next.max(Instant::now());
        }
    }
}

/// Asks for the JSON at a path.
fn json<T: DeserializeOwned + Send + 'static>(source: &Arc<Source>, path: &'static str) -> Fetch<T> {
    let source = Arc::clone(source);
    Box::pin(async move { source.get(path).await })
}

/// The budgets of the past, of each length of a period; without those that cannot be had.
async fn all_past(
    source: &Arc<Source>,
    services: &Arc<[Arc<Service>]>,
    cells: BTreeMap<Window, Arc<Cell<Past>>>,
) -> Vec<Arc<Past>> {
    let mut all = Vec::new();
    for (period, cell) in cells {
        let (source, services) = (Arc::clone(source), Arc::clone(services));
        let fresh = step(period).as_duration() / 2;
        let kept =
            cell.get(fresh, || Box::pin(async move { past(&source, &services, period, now()).await })).await;
        all.extend(kept.value.map(|(past, _)| past));
    }
    all
}

/// The answers to all queries. The pictures of latencies and of groups may be missing, the rest may not.
async fn answers(source: &Arc<Source>, queries: Vec<Query>) -> Result<Answers, String> {
    let mut running = JoinSet::new();
    for query in queries {
        let source = Arc::clone(source);
        running.spawn(async move {
            let curves = source.curves(&query.text, query.grid).await;
            (query.what, curves)
        });
    }
    let mut answers = Answers::new();
    while let Some(done) = running.join_next().await {
        let (what, curves) = done.map_err(|error| error.to_string())?;
        match curves {
            Ok(curves) => {
                answers.insert(what, curves);
            }
            Err(_) if matches!(what, What::Buckets | What::GroupTotal | What::GroupBad) => {}
            Err(trouble) => return Err(trouble),
        }
    }
    Ok(answers)
}
