//! A storm of requests that end in every possible way, with a client-side count of how each one ended.

use crate::service::App;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{Request, StatusCode, Uri},
    routing::get,
};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use serde::Serialize;
use slo_instrument::Service;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::time::sleep;
use tokio::{sync::oneshot, task::JoinSet};
use tokio_stream::StreamExt;

/// How a request should end; a part of its path.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Answered,
    Error,
    /// The handler panics; the client sees the connection close.
    Panic,
    /// The body fails half-way; the client sees the connection close.
    Reset,
    /// The client leaves while the handler works.
    Cancelled,
    /// The client leaves in the middle of the body.
    Left,
}

/// The share of each fate in a thousand requests. Few close their connection: each one blocks a port for a
/// minute.
const FATES: [(Fate, u32); 6] = [
    (Fate::Error, 20),
    (Fate::Panic, 2),
    (Fate::Reset, 2),
    (Fate::Cancelled, 2),
    (Fate::Left, 2),
    (Fate::Answered, 972),
];

impl Fate {
    fn draw(random: &mut SmallRng) -> Self {
        let mut number = random.random_range(0..1_000);
        for (fate, share) in FATES {
            if number < share {
                return fate;
            }
            number -= share;
        }
        Self::Answered
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Error => "error",
            Self::Panic => "panic",
            Self::Reset => "reset",
            Self::Cancelled => "cancelled",
            Self::Left => "left",
        }
    }
}

/// Requests whose handlers have begun. A service cannot count a client that leaves before that.
#[derive(Debug, Clone, Default)]
pub(crate) struct Begun {
    waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<()>>>>,
}

impl Begun {
    fn expect(&self, number: u64) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(number, sender);
        receiver
    }

    fn begin(&self, number: u64) {
        if let Some(sender) = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&number) {
            let _nobody_waits = sender.send(());
        }
    }
}

/// The routes of the storm.
pub(crate) fn routes(begun: Begun) -> Router {
    Router::new().route("/storm/{fate}/{number}", get(handle)).with_state(begun)
}

async fn handle(
    State(begun): State<Begun>,
    Path((fate, number)): Path<(String, u64)>,
) -> Result<Body, StatusCode> {
    let chunk = || Ok(Frame::data(Bytes::from_static(b"some of it\n")));
    match fate.as_str() {
        "error" => Err(StatusCode::SERVICE_UNAVAILABLE),
        #[expect(clippy::panic, reason = "that is what is to be counted")]
        "panic" => panic!("on purpose"),
        "reset" => {
            let broken = tokio_stream::iter([chunk(), Err(std::io::Error::other("on purpose"))]);
            Ok(Body::new(StreamBody::new(broken)))
        }
        "cancelled" => {
            begun.begin(number);
            std::future::pending().await
        }
        "left" => {
            let first = tokio_stream::iter([chunk()]);
            let never = tokio_stream::pending::<Result<Frame<Bytes>, std::io::Error>>();
            Ok(Body::new(StreamBody::new(first.chain(never))))
        }
        _ => Ok(Body::from("done\n")),
    }
}

/// How many requests ended in each way; an entry of `/storm.json`.
#[derive(Debug, Serialize)]
pub(crate) struct Ends {
    service: &'static str,
    ends: BTreeMap<&'static str, u64>,
}

/// Sends requests, and counts how they end.
pub(crate) struct Storm {
    services: Vec<(&'static str, u16)>,
    begun: Begun,
    client: Client<HttpConnector, Empty<Bytes>>,
    counts: Mutex<Vec<BTreeMap<&'static str, u64>>>,
    left: AtomicU64,
}

/// Requests at once.
const CONNECTIONS: usize = 64;

impl Storm {
    pub(crate) fn new(apps: &[App], port: u16, begun: Begun, requests: u64) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let services: Vec<_> = apps.iter().map(|app| app.name).zip(port + 1..).collect();
        let counts = Mutex::new(vec![BTreeMap::new(); services.len()]);
        Self { services, begun, client, counts, left: AtomicU64::new(requests) }
    }

    /// Sends all requests, and waits until each one has ended.
    pub(crate) async fn run(self: &Arc<Self>) {
        let mut senders = JoinSet::new();
        for seed in 0..CONNECTIONS {
            senders.spawn(Arc::clone(self).send_some(seed as u64));
        }
        senders.join_all().await;
    }

    /// How the requests have ended so far, by service.
    pub(crate) fn ends(&self) -> Vec<Ends> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let services = self.services.iter().zip(counts.iter());
        services.map(|((service, _), ends)| Ends { service, ends: ends.clone() }).collect()
    }

    /// Compares the counts of the services with those of the clients; true if they are equal.
    #[expect(clippy::print_stdout, reason = "this program talks to its user")]
    pub(crate) async fn compare(&self, slos: &[Service]) -> bool {
        let mut agree = true;
        for (Ends { service, ends }, slo) in self.ends().iter().zip(slos) {
            // A server takes a while to notice that a client has left.
            while slo.in_flight() > 0 {
                sleep(Duration::from_millis(10)).await;
            }
            let metrics = slo.metrics();
            let counted = |name: &str, label: &str| -> u64 {
                let lines = metrics.lines().filter(|line| line.starts_with(name) && line.contains(label));
                lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
            };
            let requests = |label: &str| counted("http_server_request_duration_seconds_count", label);
            let sent = |fates: &[&str]| -> u64 { fates.iter().filter_map(|fate| ends.get(fate)).sum() };
            for (what, server, client) in [
                (
                    "answered",
                    requests(r#"{http_request_method="GET",http_response_status_code="200""#),
                    sent(&["answered"]),
                ),
                ("failed", requests(r#"error_type="503""#), sent(&["error"])),
                ("panicked", requests(r#"error_type="panic""#), sent(&["panic"])),
                ("body failed", requests(r#"error_type="stream_error""#), sent(&["reset"])),
                (
                    "cancelled",
                    requests(r#"error_type="cancelled""#) + counted("slo_ignored_events_total", "cancelled"),
                    sent(&["cancelled", "left"]),
                ),
                ("lost", 0, sent(&["lost"])),
            ] {
                agree &= server == client;
                let verdict = if server == client { "the same" } else { "NOT the same" };
                println!("{service:<10} {what:<12} clients {client:>9}, service {server:>9}: {verdict}");
            }
        }
        agree
    }

    async fn send_some(self: Arc<Self>, seed: u64) {
        let mut random = SmallRng::seed_from_u64(seed);
        while let Ok(left) = self.left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)) {
            let service = random.random_range(0..self.services.len());
            let fate = Fate::draw(&mut random);
            let Some((_, port)) = self.services.get(service) else { continue };
            let ended = self.send(fate, *port, left).await.unwrap_or("lost");
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(ends) = counts.get_mut(service) {
                *ends.entry(ended).or_default() += 1;
            }
        }
    }

    /// How the request ended, as the client sees it; an error if it did not end as planned.
    async fn send(
        &self,
        fate: Fate,
        port: u16,
        number: u64,
    ) -> Result<&'static str, Box<dyn std::error::Error + Send + Sync>> {
        let uri: Uri = format!("http://127.0.0.1:{port}/storm/{}/{number}", fate.name()).parse()?;
        let request = Request::get(uri).body(Empty::new())?;
        let begun = matches!(fate, Fate::Cancelled).then(|| self.begun.expect(number));
        let response = self.client.request(request);
        let is_status = |wanted: StatusCode, status: StatusCode| {
            if status == wanted { Ok(()) } else { Err(format!("{status} instead of {wanted}")) }
        };
        match (fate, begun) {
            (Fate::Answered, _) => {
                let response = response.await?;
                is_status(StatusCode::OK, response.status())?;
                response.into_body().collect().await?;
            }
            (Fate::Error, _) => {
                let response = response.await?;
                is_status(StatusCode::SERVICE_UNAVAILABLE, response.status())?;
                response.into_body().collect().await?;
            }
            (Fate::Panic, _) => {
                if response.await.is_ok() {
                    return Err("an answer from a handler that panics".into());
                }
            }
            (Fate::Reset, _) => {
                // The head may come before the connection breaks, or not.
                if let Ok(response) = response.await
                    && response.into_body().collect().await.is_ok()
                {
                    return Err("a complete body instead of a broken one".into());
                }
            }
            (Fate::Cancelled, Some(begun)) => {
                tokio::select! {
                    _ = response => return Err("an answer from a handler that never answers".into()),
                    begun = begun => begun?,
                }
            }
            (Fate::Left | Fate::Cancelled, _) => {
                let mut body = response.await?.into_body();
                body.frame().await.ok_or("no body")??;
            }
        }
        Ok(fate.name())
    }
}
