//! The Prometheus server that is asked, a few queries at a time.

use crate::{config::PrometheusConfig, split::told};
use serde::de::DeserializeOwned;
use slo_ops::watch::{Curve, Grid};
use slo_prometheus::{AsyncClient, Labels, Settings, Steps};
use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many queries run at the same time: of the list of SLOs, and of everything else.
const LIST: usize = 2;
const AT_ONCE: usize = 4;
/// How many of the others may wait.
const WAITING: usize = 200;
/// How long one may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer, in bytes.
const LONGEST: u64 = 256 << 20;

/// The server, and what it warned of.
#[derive(Debug)]
pub(super) struct Source {
    client: AsyncClient,
    /// The list has places of its own, so that it never waits behind pages of single SLOs.
    list: Semaphore,
    room: Semaphore,
    waiting: AtomicUsize,
    warnings: Mutex<BTreeSet<String>>,
}

impl Source {
    /// # Errors
    /// An invalid address, header or certificate.
    pub(super) fn new(config: &PrometheusConfig) -> Result<Self, slo_prometheus::Error> {
        let client = AsyncClient::new(&config.url, settings(config))?;
        Ok(Self {
            client,
            list: Semaphore::new(LIST),
            room: Semaphore::new(AT_ONCE),
            waiting: AtomicUsize::new(0),
            warnings: Mutex::default(),
        })
    }

    /// The current values of a query.
    pub(super) async fn now(&self, query: &str) -> Result<Vec<(Labels, f64)>, String> {
        let _room = self.list.acquire().await.map_err(|error| error.to_string())?;
        let answer = self.client.query(query).await.map_err(|error| shown(&error))?;
        self.warn(answer.warnings);
        Ok(answer.result.into_iter().map(|sample| (sample.labels, sample.value)).collect())
    }

    /// The values of a query at the times of `grid`.
    pub(super) async fn curves(&self, query: &str, grid: Grid) -> Result<Vec<Curve>, String> {
        let _room = self.place().await?;
        let mut curves: Vec<Curve> = Vec::new();
        let steps = Steps { start: grid.start, step: grid.step, count: grid.count };
        let point = |labels: &Labels, step: usize, value: f64| {
            // The points of a series come one after the other.
            if curves.last().is_none_or(|curve| curve.labels != *labels) {
                curves.push(Curve { labels: labels.clone(), values: vec![None; grid.count] });
            }
            if let Some(place) = curves.last_mut().and_then(|curve| curve.values.get_mut(step)) {
                *place = Some(value).filter(|value| value.is_finite());
            }
        };
        let warnings = self.client.range(query, steps, point).await.map_err(|error| shown(&error))?;
        self.warn(warnings);
        Ok(curves)
    }

    /// The JSON at a path of its API.
    pub(super) async fn get<T: DeserializeOwned + Send + 'static>(&self, path: &str) -> Result<T, String> {
        let _room = self.place().await?;
        self.client.get(path).await.map_err(|error| shown(&error))
    }

    /// A place to ask from. Refused if too many wait already.
    async fn place(&self) -> Result<SemaphorePermit<'_>, String> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err("too many queries wait; try again later".to_owned());
        }
        let place = self.room.acquire().await;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        place.map_err(|error| error.to_string())
    }

    /// What it has warned of since the last call.
    pub(super) fn take_warnings(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn warn(&self, warnings: Vec<String>) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).extend(warnings);
    }
}

/// The settings of a client of this server.
pub(super) fn settings(config: &PrometheusConfig) -> Settings {
    Settings { longest: LONGEST, ..config.settings(TIMEOUT) }
}

/// An error, with its hint.
fn shown(error: &slo_prometheus::Error) -> String {
    let error = told(error);
    match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}
