//! The async client: the runtime receives a body, and a blocking thread parses it.

use crate::{
    address::Address,
    answer::Points,
    error::{Error, Kind},
    server::{Server, is_form},
    settings::Settings,
    sinks::{Placed, Samples, add},
    steps::{Steps, range_parameters},
    values::{Answer, Labels, Sample},
};
use bytes::{Buf, Bytes};
use reqwest::{Response, redirect};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;
use serde::de::DeserializeOwned;
use std::{fmt, io, sync::Arc};
use tokio::{sync::mpsc, task::spawn_blocking};

/// A client of one server, for programs that run on tokio.
///
/// Cloning is cheap. `Debug` and messages show neither the password nor the value of a header. Dropping a
/// future cancels its request.
///
/// ```no_run
/// # async fn asked() -> Result<(), slo_prometheus::Error> {
/// use slo_prometheus::{AsyncClient, Settings};
///
/// let client = AsyncClient::new("http://127.0.0.1:9090", Settings::default())?;
/// println!("{:?}", client.query("up").await?.result);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AsyncClient {
    server: Arc<Server>,
    client: reqwest::Client,
}

/// Parts of a body that wait to be read.
const PARTS: usize = 8;
/// The number of points in a batch.
const BATCH: usize = 4_096;

impl AsyncClient {
    /// A client of the server at `address`. Nothing is sent yet.
    ///
    /// # Errors
    /// The address, a header or a certificate is not valid.
    pub fn new(address: &str, settings: Settings) -> Result<Self, Error> {
        let client = reqwest::Client::builder()
            .timeout(settings.timeout)
            // The headers are not for the target of a redirect.
            .redirect(redirect::Policy::none())
            .tls_backend_preconfigured(trusting(settings.roots.as_deref())?)
            .build()
            .map_err(|error| Error::new(Kind::Settings, chain(&error)))?;
        Ok(Self { server: Arc::new(Server::new(address, settings)?), client })
    }

    /// Its address, without a password.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.server.address
    }

    /// The JSON at `path` of the server.
    ///
    /// # Errors
    /// The server does not answer, returns an error, or the answer is too long or does not fit `T`.
    pub async fn get<T: DeserializeOwned + Send + 'static>(&self, path: &str) -> Result<T, Error> {
        let mut response = self.ask(path, &[]).await?;
        let (status, server, place) = (response.status(), Arc::clone(&self.server), path.to_owned());
        let (parts, body) = mpsc::channel(PARTS);
        let reader = spawn_blocking(move || server.json(&place, status, Body::of(body)));
        feed(&mut response, parts).await;
        self.joined(path, reader.await)
    }

    /// The current values of `query`.
    ///
    /// # Errors
    /// The server does not answer, returns an error, or the answer exceeds a limit.
    pub async fn query(&self, query: &str) -> Result<Answer<Vec<Sample>>, Error> {
        let mut samples = Samples::default();
        let warnings = self.read("/api/v1/query", &[("query", query)], &mut samples).await?;
        Ok(Answer { result: samples.found, warnings })
    }

    /// Calls `point` for every point of `query` at `steps`, and returns the warnings of the server.
    ///
    /// `point` gets the labels, the number of the step and the value. The points of a series come in order of
    /// time. Many steps are queried in pieces: each piece has the points of all series.
    ///
    /// # Errors
    /// The server does not answer, returns an error, or an answer exceeds a limit.
    pub async fn range(
        &self,
        query: &str,
        steps: Steps,
        mut point: impl FnMut(&Labels, usize, f64) + Send,
    ) -> Result<Vec<String>, Error> {
        let mut warnings = Vec::new();
        for piece in steps.pieces() {
            let times = piece.parameters();
            let mut placed = Placed::new(piece, &mut point);
            let parameters = range_parameters(query, &times);
            add(&mut warnings, self.read("/api/v1/query_range", &parameters, &mut placed).await?);
        }
        Ok(warnings)
    }

    async fn read(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
        points: &mut (impl Points + Send),
    ) -> Result<Vec<String>, Error> {
        let mut response = self.ask(path, parameters).await?;
        let (status, server, place) = (response.status(), Arc::clone(&self.server), path.to_owned());
        let (parts, body) = mpsc::channel(PARTS);
        let (batches, mut found) = mpsc::channel(PARTS);
        let reader = spawn_blocking(move || {
            let mut batching = Batching { batch: Vec::with_capacity(BATCH), batches };
            let told = server.read(&place, status, Body::of(body), &mut batching);
            batching.hand_on();
            told
        });
        let take = async {
            while let Some(batch) = found.recv().await {
                for one in batch {
                    match one {
                        One::Series(labels) => points.series(labels),
                        One::Point(time, value) => points.point(time, value),
                    }
                }
            }
        };
        tokio::join!(feed(&mut response, parts), take);
        self.joined(path, reader.await)
    }

    async fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Response, Error> {
        let url = self.server.address.of(path);
        let request = if is_form(parameters) {
            self.client.post(url).form(parameters)
        } else {
            self.client.get(url).query(parameters)
        };
        let headers = self.server.headers.iter();
        let request = headers.fold(request, |request, (name, value)| request.header(name, value));
        request.send().await.map_err(|error| self.server.failed(path, &chain(&error)))
    }

    fn joined<T>(
        &self,
        path: &str,
        read: Result<Result<T, Error>, tokio::task::JoinError>,
    ) -> Result<T, Error> {
        read.unwrap_or_else(|_| Err(self.server.failed(path, "the runtime ended while an answer was read")))
    }
}

impl fmt::Debug for AsyncClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncClient")
            .field("address", &self.server.address)
            .field("settings", &self.server.settings)
            .finish_non_exhaustive()
    }
}

/// TLS settings that trust `roots`, or the system's certificates.
fn trusting(roots: Option<&[u8]>) -> Result<ClientConfig, Error> {
    let refused = |why: String| {
        Error::new(Kind::Settings, why)
            .with_hint("give a file of certificates that begin with `-----BEGIN CERTIFICATE-----`")
    };
    let unusable = |error: rustls::Error| Error::new(Kind::Settings, format!("TLS setup failed: {error}"));
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let Some(pem) = roots else {
        return Ok(config.with_platform_verifier().map_err(unusable)?.with_no_client_auth());
    };
    let mut trusted = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| refused(format!("not a certificate: {error}")))?;
        trusted.add(certificate).map_err(|error| refused(format!("not a certificate: {error}")))?;
    }
    if trusted.is_empty() {
        return Err(refused("no certificate found".to_owned()));
    }
    Ok(config.with_root_certificates(trusted).with_no_client_auth())
}

/// Passes on the body of a response until it ends or its reader stops.
async fn feed(response: &mut Response, parts: mpsc::Sender<io::Result<Bytes>>) {
    loop {
        let chunk = tokio::select! {
            chunk = response.chunk() => chunk,
            // The reader has stopped: do not wait for the server.
            () = parts.closed() => return,
        };
        let part = match chunk {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => return,
            Err(error) => Err(io::Error::other(chain(&error))),
        };
        let is_last = part.is_err();
        if parts.send(part).await.is_err() || is_last {
            return;
        }
    }
}

/// The root cause of an error, without the URL, which may hold a query.
fn chain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timeout".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// A body that comes in parts.
struct Body {
    parts: mpsc::Receiver<io::Result<Bytes>>,
    part: Bytes,
}

impl Body {
    fn of(parts: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        Self { parts, part: Bytes::new() }
    }
}

impl io::Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() {
            match self.parts.blocking_recv() {
                Some(part) => self.part = part?,
                None => return Ok(0),
            }
        }
        let length = self.part.len().min(buffer.len());
        if let Some(buffer) = buffer.get_mut(..length) {
            self.part.copy_to_slice(buffer);
        }
        Ok(length)
    }
}

/// The start of a series, or one of its points.
enum One {
    Series(Labels),
    Point(f64, f64),
}

/// Passes on points in batches.
struct Batching {
    batch: Vec<One>,
    batches: mpsc::Sender<Vec<One>>,
}

impl Batching {
    fn add(&mut self, one: One) {
        self.batch.push(one);
        if self.batch.len() >= BATCH {
            self.hand_on();
        }
    }

    fn hand_on(&mut self) {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        // There is no receiver if the request was dropped.
        let _dropped = self.batches.blocking_send(batch);
    }
}

impl Points for Batching {
    fn series(&mut self, labels: Labels) {
        self.add(One::Series(labels));
    }

    fn point(&mut self, time: f64, value: f64) {
        self.add(One::Point(time, value));
    }
}
