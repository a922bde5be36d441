//! Faults of a proxy or a service, at its control address.

use crate::{config::Secret, tls};
use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use serde_json::{Value, json};
use slo_core::model::{Ratio, Window};
use slo_ops::{
    Error,
    experiment::{Fault, Toxic},
};
use std::{fs, time::Duration};

/// How long a control address may take to answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// What something else than a proxy or a service answers.
const NO_CONTROL: [u16; 3] = [404, 405, 501];
/// The most characters of an answer in an error.
const LONGEST: usize = 300;

/// A fault at a control address.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) url: String,
    pub(super) token_file: Option<String>,
    body: Value,
}

impl Remote {
    /// The fault, if it is one of a proxy or a service; `share` is the share of requests that it hits.
    pub(super) fn of(fault: &Fault, share: &str, lease: Window) -> Option<Self> {
        let lease = lease.to_string();
        match fault {
            Fault::Proxy { control, token_file, toxic } => Some(Self {
                url: format!("{}/toxic", control.trim_end_matches("/toxic")),
                token_file: token_file.clone(),
                body: body_of(toxic, share, &lease),
            }),
            Fault::Service { control, token_file, latency, errors } => Some(Self {
                url: control.clone(),
                token_file: token_file.clone(),
                body: json!({
                    "latency": latency.map(|latency| latency.to_string()),
                    "errors": errors.map(percent),
                    "share": share,
                    "lease": lease,
                }),
            }),
            _ => None,
        }
    }

    /// Arms the fault, or renews its lease.
    pub(super) async fn arm(&self) -> Result<(), Error> {
        let body = self.body.as_object().into_iter().flatten();
        let body: serde_json::Map<String, Value> = body
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let request = request(Method::PUT, &self.url, self.token_file.as_deref())?;
        let request =
            request.header("Content-Type", "application/json").body(Value::Object(body).to_string());
        answered(&self.url, request.send().await).await.map(drop)
    }
}

/// Looks whether a proxy or a service answers at its control address.
pub(super) async fn answers(url: &str, token_file: Option<&str>) -> Result<(), Error> {
    let text = answered(url, request(Method::GET, url, token_file)?.send().await).await?;
    let state = serde_json::from_str::<Value>(&text).ok();
    let is_control = state.is_some_and(|state| state.get("armed").is_some_and(Value::is_boolean));
    is_control.then_some(()).ok_or_else(|| {
        Error::new(format!("{url}: this is no control address"))
            .with_hint("write that of `slo proxy` or of the service")
    })
}

/// Ends the fault at `url`, and looks whether it has ended. Where nothing listens any more, there is no fault.
pub(super) async fn disarm(url: &str, token_file: Option<&str>) -> Result<(), Error> {
    match request(Method::DELETE, url, token_file)?.send().await {
        Err(error) if error.is_connect() && !error.is_timeout() => return Ok(()),
        // It is the address of something else, which has refused to arm it as well.
        Ok(response) if NO_CONTROL.contains(&response.status().as_u16()) => return Ok(()),
        sent => answered(url, sent).await?,
    };
    let text = answered(url, request(Method::GET, url, token_file)?.send().await).await?;
    let state: Value = serde_json::from_str(&text)
        .map_err(|error| Error::new(format!("{url}: the answer is no JSON: {error}")))?;
    let is_over = state.get("armed").and_then(Value::as_bool) == Some(false);
    if is_over { Ok(()) } else { Err(Error::new(format!("{url}: the fault is still armed"))) }
}

fn request(method: Method, url: &str, token_file: Option<&str>) -> Result<RequestBuilder, Error> {
    // A client for each request: none is old when it is needed, after hours.
    let failed = |error: &dyn std::fmt::Display| Error::new(format!("no HTTP client: {error}"));
    let client = Client::builder()
        .timeout(TIMEOUT)
        .redirect(redirect::Policy::none())
        .tls_backend_preconfigured(tls::client().map_err(|error| failed(&error))?)
        .build()
        .map_err(|error| failed(&error))?;
    let request = client.request(method, url);
    let Some(path) = token_file else { return Ok(request) };
    let text = fs::read_to_string(path).map_err(|error| Error::new(format!("{path}: {error}")))?;
    Ok(request.bearer_auth(Secret::new(text.trim_end_matches(['\r', '\n'])).expose()))
}

async fn answered(url: &str, sent: Result<Response, reqwest::Error>) -> Result<String, Error> {
    let response = sent.map_err(|error| {
        let why = if error.is_connect() {
            "nothing listens there".to_owned()
        } else {
            error.without_url().to_string()
        };
        Error::new(format!("{url}: {why}"))
            .with_hint("start what it controls, or write its address as `control`")
    })?;
    let status = response.status();
    let text = response.text().await.map_err(|error| Error::new(format!("{url}: {error}")))?;
    if status.is_success() {
        return Ok(text);
    }
    // The first line says most; a page says nothing.
    let first = text.trim().lines().next().filter(|line| !line.starts_with('<')).unwrap_or_default();
    let told: String = slo_core::plain(first).chars().take(LONGEST).collect();
    Err(Error::new(format!("{url} answered {status}: {told}")))
}

fn body_of(toxic: &Toxic, share: &str, lease: &str) -> Value {
    json!({
        "latency": toxic.latency.map(|latency| latency.to_string()),
        "jitter": toxic.jitter.map(|jitter| jitter.to_string()),
        "bandwidth": toxic.bandwidth,
        "reset": toxic.reset.then_some(true),
        "black_hole": toxic.black_hole.then_some(true),
        "seed": toxic.seed,
        "share": share,
        "lease": lease,
    })
}

/// A share as the control addresses read it.
pub(super) fn percent(share: Ratio) -> String {
    let hundred = share.checked_mul(Ratio::whole(100));
    let exact = hundred.and_then(Ratio::to_decimal);
    exact.map_or_else(|| format!("{:.6}%", share.to_f64() * 100.0), |exact| format!("{exact}%"))
}
