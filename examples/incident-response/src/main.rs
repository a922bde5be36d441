//! A shop that breaks in four ways: leaked connections, a full disk, a bad release, a low CPU limit.
//!
//!     shop serve --port 8081 --spool /tmp/spool          # takes orders
//!     shop serve --port 8082 --spool /tmp/spool --broken # a version that fails
//!     shop buy --from 127.0.0.1:8081 --rate 60           # sends orders

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use clap::{Parser, Subcommand};
use http_body_util::Empty;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};
use slo_instrument::Service;
use std::{
    error::Error,
    hint::black_box,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    fs::OpenOptions,
    io::AsyncWriteExt,
    net::TcpListener,
    sync::Semaphore,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

const SPEC: &str = include_str!("../slo.yaml");
/// Connections of the pool.
const POOL: usize = 10;
/// How long an order waits for one.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long an order may take; a low CPU limit makes orders take longer.
const LATEST: Duration = Duration::from_millis(150);

#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Take orders
    Serve {
        #[arg(long)]
        port: u16,
        /// The folder to which orders are written
        #[arg(long)]
        spool: PathBuf,
        /// Fail two of five orders, like a bad release
        #[arg(long)]
        broken: bool,
    },
    /// Send orders to shops, in turn
    Buy {
        /// `host:port`; may be given several times
        #[arg(long, required = true)]
        from: Vec<String>,
        /// Orders a second
        #[arg(long, default_value_t = 60)]
        rate: u32,
    },
}

/// State that all orders share.
struct Shop {
    pool: Semaphore,
    spool: PathBuf,
    broken: AtomicBool,
    /// Whether it refuses four of five orders, to have time for the others.
    sheds: AtomicBool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse().verb).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "a program of its own")]
            {
                eprintln!("{error}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(verb: Verb) -> Result<(), Box<dyn Error>> {
    match verb {
        Verb::Serve { port, spool, broken } => serve(port, spool, broken).await,
        Verb::Buy { from, rate } => buy(&from, rate).await,
    }
}

async fn serve(port: u16, spool: PathBuf, broken: bool) -> Result<(), Box<dyn Error>> {
    let slo = Service::from_spec(SPEC)?.install()?;
    let shop =
        Arc::new(Shop { pool: Semaphore::new(POOL), spool, broken: broken.into(), sheds: false.into() });
    let app = Router::new()
        .route("/order", post(order))
        .layer(slo.layer())
        .route("/pool", get(pool))
        .route("/leak", post(leak))
        .route("/recycle", post(recycle))
        .route("/shed", post(async |shop| switch(shop, true)))
        .route("/unshed", post(async |shop| switch(shop, false)))
        .route("/flush", post(async || "flushed\n"))
        .route("/unflush", post(async || "there is nothing to undo\n"))
        .route("/mend", post(mend))
        .with_state(shop)
        .merge(slo.routes());
    Ok(axum::serve(TcpListener::bind(("127.0.0.1", port)).await?, app).await?)
}

/// Takes an order: a connection of the pool, some work, a line on the disk.
async fn order(State(shop): State<Arc<Shop>>) -> Result<&'static str, StatusCode> {
    if shop.sheds.load(Ordering::Relaxed) && fastrand::u8(0..5) < 4 {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let work = async {
        let connection = timeout(PATIENCE, shop.pool.acquire()).await;
        let _connection = connection.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        sleep(Duration::from_millis(5)).await;
        black_box((0..4_000_000_u64).fold(0, |sum, number| black_box(sum ^ number)));
        if shop.broken.load(Ordering::Relaxed) && fastrand::u8(0..5) < 2 {
            return Err(StatusCode::INTERNAL_SERVER_ERROR);
        }
        write(&shop.spool.join("orders.log")).await.map_err(|_| StatusCode::INSUFFICIENT_STORAGE)?;
        Ok("ordered\n")
    };
    timeout(LATEST, work).await.map_err(|_| StatusCode::GATEWAY_TIMEOUT)?
}

async fn write(path: &PathBuf) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path).await?;
    file.write_all(b"an order of one book, to be delivered\n").await?;
    file.flush().await
}

/// The size and the use of the pool.
async fn pool(State(shop): State<Arc<Shop>>) -> Json<Value> {
    let free = shop.pool.available_permits();
    Json(json!({"size": POOL, "in_use": POOL - free.min(POOL)}))
}

/// Leaks connections, like a bug in a handler.
async fn leak(State(shop): State<Arc<Shop>>) -> &'static str {
    if let Ok(all) = shop.pool.acquire_many(10).await {
        all.forget();
    }
    "leaked\n"
}

/// Resets the pool.
async fn recycle(State(shop): State<Arc<Shop>>) -> &'static str {
    shop.pool.add_permits(POOL.saturating_sub(shop.pool.available_permits()));
    "recycled\n"
}

/// Begins or ends to refuse most orders: the wrong remediation for a bad release.
fn switch(State(shop): State<Arc<Shop>>, sheds: bool) -> &'static str {
    shop.sheds.store(sheds, Ordering::Relaxed);
    if sheds { "sheds load\n" } else { "takes all orders\n" }
}

/// Switches off what is new in a bad release.
async fn mend(State(shop): State<Arc<Shop>>) -> &'static str {
    shop.broken.store(false, Ordering::Relaxed);
    "mended\n"
}

async fn buy(from: &[String], rate: u32) -> Result<(), Box<dyn Error>> {
    let client: Client<HttpConnector, Empty<axum::body::Bytes>> =
        Client::builder(TokioExecutor::new()).build_http();
    let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for shop in from.iter().cycle() {
        ticks.tick().await;
        let request = axum::http::Request::post(format!("http://{shop}/order")).body(Empty::new())?;
        let (client, patience) = (client.clone(), Duration::from_secs(2));
        // The result is not needed: the shop counts it.
        tokio::spawn(async move { drop(timeout(patience, client.request(request)).await) });
    }
    Ok(())
}
