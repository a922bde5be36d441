//! A replica of the checkout, and the inventory that it asks.

use crate::client::Client;
use axum::{Router, extract::State, http::StatusCode, routing::get};
use slo_instrument::Service;
use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, time::sleep};

/// How long the inventory may take.
const PATIENCE: Duration = Duration::from_millis(700);

struct Checkout {
    inventories: Vec<String>,
    hedge_after: Option<Duration>,
    client: Client,
    asked: AtomicUsize,
}

pub(crate) async fn inventory(port: u16) -> Result<(), Box<dyn Error>> {
    let stock = get(|| async {
        sleep(Duration::from_millis(2)).await;
        "in stock\n"
    });
    let app = Router::new().route("/stock", stock).route("/healthz", get(|| async { "ok\n" }));
    Ok(axum::serve(TcpListener::bind(("127.0.0.1", port)).await?, app).await?)
}

pub(crate) async fn replica(
    port: u16,
    inventories: Vec<String>,
    hedge_after: Option<Duration>,
    token: Option<String>,
) -> Result<(), Box<dyn Error>> {
    let slo = Service::builder("replica").availability("99%").install()?;
    let client = Client::new(PATIENCE);
    let checkout = Arc::new(Checkout { inventories, hedge_after, client, asked: AtomicUsize::new(0) });
    let mut app = Router::new()
        .route("/checkout", get(check_out))
        .with_state(checkout)
        .layer(slo.fault_layer())
        .layer(slo.layer())
        .merge(slo.routes());
    if let Some(token) = token {
        app = app.merge(slo.faults().routes(token)?);
    }
    Ok(axum::serve(TcpListener::bind(("127.0.0.1", port)).await?, app).await?)
}

async fn check_out(State(checkout): State<Arc<Checkout>>) -> Result<&'static str, StatusCode> {
    let number = checkout.asked.fetch_add(1, Ordering::Relaxed);
    let first = checkout.ask(number);
    let answer = match checkout.hedge_after {
        None => first.await,
        Some(wait) => {
            let second = async {
                sleep(wait).await;
                checkout.ask(number + 1).await
            };
            tokio::select! {
                Ok(answer) = first => Ok(answer),
                Ok(answer) = second => Ok(answer),
                else => Err(StatusCode::BAD_GATEWAY),
            }
        }
    };
    answer.map(|()| "checked out\n")
}

impl Checkout {
    async fn ask(&self, number: usize) -> Result<(), StatusCode> {
        let inventory = self.inventories.get(number % self.inventories.len().max(1));
        let inventory = inventory.ok_or(StatusCode::BAD_GATEWAY)?;
        self.client.get(&format!("http://{inventory}/stock")).await
    }
}
