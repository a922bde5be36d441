//! The state that pages and the API of SLOs share.

use super::{app::App, auth::Doors, gate::GateDoor, refused::Refused};
use crate::{
    clock::now,
    config::{Config, PrometheusConfig},
    observe::{Cell, Kept, Observer, Overview, Place, Reports},
    store::{KeptRun, Query, StoreError},
};
use slo_core::{
    model::{Service, Timestamp},
    rules::{Group, Recorded},
};
use slo_ops::{
    Deployment,
    incident::Incident,
    watch::{Detail, DetailPlan, Row, SloState, Span},
};
use std::{sync::Arc, time::Duration};

/// The most incidents in a list.
pub(super) const MOST: usize = 200;
/// How long a list of incidents is shown before it is read again.
const FRESH: Duration = Duration::from_secs(2);

/// The state that pages and the API of SLOs share.
#[derive(Debug)]
pub(super) struct Site {
    /// Without a Prometheus there are incidents only.
    pub(super) observer: Option<Arc<Observer>>,
    pub(super) reports: Option<Reports>,
    pub(super) services: Vec<Arc<Service>>,
    /// Without a store there are SLOs only.
    pub(super) record: Option<Arc<App>>,
    gates: Option<GateDoor>,
    pub(super) doors: Arc<Doors>,
    /// The path below which everything is served.
    pub(super) base: String,
    pub(super) zone: String,
    /// The address of Prometheus for people.
    pub(super) link: Option<String>,
    incidents: Arc<Cell<Vec<Incident>>>,
}

/// An SLO at a time: its row, and what is shown of it.
pub(super) struct Shown {
    pub(super) row: Row,
    pub(super) group: Option<Group>,
    pub(super) span: Span,
    pub(super) plan: DetailPlan,
    pub(super) detail: Kept<Detail>,
    /// Why the row itself may be old.
    pub(super) trouble: Option<String>,
    /// When the row was asked for; `None` if Prometheus has never answered.
    pub(super) at: Option<Timestamp>,
}

impl Site {
    /// # Errors
    /// An invalid address, header or certificate of Prometheus, or a system without random numbers.
    pub(super) fn new(
        config: &Config,
        services: Vec<Service>,
        record: Option<Arc<App>>,
    ) -> Result<Self, String> {
        let services: Vec<Arc<Service>> = services.into_iter().map(Arc::new).collect();
        let prometheus = config.prometheus.as_ref().filter(|_| !services.is_empty());
        Ok(Self {
            observer: prometheus
                .map(|prometheus| Observer::new(prometheus, &services).map_err(|error| error.to_string()))
                .transpose()?,
            reports: prometheus.map(|prometheus| Reports::new(prometheus, &services)),
            gates: GateDoor::new(config, &services)?,
            services,
            record,
            doors: Arc::new(Doors::new(config.access.clone())?),
            base: config.base_path.clone(),
            zone: config.time_zone.clone(),
            link: prometheus.and_then(link),
            incidents: Arc::default(),
        })
    }

    pub(super) fn observer(&self) -> Result<&Arc<Observer>, Refused> {
        self.observer.as_ref().ok_or_else(|| {
            Refused::missing(
                "the configuration has no `prometheus` or no `specs`, so there are no SLOs to show"
                    .to_owned(),
            )
        })
    }

    pub(super) fn gates(&self) -> Result<&GateDoor, Refused> {
        self.gates.as_ref().ok_or_else(|| Refused::missing("the configuration has no `gates`".to_owned()))
    }

    pub(super) fn record(&self) -> Result<&Arc<App>, Refused> {
        self.record.as_ref().ok_or_else(|| {
            Refused::missing(
                "this server keeps no record of incidents; start it with a configuration file that has a `store`"
                    .to_owned(),
            )
        })
    }

    /// The latest incidents, those with the latest entries first; none without a record.
    pub(super) async fn incidents(&self) -> Kept<Vec<Incident>> {
        let Some(app) = self.record.clone() else { return Kept { value: None, trouble: None } };
        let read = || -> crate::observe::Fetch<Vec<Incident>> {
            Box::pin(async move {
                let rows = app.store.list(Query { open: false, after: None, limit: MOST }).await;
                let mut incidents = Vec::new();
                for row in rows.map_err(|error| error.to_string())? {
                    let record =
                        app.store.record(row.incident, 0).await.map_err(|error| error.to_string())?;
                    incidents.push(Incident::of(row.incident, record.iter().map(|numbered| &numbered.entry)));
                }
                Ok(incidents)
            })
        };
        self.incidents.get(FRESH, read).await
    }

    /// The runs of experiments in a time; none without a record.
    pub(super) async fn runs(&self, span: &Span) -> Result<Vec<KeptRun>, StoreError> {
        match &self.record {
            Some(app) => app.store.runs(span.from, span.to).await,
            None => Ok(Vec::new()),
        }
    }

    /// The deployments of a service in a time; none without a record.
    pub(super) async fn deployments(
        &self,
        service: &str,
        span: &Span,
    ) -> Result<Vec<Deployment>, StoreError> {
        let Some(app) = &self.record else { return Ok(Vec::new()) };
        let mut all = app.store.deployments(span.from, span.to).await?;
        all.retain(|deployment| deployment.service == service);
        Ok(all)
    }

    /// All SLOs, as of the last answer.
    pub(super) async fn overview(&self) -> Result<Kept<Overview>, Refused> {
        Ok(self.observer()?.overview().await)
    }

    /// The details of an SLO, as the query of an address asks for.
    pub(super) async fn shown(
        &self,
        service: &str,
        slo: &str,
        query: &[(String, String)],
    ) -> Result<Shown, Refused> {
        let known = self.services.iter().find(|one| one.name().as_str() == service);
        let found = known.and_then(|one| one.slos().iter().find(|one| one.name().as_str() == slo));
        let (Some(known), Some(found)) = (known, found) else {
            let name = slo_core::plain(&format!("{service}/{slo}")).into_owned();
            return Err(Refused::missing(format!("there is no SLO {name}")));
        };
        let observer = self.observer()?;
        let kept = observer.overview().await;
        let now = now();
        let row = kept.value.as_ref().and_then(|(overview, _)| overview.row(service, slo)).cloned();
        let unknown = || Row::of(known, found, Recorded::of(known, [], []).statuses(found));
        let mut row =
            row.or_else(unknown).ok_or_else(|| Refused::missing("there is no such SLO".to_owned()))?;
        let bad = |error: slo_core::Error| Refused::of(&error);
        let pairs = || query.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let usual = Span::usual(row.slo(), row.status.coverage);
        let span = Span::of(row.slo(), pairs(), usual, now).map_err(bad)?;
        let group = asked_group(&row, pairs(), kept.value.is_some())?;
        // All numbers are those of the group.
        if let Some(status) =
            group.as_ref().and_then(|group| row.groups.iter().find(|one| one.group == *group))
        {
            row.status = status.clone();
            row.state = SloState::of(row.slo(), status);
        }
        let plan = DetailPlan::of(&row.service, row.slo(), group.clone(), span, now).map_err(bad)?;
        let detail = observer.detail(&row, Place::new(&row, &plan), plan.clone()).await;
        // The numbers above live charts are as old as the charts; those above a time that is over are as of now.
        if let Some((detail, _)) = detail.value.as_ref().filter(|_| span.is_live) {
            row.status = detail.status.clone();
            row.state = SloState::of(row.slo(), &row.status);
        }
        let at = kept.value.map(|(_, at)| at);
        Ok(Shown { row, group, span, plan, detail, trouble: kept.trouble, at })
    }
}

/// The group that an address asks for, or the worst one; `None` for an SLO without groups.
///
/// A label with an empty value is one that the group does not have. While Prometheus has not answered, any group is accepted.
fn asked_group<'a>(
    row: &Row,
    query: impl Iterator<Item = (&'a str, &'a str)>,
    is_known: bool,
) -> Result<Option<Group>, Refused> {
    let asked: Vec<(&str, &str)> =
        query.filter_map(|(name, value)| Some((name.strip_prefix("group.")?, value))).collect();
    let by = row.slo().by();
    if asked.is_empty() {
        return Ok((!by.is_empty()).then(|| row.status.group.clone()));
    }
    let filled = asked.iter().filter(|(_, value)| !value.is_empty());
    let group: Group = filled.map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect();
    let is_possible = asked.iter().all(|(label, _)| by.iter().any(|one| one.as_str() == *label));
    if is_possible && (!is_known || row.groups.iter().any(|status| status.group == group)) {
        return Ok(Some(group));
    }
    let told: Vec<String> = asked.iter().map(|(label, value)| format!("{label}={value}")).collect();
    Err(Refused::missing(format!("{} has no group {}", row.name(), slo_core::plain(&told.join(", ")))))
}

/// The address of Prometheus for links: that of the configuration, or the one that is asked. Without the former, one with a
/// password or a path, which may be a secret, is not shown.
fn link(config: &PrometheusConfig) -> Option<String> {
    if config.link.is_some() {
        return config.link.clone();
    }
    let url = url::Url::parse(&config.url).ok()?;
    let is_plain = url.password().is_none() && url.username().is_empty() && url.path() == "/";
    is_plain.then(|| config.url.trim_end_matches('/').to_owned())
}
