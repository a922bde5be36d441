//! The three services.

use crate::{
    SPEC,
    faults::{Fault, Faults},
};
use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode},
    middleware::{self, Next},
    response::Response,
    routing::{MethodFilter, on},
};
use rand::RngExt;
use slo_core::model::{Service, Sli};
use slo_instrument::Slo;
use std::{error::Error, sync::Arc, time::Duration};
use tokio::time::Instant;

/// The names of the services, in the order of their ports.
pub(crate) const NAMES: [&str; 3] = ["checkout", "search", "login"];

/// How a service behaves while nothing is wrong.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    /// Mean requests per second over a day.
    pub(crate) rate: f64,
    /// Share of requests that fail.
    errors: f64,
    /// Share of requests that are too slow.
    slow: f64,
    /// Typical duration.
    typical: Duration,
}

/// One service: its SLOs, its router, its traffic.
pub(crate) struct App {
    pub(crate) name: &'static str,
    pub(crate) profile: Arc<Profile>,
    pub(crate) slo: Slo,
    /// The longest duration that its latency SLO allows.
    pub(crate) threshold: Duration,
    pub(crate) router: Router,
}

fn profile(name: &str) -> Profile {
    let millis = Duration::from_millis;
    match name {
        "checkout" => Profile {
            method: Method::POST,
            path: "/checkout",
            rate: 40.0,
            errors: 4e-4,
            slow: 3e-3,
            typical: millis(45),
        },
        "search" => Profile {
            method: Method::GET,
            path: "/search",
            rate: 120.0,
            errors: 1e-3,
            slow: 1e-2,
            typical: millis(20),
        },
        _ => Profile {
            method: Method::POST,
            path: "/login",
            rate: 25.0,
            errors: 0.0,
            slow: 2e-3,
            typical: millis(60),
        },
    }
}

/// All services, instrumented from the spec.
pub(crate) fn all(time_scale: u32, faults: &Arc<Faults>) -> Result<Vec<App>, Box<dyn Error>> {
    let services = slo_core::spec::parse(SPEC)?;
    NAMES
        .iter()
        .enumerate()
        .map(|(position, name)| {
            let service = services
                .iter()
                .find(|service| service.name().as_str() == *name)
                .ok_or_else(|| format!("slo.yaml has no service `{name}`"))?;
            app(position, name, service, time_scale, Arc::clone(faults))
        })
        .collect()
}

fn app(
    position: usize,
    name: &'static str,
    service: &Service,
    time_scale: u32,
    faults: Arc<Faults>,
) -> Result<App, Box<dyn Error>> {
    let profile = Arc::new(profile(name));
    let threshold = service
        .slos()
        .iter()
        .find_map(|slo| match slo.sli() {
            Sli::Latency(latency) => Some(latency.threshold().as_duration()),
            _ => None,
        })
        .ok_or("a service without a latency SLO")?;
    let slo = Slo::from_service(service.clone())
        .route(profile.method.clone(), profile.path)
        .time_scale(time_scale)
        .install()?;
    let handler = Handler { position, profile: Arc::clone(&profile), threshold, faults };
    let filter = MethodFilter::try_from(profile.method.clone())?;
    let router = Router::new()
        .route(profile.path, on(filter, handle))
        .with_state(handler)
        .merge(slo.routes())
        .layer(slo.layer())
        .layer(middleware::from_fn(report_duration));
    Ok(App { name, profile, slo, threshold, router })
}

#[derive(Clone)]
struct Handler {
    position: usize,
    profile: Arc<Profile>,
    threshold: Duration,
    faults: Arc<Faults>,
}

async fn handle(State(handler): State<Handler>) -> Result<&'static str, StatusCode> {
    let Handler { position, profile, threshold, faults } = handler;
    let (luck, spread, slowness): (f64, f64, f64) = {
        let mut random = rand::rng();
        (random.random(), random.random(), random.random())
    };
    if faults.is_on(position, Fault::Outage) {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let is_slow = slowness < profile.slow || faults.is_on(position, Fault::Slow);
    let time = if is_slow {
        threshold.mul_f64(1.5 + spread / 2.0)
    } else {
        // Half the typical duration and a tail, but well within the threshold.
        profile.typical.mul_f64(0.5 - 0.5 * (1.0 - spread).ln()).min(threshold.mul_f64(0.6))
    };
    tokio::time::sleep(time).await;
    if luck < profile.errors { Err(StatusCode::INTERNAL_SERVER_ERROR) } else { Ok("done\n") }
}

/// Says in `Server-Timing` how long the service took, so that a client can tell that from the network.
async fn report_duration(request: Request, next: Next) -> Response {
    let start = Instant::now();
    let mut response = next.run(request).await;
    let millis = start.elapsed().as_secs_f64() * 1_000.0;
    if let Ok(value) = HeaderValue::from_str(&format!("app;dur={millis:.3}")) {
        response.headers_mut().insert("server-timing", value);
    }
    response
}
