//! Reports on months and quarters, computed once for all who read them.

use super::{
    cell::{Cells, Kept},
    source::settings,
};
use crate::{clock::now, config::PrometheusConfig};
use slo_core::{
    artifact::{RecordedSource, Report, ReportSpan, TakePoint},
    model::{Service, Timestamp, Window},
    promql::Expr,
};
use slo_prometheus::{Client, Steps};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::spawn_blocking};

/// How long a report is shown before it is computed again; one on a time that is over, longer.
const FRESH: Duration = Duration::from_secs(300);
const OVER: Duration = Duration::from_secs(3_600);
/// How many reports are kept.
const MOST: usize = 64;
/// Groups of an SLO that a report shows.
const GROUPS: usize = 20;
/// Reports are computed one at a time: each reads a month of tiles.
const AT_ONCE: usize = 1;

/// The time with its zone, and the service or an empty text.
type Key = (String, String);

/// Reports on months and quarters.
#[derive(Debug)]
pub(crate) struct Reports {
    config: PrometheusConfig,
    services: Arc<[Arc<Service>]>,
    room: Arc<Semaphore>,
    kept: Cells<Key, Report>,
}

impl Reports {
    pub(crate) fn new(config: &PrometheusConfig, services: &[Arc<Service>]) -> Self {
        let room = Arc::new(Semaphore::new(AT_ONCE));
        Self { config: config.clone(), services: services.into(), room, kept: Cells::new(MOST) }
    }

    /// The report on `span`, for one service or for all.
    ///
    /// It may have no value yet, if it takes long; it is there later.
    pub(crate) async fn get(&self, span: ReportSpan, zone: &str, service: Option<&str>) -> Kept<Report> {
        let services =
            self.services.iter().filter(|one| service.is_none_or(|name| one.name().as_str() == name));
        let services: Vec<Service> = services.map(|service| service.as_ref().clone()).collect();
        let fresh = if span.end < now().before(Window::hours(1)) { OVER } else { FRESH };
        let key = (format!("{} {zone}", span.title), service.unwrap_or_default().to_owned());
        let cell = self.kept.of(key);
        cell.get(fresh, || {
            let (config, zone, room) = (self.config.clone(), zone.to_owned(), Arc::clone(&self.room));
            Box::pin(async move {
                let _room = room.acquire().await.map_err(|error| error.to_string())?;
                let asked = spawn_blocking(move || ask(&config, &services, &span, &zone));
                asked.await.unwrap_or_else(|error| Err(error.to_string()))
            })
        })
        .await
    }
}

fn ask(
    config: &PrometheusConfig,
    services: &[Service],
    span: &ReportSpan,
    zone: &str,
) -> Result<Report, String> {
    let client = Client::new(&config.url, settings(config)).map_err(|error| error.to_string())?;
    let mut server = Server { client, warnings: BTreeSet::new() };
    let mut report = Report::ask(services, span, zone, GROUPS, &mut server).map_err(|error| error.0)?;
    report.warnings = server.warnings.into_iter().collect();
    Ok(report)
}

/// The server, and its warnings so far.
struct Server {
    client: Client,
    warnings: BTreeSet<String>,
}

/// Why a report cannot be computed.
struct Failed(String);

impl From<slo_core::Error> for Failed {
    fn from(error: slo_core::Error) -> Self {
        Self(error.to_string())
    }
}

impl RecordedSource for Server {
    type Error = Failed;

    fn range(
        &mut self,
        query: &Expr,
        start: Timestamp,
        step: Window,
        count: usize,
        point: &mut TakePoint<'_>,
    ) -> Result<(), Failed> {
        let asked = self.client.range(&query.to_string(), Steps { start, step, count }, point);
        self.warnings.extend(asked.map_err(|error| Failed(error.to_string()))?);
        Ok(())
    }
}
