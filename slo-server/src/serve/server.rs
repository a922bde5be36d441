//! The server: its routes, and its shutdown.

use super::{
    api,
    app::{App, ROOM},
    auth::check,
    etag::etag,
    intake::{Intake, NotRecorded},
    pagerduty, pages,
    refused::Refused,
    site::Site,
    slack,
};
use crate::{
    clock::now,
    config::{Config, Secret, StoreConfig, TlsConfig},
    respond::Engine,
    run::Enforced,
    store::{Postgres, Receipt, Sqlite, Store, StoreError},
};
use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, State},
    http::Request,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use axum_server::{Handle, tls_rustls::RustlsConfig};
use serde_json::json;
use slo_core::model::Service;
use slo_ops::alert::Source;
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};
use tower_http::{CompressionLevel, compression::CompressionLayer};

/// The longest request of a person, in bytes.
const LONGEST_REQUEST: usize = 1 << 20;
/// How long a connection may take to send a request.
const SLOWEST: Duration = Duration::from_secs(30);
/// How long requests may continue once the server is told to stop.
const TO_END: Duration = Duration::from_secs(10);
/// How often the certificate is read again.
const RENEW_EVERY: Duration = Duration::from_secs(60);
/// How long the store may take to answer a health check.
const HEALTHY: Duration = Duration::from_secs(3);

/// Why a server cannot start or run.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ServeError(String);

impl ServeError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: std::net::TcpListener,
    tls: Option<(TlsConfig, RustlsConfig)>,
    site: Arc<Site>,
    /// How far the kernel enforces which files programs may write to, if programs may run.
    enforced: Option<Enforced>,
}

impl Server {
    /// Opens the store and the port of `config`.
    ///
    /// `services` are the SLOs of its specs, and `launcher` is a binary that calls
    /// [`launch`](crate::run::launch).
    ///
    /// # Errors
    /// A store, a port or a launcher that cannot be used.
    pub async fn open(config: Config, services: Vec<Service>, launcher: PathBuf) -> Result<Self, ServeError> {
        let (mut record, mut enforced) = (None, None);
        if let Some(store) = &config.store {
            let store: Arc<dyn Store> = open_store(store).await.map_err(ServeError::new)?;
            let engine = Engine::new(Arc::clone(&store), &config, services.clone(), launcher)
                .map_err(ServeError::new)?;
            enforced = Some(engine.enforced().await.map_err(ServeError::new)?);
            record = Some(Arc::new(App {
                intake: Intake::start(Arc::clone(&store), engine.clone()),
                store,
                engine,
                redactor: config.redactor.clone(),
                slack_secret: config.notify.slack.as_ref().and_then(|slack| slack.signing_secret.clone()),
                pagerduty_secret: config.notify.pagerduty.as_ref().and_then(|one| one.signing_secret.clone()),
                senders: config.intake.clone(),
                room: Arc::new(Semaphore::new(ROOM)),
            }));
        }
        let site = Arc::new(Site::new(&config, services, record).map_err(ServeError::new)?);
        let refused = |error| ServeError(format!("{}: {error}", config.listen));
        let listener = TcpListener::bind(config.listen).await.map_err(refused)?;
        let listener = listener.into_std().map_err(refused)?;
        let tls = config.tls.map(|tls| {
            let read = tls.read().map_err(ServeError::new)?;
            Ok((tls, RustlsConfig::from_config(Arc::new(read))))
        });
        Ok(Self { listener, tls: tls.transpose()?, site, enforced })
    }

    /// The URL that it listens on, such as `http://127.0.0.1:9099`.
    ///
    /// # Errors
    /// A port that cannot be used.
    pub fn url(&self) -> Result<String, ServeError> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let address = self.listener.local_addr().map_err(ServeError::new)?;
        Ok(format!("{scheme}://{address}{}", self.site.base))
    }

    /// How far the kernel enforces which files programs may write to; `None` if the server runs no programs.
    #[must_use]
    pub const fn enforced(&self) -> Option<Enforced> {
        self.enforced
    }

    /// Serves requests and works on incidents until `stop` is true.
    ///
    /// Running requests and steps may then end, within a time limit.
    ///
    /// # Errors
    /// A port that cannot be used.
    pub async fn run(self, stop: watch::Receiver<bool>) -> Result<(), ServeError> {
        let engine = tokio::spawn({
            let (record, stop) = (self.site.record.clone(), stop.clone());
            async move {
                if let Some(app) = record {
                    app.engine.run(stop).await;
                }
            }
        });
        if let Some(observer) = self.site.observer.clone() {
            tokio::spawn(observer.run(stop.clone()));
        }
        let handle = Handle::new();
        let (mut stopped, told) = (stop, handle.clone());
        tokio::spawn(async move {
            let _gone = stopped.wait_for(|stop| *stop).await;
            told.graceful_shutdown(Some(TO_END));
        });
        let service = router(&self.site).into_make_service_with_connect_info::<SocketAddr>();
        let served = if let Some((config, tls)) = self.tls {
            let renewing = tokio::spawn(renew(config, tls.clone()));
            let mut server = axum_server::from_tcp_rustls(self.listener, tls).map_err(ServeError::new)?;
            server.http_builder().http1().header_read_timeout(SLOWEST);
            let served = server.handle(handle).first_request_timeout(SLOWEST).serve(service).await;
            renewing.abort();
            served
        } else {
            let mut server = axum_server::from_tcp(self.listener).map_err(ServeError::new)?;
            server.http_builder().http1().header_read_timeout(SLOWEST);
            server.handle(handle).first_request_timeout(SLOWEST).serve(service).await
        };
        engine.await.map_err(ServeError::new)?;
        served.map_err(ServeError::new)
    }
}

/// Reads the certificate again and again, to pick up a renewed one. If it cannot be read, the old one stays.
async fn renew(config: TlsConfig, tls: RustlsConfig) {
    loop {
        sleep(RENEW_EVERY).await;
        if let Ok(read) = config.read() {
            tls.reload_from_config(Arc::new(read));
        }
    }
}

/// Opens the store that a configuration names.
///
/// # Errors
/// A store that cannot be opened.
pub async fn open_store(config: &StoreConfig) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match config {
        StoreConfig::Sqlite(path) => Arc::new(Sqlite::open(path)?),
        StoreConfig::Postgres { url, password } => {
            Arc::new(Postgres::open(url, password.as_ref().map(Secret::expose)).await?)
        }
    })
}

fn router(site: &Arc<Site>) -> Router {
    let looking = Router::new()
        .route("/", get(pages::overview))
        .route("/slos/{service}/{slo}", get(pages::slo))
        .route("/incidents", get(pages::incidents))
        .route("/incidents/{incident}", get(pages::incident).post(pages::act))
        .route("/reports", get(pages::reports))
        .route("/reports/{name}", get(pages::report))
        .route("/api/v1/openapi.json", get(api::document))
        .route("/api/v1/slos", get(api::overview))
        .route("/api/v1/slos/{service}/{slo}", get(api::slo))
        .route("/api/v1/reports/{name}", get(api::report))
        .layer(middleware::from_fn(etag))
        .route("/api/v1/gates/{name}", post(api::gates::gate))
        .route("/api/v1/gates/{name}/confirm", post(api::gates::confirm))
        .route("/api/v1/gates/{name}/rollback", post(api::gates::rollback))
        .route("/events", get(pages::events))
        .route("/assets/{name}", get(pages::asset))
        .fallback(pages::missing)
        .with_state(Arc::clone(site));
    let mut people = looking;
    if let Some(app) = &site.record {
        let incidents = Router::new()
            .route("/api/v1/incidents", get(api::incidents::list))
            .route("/api/v1/incidents/{incident}", get(api::incidents::show).post(api::incidents::act))
            .layer(middleware::from_fn(etag))
            .route("/api/v1/deployments", get(api::deployments::list).post(api::deployments::record))
            .route("/slack/actions", post(slack::pressed))
            .route("/alerts/pagerduty", post(pagerduty::told))
            .route("/healthz", get(health))
            .route("/metrics", get(metrics))
            .with_state(Arc::clone(app));
        people = people.merge(incidents);
    } else {
        people = people.route("/healthz", get(|| async { "ok\n" }));
    }
    let mut all = limited(people);
    if let Some(app) = &site.record {
        let intake = Router::new()
            .route("/alerts/alertmanager", post(|app, request| receive(app, Source::Alertmanager, request)))
            .route("/alerts/grafana", post(|app, request| receive(app, Source::Grafana, request)))
            .route("/alerts/dynatrace", post(|app, request| receive(app, Source::Dynatrace, request)))
            .layer(DefaultBodyLimit::disable())
            .layer(app.engine.own().layer())
            .with_state(Arc::clone(app));
        all = all.merge(intake);
    }
    let all = all.layer(Extension(Arc::clone(&site.doors)));
    if site.base.is_empty() {
        return all;
    }
    // Nesting serves the path without a slash; the page with one is the same.
    let home = Router::new().route(&format!("{}/", site.base), get(pages::overview));
    let home = home.layer(middleware::from_fn(etag)).with_state(Arc::clone(site));
    let home = limited(home).layer(Extension(Arc::clone(&site.doors)));
    Router::new().nest(&site.base, all).merge(home)
}

/// The limits of what people ask for.
fn limited(routes: Router) -> Router {
    routes
        .layer(DefaultBodyLimit::max(LONGEST_REQUEST))
        .layer(middleware::from_fn(in_time))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
}

/// Limits the time of a request of a person.
async fn in_time(request: Request<Body>, next: Next) -> Response {
    match timeout(SLOWEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refused::late().into_response(),
    }
}

/// Receives a delivery: reads it, records it, and answers only then.
async fn receive(State(app): State<Arc<App>>, source: Source, request: Request<Body>) -> Response {
    let answer = async {
        check(request.headers(), app.senders.as_ref(), "`intake`")?;
        let (parts, body) = request.into_parts();
        let (delivery, room) = app.read(source, &parts.headers, body).await?;
        match app.intake.record(delivery, room).await {
            Ok(receipt) => Ok(receipt),
            Err(NotRecorded::Busy) => Err(Refused::unavailable("too many deliveries at once".to_owned())),
            Err(NotRecorded::Store(error)) => Err(error.into()),
        }
    };
    match answer.await {
        Ok(receipt) => {
            let status = if receipt == Receipt::New { "recorded" } else { "repeated" };
            Json(json!({"status": status})).into_response()
        }
        Err(refused) => refused.into_response(),
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Result<String, Refused> {
    Ok(app.engine.own().metrics(app.store.waiting(now()).await?, now()))
}

async fn health(State(app): State<Arc<App>>) -> Result<&'static str, Refused> {
    match timeout(HEALTHY, app.store.waiting(now())).await {
        Ok(Ok(_)) => Ok("ok\n"),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(Refused::unavailable("the store does not answer".to_owned())),
    }
}
