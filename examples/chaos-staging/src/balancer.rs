//! A load balancer: it counts what customers see.

use crate::client::Client;
use axum::{Router, extract::State, http::StatusCode, routing::get};
use slo_instrument::Service;
use std::{
    error::Error,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

const SPEC: &str = include_str!("../slo.yaml");
/// After so many failures in a row, a replica is left out.
const FAILURES: u32 = 3;
/// For how long.
const LEFT_OUT: Duration = Duration::from_secs(2);

struct Balancer {
    replicas: Vec<Replica>,
    client: Client,
    retries: usize,
    ejects: bool,
    next: AtomicUsize,
}

struct Replica {
    url: String,
    health: Mutex<Health>,
}

#[derive(Default)]
struct Health {
    failures: u32,
    left_out_until: Option<Instant>,
}

pub(crate) async fn balancer(
    port: u16,
    replicas: &[String],
    timeout: Duration,
    retries: usize,
    ejects: bool,
) -> Result<(), Box<dyn Error>> {
    let slo = Service::from_spec(SPEC)?.install()?;
    let replicas = replicas
        .iter()
        .map(|address| Replica { url: format!("http://{address}/checkout"), health: Mutex::default() });
    let balancer = Arc::new(Balancer {
        replicas: replicas.collect(),
        client: Client::new(timeout),
        retries,
        ejects,
        next: AtomicUsize::new(0),
    });
    let app = Router::new()
        .route("/checkout", get(pass_on))
        .with_state(balancer)
        .layer(slo.layer())
        .merge(slo.routes());
    Ok(axum::serve(TcpListener::bind(("127.0.0.1", port)).await?, app).await?)
}

async fn pass_on(State(balancer): State<Arc<Balancer>>) -> Result<&'static str, StatusCode> {
    let mut failure = StatusCode::SERVICE_UNAVAILABLE;
    for _ in 0..=balancer.retries {
        let Some(replica) = balancer.choose() else { break };
        match balancer.client.get(&replica.url).await {
            Ok(()) => {
                replica.worked();
                return Ok("checked out\n");
            }
            Err(status) => failure = status,
        }
        replica.failed();
    }
    Err(failure)
}

impl Balancer {
    /// The next replica that is not left out; any of them if all are.
    fn choose(&self) -> Option<&Replica> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.replicas.len();
        let in_turn = (0..count).filter_map(|step| self.replicas.get((number + step) % count.max(1)));
        let mut good = in_turn.clone().filter(|replica| !self.ejects || !replica.is_left_out());
        good.next().or_else(|| in_turn.clone().next())
    }
}

impl Replica {
    fn is_left_out(&self) -> bool {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.left_out_until.is_some_and(|until| Instant::now() < until)
    }

    fn worked(&self) {
        *self.health.lock().unwrap_or_else(PoisonError::into_inner) = Health::default();
    }

    fn failed(&self) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.failures += 1;
        if health.failures >= FAILURES {
            health.left_out_until = Some(Instant::now() + LEFT_OUT);
        }
    }
}
