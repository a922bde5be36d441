//! A load generator with the traffic of a day, which counts its requests and responses.

use crate::service::App;
use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Empty};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use serde::Serialize;
use slo_instrument::Service;
use std::{
    f64::consts::TAU,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Sends requests to all services, open-loop: a slow service gets no less traffic.
pub(crate) struct Load {
    targets: Vec<Arc<Target>>,
    running: AtomicBool,
    start: Instant,
    time_scale: f64,
}

struct Target {
    name: &'static str,
    method: Method,
    uri: Uri,
    rate: f64,
    threshold: Duration,
    counts: Counts,
    client: Client<HttpConnector, Empty<Bytes>>,
}

#[derive(Debug, Default)]
struct Counts {
    sent: AtomicU64,
    answered: AtomicU64,
    errors: AtomicU64,
    slow: AtomicU64,
    slow_by_stopwatch: AtomicU64,
    lost: AtomicU64,
}

/// What the generator counted of one service; an entry of `/load.json`.
#[derive(Debug, Serialize)]
pub(crate) struct Count {
    service: &'static str,
    /// Requests sent.
    sent: u64,
    /// Responses received.
    answered: u64,
    /// Responses with a 5xx status.
    errors: u64,
    /// Other responses that took longer than the latency SLO allows, by their `Server-Timing`.
    slow: u64,
    /// The same by the client's own clock, connection and scheduling included.
    slow_by_stopwatch: u64,
    /// Requests that got no response.
    lost: u64,
}

/// The time of day at which the program starts.
const MORNING: Duration = Duration::from_secs(28_800);
const DAY: Duration = Duration::from_secs(86_400);

impl Load {
    pub(crate) fn new(apps: &[App], port: u16, time_scale: u32, start: Instant, running: bool) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let targets = (port + 1..).zip(apps).map(|(port, app)| {
            Arc::new(Target {
                name: app.name,
                method: app.profile.method.clone(),
                uri: Uri::builder()
                    .scheme("http")
                    .authority(format!("127.0.0.1:{port}"))
                    .path_and_query(app.profile.path)
                    .build()
                    .unwrap_or_default(),
                rate: app.profile.rate,
                threshold: app.threshold,
                counts: Counts::default(),
                client: client.clone(),
            })
        });
        let (targets, running) = (targets.collect(), AtomicBool::new(running));
        Self { targets, running, start, time_scale: time_scale.into() }
    }

    /// Sends until it is dropped.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut streams = tokio::task::JoinSet::new();
        for (seed, target) in (1..).zip(&self.targets) {
            streams.spawn(Arc::clone(&self).stream(Arc::clone(target), SmallRng::seed_from_u64(seed)));
        }
        streams.join_all().await;
    }

    /// Requests arrive independently of each other, more by day than by night.
    async fn stream(self: Arc<Self>, target: Arc<Target>, mut random: SmallRng) {
        let mut next = Instant::now();
        loop {
            let pause = -(1.0 - random.random::<f64>()).ln() / (target.rate * self.time_of_day());
            next += Duration::from_secs_f64(pause);
            tokio::time::sleep_until(next).await;
            if self.running.load(SeqCst) {
                target.counts.sent.fetch_add(1, SeqCst);
                tokio::spawn(Arc::clone(&target).request());
            }
        }
    }

    /// Traffic relative to the mean: least at two at night, most at two in the afternoon.
    fn time_of_day(&self) -> f64 {
        let hours = (MORNING.as_secs_f64() + self.start.elapsed().as_secs_f64() * self.time_scale) / 3_600.0;
        1.0 - 0.6 * (TAU * (hours - 2.0) * 3_600.0 / DAY.as_secs_f64()).cos()
    }

    pub(crate) fn begin(&self) {
        self.running.store(true, SeqCst);
    }

    pub(crate) fn stop(&self) {
        self.running.store(false, SeqCst);
    }

    /// Waits until every request has been answered or given up.
    pub(crate) async fn drain(&self) {
        while self.in_flight() > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn in_flight(&self) -> u64 {
        let open = |count: Count| count.sent - count.answered - count.lost;
        self.counts().into_iter().map(open).sum()
    }

    pub(crate) fn counts(&self) -> Vec<Count> {
        self.targets.iter().map(|target| target.count()).collect()
    }

    /// Compares the counts of the services with those of the generator; true if they are equal.
    #[expect(clippy::print_stdout, reason = "this program talks to its user")]
    pub(crate) fn compare(&self, slos: &[Service]) -> bool {
        let mut agree = true;
        for (count, slo) in self.counts().iter().zip(slos) {
            for status in slo.statuses().iter() {
                let (total, bad) = match status.slo.as_str() {
                    "availability" => (count.answered, count.errors),
                    _ => (count.answered - count.errors, count.slow),
                };
                let same = (status.total, status.bad) == (total, bad);
                agree &= same;
                println!(
                    "{:<22} {:>7} events, {:>5} bad; the load generator counted {}",
                    format!("{}/{}", status.service, status.slo),
                    status.total,
                    status.bad,
                    if same { "the same".to_owned() } else { format!("{total} and {bad}") },
                );
            }
        }
        agree
    }
}

impl Target {
    async fn request(self: Arc<Self>) {
        let start = Instant::now();
        let counts = &self.counts;
        match self.send().await {
            Ok((status, served)) => {
                if status.is_server_error() {
                    counts.errors.fetch_add(1, SeqCst);
                } else {
                    counts.slow.fetch_add(u64::from(served > self.threshold), SeqCst);
                    counts.slow_by_stopwatch.fetch_add(u64::from(start.elapsed() > self.threshold), SeqCst);
                }
                // Last, so that a request that is no longer in flight has been counted.
                counts.answered.fetch_add(1, SeqCst);
            }
            Err(_) => {
                counts.lost.fetch_add(1, SeqCst);
            }
        }
    }

    /// The status, and how long the service says it took.
    async fn send(&self) -> Result<(http::StatusCode, Duration), Box<dyn std::error::Error + Send + Sync>> {
        let request =
            Request::builder().method(self.method.clone()).uri(self.uri.clone()).body(Empty::new())?;
        let response = self.client.request(request).await?;
        let (status, served) = (response.status(), served_in(&response).ok_or("no Server-Timing")?);
        response.into_body().collect().await?;
        Ok((status, served))
    }

    fn count(&self) -> Count {
        let Counts { sent, answered, errors, slow, slow_by_stopwatch, lost } = &self.counts;
        // Answers before what was sent: an answer that comes in between must not exceed it.
        let (answered, lost) = (answered.load(SeqCst), lost.load(SeqCst));
        Count {
            service: self.name,
            errors: errors.load(SeqCst),
            slow: slow.load(SeqCst),
            slow_by_stopwatch: slow_by_stopwatch.load(SeqCst),
            answered,
            lost,
            sent: sent.load(SeqCst),
        }
    }
}

fn served_in<B>(response: &Response<B>) -> Option<Duration> {
    let timing = response.headers().get("server-timing")?.to_str().ok()?;
    let millis: f64 = timing.strip_prefix("app;dur=")?.parse().ok()?;
    Duration::try_from_secs_f64(millis / 1_000.0).ok()
}
