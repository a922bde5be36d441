//! The program's own HTTP interface: the status of all services, faults, and the load.

use crate::{
    args,
    faults::Fault,
    load::{Count, Load},
    service::App,
    storm::Storm,
};
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::Redirect,
    routing::{delete, get, post},
};
use serde::{Deserialize, Serialize};
use slo_instrument::{Service, status_routes};
use std::sync::Arc;

#[derive(Clone)]
struct Control {
    apps: Arc<Vec<App>>,
    load: Arc<Load>,
}

/// `/` and `/slo`, `/slo.json`, `/load.json`, `/storm.json`, `/load/{start,stop}`, `/faults/{service}[/{outage,slow}]`.
pub(crate) fn router(apps: Arc<Vec<App>>, load: &Arc<Load>, storm: Option<Arc<Storm>>) -> Router {
    let slos: Vec<Service> = apps.iter().map(|app| app.slo.clone()).collect();
    Router::new()
        .route("/", get(|| async { Redirect::temporary("/slo") }))
        .route("/load.json", get(load_report))
        .route("/load/start", post(start))
        .route("/load/stop", post(stop))
        .route("/faults/{service}/{kind}", post(begin))
        .route("/faults/{service}", delete(end))
        .route("/storm.json", get(move || async move { Json(storm.map(|storm| storm.ends())) }))
        .with_state(Control { apps, load: Arc::clone(load) })
        .merge(status_routes(slos))
}

#[derive(Serialize)]
struct LoadReport {
    in_flight: u64,
    services: Vec<Count>,
}

async fn load_report(State(control): State<Control>) -> Json<LoadReport> {
    Json(LoadReport { in_flight: control.load.in_flight(), services: control.load.counts() })
}

async fn start(State(control): State<Control>) {
    control.load.begin();
}

/// Stops the load and answers once nothing is in flight.
async fn stop(State(control): State<Control>) {
    control.load.stop();
    control.load.drain().await;
}

#[derive(Deserialize)]
struct Length {
    r#for: Option<String>,
}

async fn begin(
    State(control): State<Control>,
    Path((service, kind)): Path<(String, String)>,
    Query(length): Query<Length>,
) -> Result<String, (StatusCode, String)> {
    let fault = match kind.as_str() {
        "outage" => Fault::Outage,
        "slow" => Fault::Slow,
        _ => return Err((StatusCode::NOT_FOUND, format!("no fault `{kind}`; there are outage and slow\n"))),
    };
    let refuse = |what: String| (StatusCode::BAD_REQUEST, format!("{what}; give a duration: ?for=15s\n"));
    let length = length.r#for.ok_or_else(|| refuse("no duration".to_owned()))?;
    let time = args::duration(&length).map_err(|error| refuse(error.to_string()))?;
    let app = control.app(&service).ok_or_else(|| no_service(&service))?;
    fault.begin(app, time).map_err(|error| (StatusCode::BAD_REQUEST, format!("{error}\n")))?;
    Ok(format!("{service}: {kind} for {length}\n"))
}

async fn end(
    State(control): State<Control>,
    Path(service): Path<String>,
) -> Result<(), (StatusCode, String)> {
    control.app(&service).ok_or_else(|| no_service(&service))?.slo.faults().disarm();
    Ok(())
}

impl Control {
    fn app(&self, service: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.name == service)
    }
}

fn no_service(service: &str) -> (StatusCode, String) {
    (
        StatusCode::NOT_FOUND,
        format!("no service `{service}`; there are {}\n", crate::service::NAMES.join(", ")),
    )
}
