//! The server: its doors, and its end.

use super::{
    api,
    app::App,
    auth::may,
    intake::{Intake, NotRecorded},
    pagerduty,
    refused::Refused,
    slack,
};
use crate::{
    clock::now,
    config::{Config, Secret, StoreConfig},
    respond::Engine,
    run::Enforced,
    store::{Postgres, Receipt, Sqlite, Store, StoreError},
};
use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, State},
    http::Request,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;
use slo_core::model::Service;
use slo_ops::alert::Source;
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    time::timeout,
};

/// How many deliveries are read at once, which bounds the memory they take.
const READ_AT_ONCE: usize = 32;
/// The longest request of a person.
const LONGEST_REQUEST: usize = 1 << 20;
/// How long the store may take to say that it is there.
const HEALTHY: Duration = Duration::from_secs(3);

/// Why a server does not begin.
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
    listener: TcpListener,
    engine: Engine,
    app: Arc<App>,
    enforced: Enforced,
}

impl Server {
    /// Opens the store and the port of `config`; `services` are the SLOs of its specs, and `launcher` a binary that calls
    /// [`launch`](crate::run::launch).
    ///
    /// # Errors
    /// A store, a port or a launcher that is not to be had.
    pub async fn open(config: Config, services: Vec<Service>, launcher: PathBuf) -> Result<Self, ServeError> {
        let store: Arc<dyn Store> = open_store(&config.store).await.map_err(ServeError::new)?;
        let engine = Engine::new(Arc::clone(&store), &config, services, launcher).map_err(ServeError::new)?;
        let enforced = engine.enforced().await.map_err(ServeError::new)?;
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(|error| ServeError(format!("{}: {error}", config.listen)))?;
        let app = App {
            intake: Intake::start(Arc::clone(&store), engine.clone()),
            store,
            engine: engine.clone(),
            redactor: config.redactor,
            slack_secret: config.notify.slack.and_then(|slack| slack.signing_secret),
            pagerduty_secret: config.notify.pagerduty.and_then(|pagerduty| pagerduty.signing_secret),
            senders: config.intake,
            access: config.access,
            reading: Semaphore::new(READ_AT_ONCE),
        };
        Ok(Self { listener, engine, app: Arc::new(app), enforced })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// A port that is gone.
    pub fn address(&self) -> Result<SocketAddr, ServeError> {
        self.listener.local_addr().map_err(ServeError::new)
    }

    /// How far the kernel keeps programs to the files that they may write.
    #[must_use]
    pub const fn enforced(&self) -> Enforced {
        self.enforced
    }

    /// Serves and works until `stop` is true; then what runs may come to its end.
    ///
    /// # Errors
    /// A port that is gone.
    pub async fn run(self, stop: watch::Receiver<bool>) -> Result<(), ServeError> {
        let engine = tokio::spawn({
            let (engine, stop) = (self.engine.clone(), stop.clone());
            async move { engine.run(stop).await }
        });
        let mut stopped = stop;
        let served = axum::serve(self.listener, router(self.app))
            .with_graceful_shutdown(async move {
                let _gone = stopped.wait_for(|stop| *stop).await;
            })
            .await;
        engine.await.map_err(ServeError::new)?;
        served.map_err(ServeError::new)
    }
}

/// Opens the store that a configuration names.
///
/// # Errors
/// A store that is not to be had.
pub async fn open_store(config: &StoreConfig) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match config {
        StoreConfig::Sqlite(path) => Arc::new(Sqlite::open(path)?),
        StoreConfig::Postgres { url, password } => {
            Arc::new(Postgres::open(url, password.as_ref().map(Secret::expose)).await?)
        }
    })
}

fn router(app: Arc<App>) -> Router {
    let people = Router::new()
        .route("/api/v1/incidents", get(api::list))
        .route("/api/v1/incidents/{incident}", get(api::show).post(api::act))
        .route("/slack/actions", post(slack::pressed))
        .route("/alerts/pagerduty", post(pagerduty::told))
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::max(LONGEST_REQUEST));
    Router::new()
        .route("/alerts/alertmanager", post(|app, request| receive(app, Source::Alertmanager, request)))
        .route("/alerts/grafana", post(|app, request| receive(app, Source::Grafana, request)))
        .layer(DefaultBodyLimit::disable())
        .layer(app.engine.own().layer())
        .merge(people)
        .with_state(app)
}

/// Takes a delivery in: reads it, writes it down, and answers only then.
async fn receive(State(app): State<Arc<App>>, source: Source, request: Request<Body>) -> Response {
    let answer = async {
        if !may(request.headers(), app.senders.as_ref()) {
            return Err(Refused::unauthorized("the credentials of `intake` are missing".to_owned()));
        }
        let delivery = app.read(source, request.into_body()).await?;
        match app.intake.record(delivery).await {
            Ok(receipt) => Ok(receipt),
            Err(NotRecorded::Busy) => {
                Err(Refused::unavailable("more deliveries come than can be written".to_owned()))
            }
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
