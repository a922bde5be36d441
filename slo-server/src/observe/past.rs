//! The budgets left in the past, for sparklines.

use super::source::Source;
use slo_core::{
    model::{Service, Timestamp, Window},
    rules::{Group, Recorded, group_of},
};
use slo_ops::watch::Grid;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Points of a sparkline.
pub(super) const POINTS: usize = 24;
/// How many SLOs are asked for at once.
pub(super) const AT_ONCE: usize = 300;

/// The budget left of a group of an SLO, by service, SLO and group.
pub(super) type Past = BTreeMap<(String, String, Group), Vec<Option<f64>>>;

/// The step of a sparkline over `period`.
pub(super) fn step(period: Window) -> Window {
    Window::from_millis((period.as_millis() / POINTS as u64).max(1_000)).unwrap_or(period)
}

/// The budgets left at the ends of the last steps of the SLOs with this period.
pub(super) async fn past(
    source: &Source,
    services: &[Arc<Service>],
    period: Window,
    now: Timestamp,
) -> Result<Past, String> {
    let step = step(period);
    let grid =
        Grid { start: now.on_grid(step, Timestamp::EPOCH).before_steps(step, POINTS), step, count: POINTS };
    let mut all = Past::new();
    for some in chunks(services, period) {
        let query = Recorded::budgets(some.iter().map(Arc::as_ref)).to_string();
        for curve in source.curves(&query, grid).await? {
            let label = |name: &str| curve.labels.get(name).cloned().unwrap_or_default();
            let (service, slo) = (label("service"), label("slo"));
            let found = some.iter().find(|one| one.name().as_str() == service);
            let found = found.and_then(|one| one.slos().iter().find(|one| one.name().as_str() == slo));
            if let Some(one) = found.filter(|one| one.period().length() == period) {
                all.insert((service, slo, group_of(one, &curve.labels)), curve.values);
            }
        }
    }
    Ok(all)
}

/// Services in parts of about [`AT_ONCE`] SLOs: those that have an SLO with this period.
fn chunks(services: &[Arc<Service>], period: Window) -> Vec<Vec<Arc<Service>>> {
    let has = |service: &&Arc<Service>| service.slos().iter().any(|slo| slo.period().length() == period);
    parts(services.iter().filter(has))
}

/// Services in parts of about [`AT_ONCE`] SLOs.
pub(super) fn parts<'a>(services: impl Iterator<Item = &'a Arc<Service>>) -> Vec<Vec<Arc<Service>>> {
    let mut parts: Vec<Vec<Arc<Service>>> = Vec::new();
    let mut room = 0;
    for service in services {
        if room < service.slos().len() || parts.is_empty() {
            parts.push(Vec::new());
            room = AT_ONCE;
        }
        room = room.saturating_sub(service.slos().len());
        if let Some(part) = parts.last_mut() {
            part.push(Arc::clone(service));
        }
    }
    parts
}

/// The lengths of the periods of all SLOs.
pub(super) fn periods(services: &[Arc<Service>]) -> BTreeSet<Window> {
    services.iter().flat_map(|service| service.slos()).map(|slo| slo.period().length()).collect()
}
