//! The three services.

use crate::{
    SPEC,
    storm::{self, Begun},
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
use slo_core::model::{self, Sli};
use slo_instrument::{Budget, Service};
use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
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
    /// One request in so many fails.
    fails_every: u64,
    /// One request in so many is too slow.
    slow_every: u64,
    /// Typical duration.
    typical: Duration,
}

/// One service: its SLOs, its router, its traffic.
pub(crate) struct App {
    pub(crate) name: &'static str,
    pub(crate) profile: Arc<Profile>,
    pub(crate) slo: Service,
    /// The longest duration that its latency SLO allows.
    pub(crate) threshold: Duration,
    pub(crate) router: Router,
}

fn profile(name: &str) -> Profile {
    let (method, path, rate, fails_every, slow_every, typical) = match name {
        "checkout" => (Method::POST, "/checkout", 40.0, 2_500, 400, 45),
        "search" => (Method::GET, "/search", 120.0, 1_000, 100, 20),
        _ => (Method::POST, "/login", 25.0, 10_000, 500, 60),
    };
    Profile { method, path, rate, fails_every, slow_every, typical: Duration::from_millis(typical) }
}

/// All services, instrumented from the spec.
pub(crate) fn all(time_scale: u32, begun: &Begun) -> Result<Vec<App>, Box<dyn Error>> {
    let services = slo_core::spec::parse(SPEC)?;
    NAMES
        .iter()
        .map(|name| {
            let service = services
                .iter()
                .find(|service| service.name().as_str() == *name)
                .ok_or_else(|| format!("slo.yaml has no service `{name}`"))?;
            app(name, service, time_scale, begun.clone())
        })
        .collect()
}

fn app(
    name: &'static str,
    service: &model::Service,
    time_scale: u32,
    begun: Begun,
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
    let slo = Service::from_model(service.clone())
        .route(&profile.method, profile.path)
        .exemplars()
        .native_histograms()
        .time_scale(time_scale)
        .install()?;
    let budget = slo.budget("availability")?;
    let handler = Handler { profile: Arc::clone(&profile), threshold, budget, requests: Arc::default() };
    let filter = MethodFilter::try_from(profile.method.clone())?;
    let router = Router::new()
        .route(profile.path, on(filter, handle))
        .with_state(handler)
        .layer(slo.fault_layer())
        .merge(storm::routes(begun))
        .merge(slo.routes())
        .layer(slo.layer())
        .layer(middleware::from_fn(report_duration));
    Ok(App { name, profile, slo, threshold, router })
}

#[derive(Clone)]
struct Handler {
    profile: Arc<Profile>,
    threshold: Duration,
    budget: Budget,
    requests: Arc<AtomicU64>,
}

async fn handle(State(handler): State<Handler>) -> Result<&'static str, StatusCode> {
    let Handler { profile, threshold, budget, requests } = handler;
    // Failures are evenly spread, not random: a demonstration of seconds is too short for random ones.
    let number = requests.fetch_add(1, Ordering::Relaxed) + 1;
    let spread: f64 = rand::rng().random();
    let time = if number.is_multiple_of(profile.slow_every) {
        threshold.mul_f64(1.5 + spread / 2.0)
    } else {
        // Half the typical duration and a tail, but well within the threshold.
        profile.typical.mul_f64(0.5 - 0.5 * (1.0 - spread).ln()).min(threshold.mul_f64(0.6))
    };
    // While the budget is burning, the recommendations are left out, which are half of the work.
    let is_shedding = budget.is_burning();
    let time = if is_shedding { time / 2 } else { time };
    tokio::time::sleep(time).await;
    let fails = number.is_multiple_of(profile.fails_every);
    match (fails, is_shedding) {
        (true, _) => Err(StatusCode::INTERNAL_SERVER_ERROR),
        (false, true) => Ok("done\n"),
        (false, false) => Ok("done, and others bought this\n"),
    }
}

/// Sends the duration of the service in `Server-Timing`, so that a client can separate it from the network.
async fn report_duration(request: Request, next: Next) -> Response {
    let start = Instant::now();
    let mut response = next.run(request).await;
    let millis = start.elapsed().as_secs_f64() * 1_000.0;
    if let Ok(value) = HeaderValue::from_str(&format!("app;dur={millis:.3}")) {
        response.headers_mut().insert("server-timing", value);
    }
    response
}
