//! The address of a collector, and what is sent to it.

use crate::{
    Error,
    trace::{Span, Spans, Tracer},
};
use std::{sync::mpsc::Receiver, time::Duration};

/// An OpenTelemetry collector, and what is sent to it.
///
/// An `https://` address uses TLS, with the system's certificate authorities or [your
/// own](Otlp::authorities). Data that does not arrive is counted in `slo_otlp_failed_exports_total`,
/// `slo_otlp_refused_data_points_total` and `slo_spans_lost_total`. `/metrics` has these counters even while
/// the collector is down.
///
/// ```
/// use slo_instrument::{Otlp, Service};
/// use std::time::Duration;
///
/// let collector = Otlp::http("http://127.0.0.1:4318")
///     .header("x-tenant", "shop")
///     .sample(0.01)
///     .every(Duration::from_secs(30));
/// let service = Service::builder("checkout").availability("99.9%").otlp(collector).install()?;
/// # Ok::<(), slo_instrument::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Otlp {
    pub(super) protocol: Protocol,
    pub(super) metrics_endpoint: String,
    pub(super) traces_endpoint: String,
    pub(super) metrics_headers: Vec<(String, String)>,
    pub(super) traces_headers: Vec<(String, String)>,
    /// In PEM, in the place of the system's.
    pub(super) authorities: Option<String>,
    pub(super) timeout: Duration,
    pub(super) interval: Duration,
    pub(super) is_delta: bool,
    pub(super) resource: Vec<(String, String)>,
    sampled_share: f64,
    pub(super) sends_metrics: bool,
    pub(super) sends_traces: bool,
}

/// The protocol of a collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Grpc,
    /// `http/protobuf`.
    Http,
}

/// Spans that wait for the collector; those beyond are lost.
const QUEUE: usize = 2_048;

impl Otlp {
    /// A collector that speaks OTLP over gRPC, such as `http://127.0.0.1:4317`.
    pub fn grpc(endpoint: &str) -> Self {
        Self::new(Protocol::Grpc, endpoint.to_owned(), endpoint.to_owned())
    }

    /// A collector that speaks OTLP over HTTP with protobuf, such as `http://127.0.0.1:4318`; `/v1/metrics` and
    /// `/v1/traces` are added to it.
    pub fn http(endpoint: &str) -> Self {
        let endpoint = endpoint.trim_end_matches('/');
        Self::new(Protocol::Http, format!("{endpoint}/v1/metrics"), format!("{endpoint}/v1/traces"))
    }

    /// The environment of Dynatrace at `url`, such as `https://abc12345.live.dynatrace.com`, with an API token.
    ///
    /// It speaks OTLP over HTTP at `/api/v2/otlp`, and sends deltas: Dynatrace drops cumulative sums and histograms. The token
    /// needs the scopes `metrics.ingest` and `openTelemetryTrace.ingest`. For an `ActiveGate`, give
    /// `https://HOST:9999/e/ENVIRONMENT`.
    ///
    /// ```
    /// use slo_instrument::{Otlp, Service};
    ///
    /// let dynatrace = Otlp::dynatrace("https://abc12345.live.dynatrace.com", "dt0c01.XYZ");
    /// let service = Service::builder("checkout").availability("99.9%").otlp(dynatrace).install()?;
    /// # Ok::<(), slo_instrument::Error>(())
    /// ```
    pub fn dynatrace(url: &str, token: &str) -> Self {
        Self::http(&format!("{}/api/v2/otlp", url.trim_end_matches('/')))
            .header("authorization", &format!("Api-Token {token}"))
            .delta()
    }

    fn new(protocol: Protocol, metrics_endpoint: String, traces_endpoint: String) -> Self {
        Self {
            protocol,
            metrics_endpoint,
            traces_endpoint,
            metrics_headers: Vec::new(),
            traces_headers: Vec::new(),
            authorities: None,
            timeout: Duration::from_secs(10),
            interval: Duration::from_secs(60),
            is_delta: false,
            resource: Vec::new(),
            sampled_share: 1.0,
            sends_metrics: true,
            sends_traces: true,
        }
    }

    /// The collector that OpenTelemetry's environment variables describe.
    ///
    /// - `OTEL_EXPORTER_OTLP_ENDPOINT`, `…_PROTOCOL`, `…_HEADERS`, `…_CERTIFICATE` and `…_TIMEOUT`
    /// - for one signal: `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, `…_TRACES_ENDPOINT`, `…_METRICS_HEADERS` and
    ///   `…_TRACES_HEADERS`
    /// - `OTEL_METRICS_EXPORTER` and `OTEL_TRACES_EXPORTER`: `otlp` or `none`
    /// - `OTEL_SDK_DISABLED`, which turns off both signals
    /// - `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` and `OTEL_METRIC_EXPORT_INTERVAL`
    /// - `OTEL_TRACES_SAMPLER` with `OTEL_TRACES_SAMPLER_ARG`
    /// - `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`
    ///
    /// # Errors
    /// A value that cannot be read, or one that is not supported.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(read: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        // An empty variable is one that is not set.
        let read =
            |name: &str| read(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let general = |name: &str| read(&format!("OTEL_EXPORTER_OTLP_{name}"));
        let refuse = |name: &str, value: &str, way_out: &str| {
            Error::new(name.to_owned(), format!("`{value}` {way_out}"))
        };
        let millis = |name: &str| -> Result<Option<Duration>, Error> {
            let parse = |value: String| {
                value.parse().map_err(|_| refuse(name, &value, "is not a number of milliseconds"))
            };
            Ok(read(name).map(parse).transpose()?.map(Duration::from_millis))
        };
        let is_disabled = read("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let sends = |name: &str| match read(name).as_deref() {
            None | Some("otlp") => Ok(!is_disabled),
            Some("none") => Ok(false),
            Some(other) => Err(refuse(name, other, "is not supported; write `otlp` or `none`")),
        };
        let (sends_metrics, sends_traces) = (sends("OTEL_METRICS_EXPORTER")?, sends("OTEL_TRACES_EXPORTER")?);
        if !sends_metrics && !sends_traces {
            return Ok(Self { sends_metrics, sends_traces, ..Self::http("http://localhost:4318") });
        }
        let protocol = general("PROTOCOL").unwrap_or_else(|| "http/protobuf".to_owned());
        let mut otlp = match protocol.as_str() {
            "grpc" => Self::grpc(general("ENDPOINT").as_deref().unwrap_or("http://localhost:4317")),
            "http/protobuf" => Self::http(general("ENDPOINT").as_deref().unwrap_or("http://localhost:4318")),
            other => {
                let way_out = "is not supported; write `grpc` or `http/protobuf`";
                return Err(refuse("OTEL_EXPORTER_OTLP_PROTOCOL", other, way_out));
            }
        };
        // The endpoint of one signal is used as it is, without a path added.
        if let Some(endpoint) = general("METRICS_ENDPOINT") {
            otlp.metrics_endpoint = endpoint;
        }
        if let Some(endpoint) = general("TRACES_ENDPOINT") {
            otlp.traces_endpoint = endpoint;
        }
        let of_all = pairs("OTEL_EXPORTER_OTLP_HEADERS", general("HEADERS"))?;
        // The headers of one signal replace the general ones.
        let headers_of = |signal: &str| match general(&format!("{signal}_HEADERS")) {
            None => Ok(of_all.clone()),
            Some(text) => pairs(&format!("OTEL_EXPORTER_OTLP_{signal}_HEADERS"), Some(text)),
        };
        otlp.metrics_headers = headers_of("METRICS")?;
        otlp.traces_headers = headers_of("TRACES")?;
        if let Some(path) = general("CERTIFICATE") {
            let refuse =
                |error: std::io::Error| refuse("OTEL_EXPORTER_OTLP_CERTIFICATE", &path, &error.to_string());
            otlp.authorities = Some(std::fs::read_to_string(&path).map_err(refuse)?);
        }
        otlp.timeout = millis("OTEL_EXPORTER_OTLP_TIMEOUT")?.unwrap_or(otlp.timeout);
        otlp.interval = millis("OTEL_METRIC_EXPORT_INTERVAL")?.unwrap_or(otlp.interval);
        otlp.is_delta = match general("METRICS_TEMPORALITY_PREFERENCE").map(|value| value.to_lowercase()) {
            None => false,
            Some(value) => match value.as_str() {
                "cumulative" => false,
                // For counters and histograms, both mean the same.
                "delta" | "lowmemory" => true,
                other => {
                    let name = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
                    return Err(refuse(
                        name,
                        other,
                        "is not supported; write `cumulative`, `delta` or `lowmemory`",
                    ));
                }
            },
        };
        let argument = read("OTEL_TRACES_SAMPLER_ARG");
        let share = || match argument.as_deref().map(str::parse::<f64>) {
            None => Ok(1.0),
            Some(Ok(share)) if (0.0..=1.0).contains(&share) => Ok(share),
            Some(_) => {
                let value = argument.as_deref().unwrap_or_default();
                Err(refuse("OTEL_TRACES_SAMPLER_ARG", value, "is not a share between 0 and 1"))
            }
        };
        otlp.sampled_share = match read("OTEL_TRACES_SAMPLER").as_deref() {
            // The decision of a parent always holds.
            None | Some("parentbased_always_on" | "always_on") => 1.0,
            Some("parentbased_always_off" | "always_off") => 0.0,
            Some("parentbased_traceidratio" | "traceidratio") => share()?,
            Some(other) => {
                let way_out = "is not supported; write `parentbased_always_on`, `parentbased_always_off` or \
                               `parentbased_traceidratio`";
                return Err(refuse("OTEL_TRACES_SAMPLER", other, way_out));
            }
        };
        (otlp.sends_metrics, otlp.sends_traces) = (sends_metrics, sends_traces);
        otlp.resource = pairs("OTEL_RESOURCE_ATTRIBUTES", read("OTEL_RESOURCE_ATTRIBUTES"))?;
        if let Some(name) = read("OTEL_SERVICE_NAME") {
            otlp.resource.retain(|(key, _)| key != "service.name");
            otlp.resource.push(("service.name".to_owned(), name));
        }
        Ok(otlp)
    }

    /// Adds a header to every request, such as one for authentication.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        for headers in [&mut self.metrics_headers, &mut self.traces_headers] {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Replaces the system's certificate authorities with these, in PEM.
    ///
    /// The collector's certificate is checked against them.
    pub fn authorities(mut self, pem: &str) -> Self {
        self.authorities = Some(pem.to_owned());
        self
    }

    /// Sends what has been counted since the last export, not since the start.
    pub const fn delta(mut self) -> Self {
        self.is_delta = true;
        self
    }

    /// Sets how long a request to the collector may take; 10 s by default.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how often metrics are sent; once a minute by default. Spans are sent every second.
    pub const fn every(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets the share of traces that are recorded, from 0 to 1; all by default.
    ///
    /// It applies to traces that begin here. Traces that began elsewhere are recorded if their caller records
    /// them. Requests that are bad for an SLO are always recorded.
    pub const fn sample(mut self, share: f64) -> Self {
        self.sampled_share = share;
        self
    }

    /// Refuses a share that is not between 0 and 1.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if (0.0..=1.0).contains(&self.sampled_share) {
            return Ok(());
        }
        Err(Error::new("otlp", format!("a share of {} is not between 0 and 1", self.sampled_share)))
    }

    pub(crate) fn tracer(&self) -> (Tracer, Receiver<Span>) {
        let (spans, receiver) = Spans::queue(QUEUE);
        (Tracer::new(self.sampled_share, self.sends_traces.then_some(spans)), receiver)
    }
}

/// `key=value,key=value`, with values as in a URL.
fn pairs(name: &str, text: Option<String>) -> Result<Vec<(String, String)>, Error> {
    let text = text.unwrap_or_default();
    let pair = |pair: &str| {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| Error::new(name, format!("`{pair}` is not of the form `key=value`")))?;
        Ok((key.trim().to_owned(), percent_decoded(value.trim())))
    };
    text.split(',').filter(|part| !part.trim().is_empty()).map(pair).collect()
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| after.split_at_checked(2)).flatten();
        let decoded = escaped.and_then(|(digits, after)| {
            Some((u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?, after))
        });
        let (byte, after) = decoded.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Otlp, String> {
        let find = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Otlp::from_variables(find).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_the_environment() {
        assert_eq!(read(&[]), Ok(Otlp::http("http://localhost:4318")));
        assert_eq!(read(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]), Ok(Otlp::grpc("http://localhost:4317")));
        let otlp = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces/in"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Api-Token%20x, tenant = a"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=Bearer%20y"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "15000"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Delta"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=old,deployment.environment.name=prod"),
            ("OTEL_SERVICE_NAME", "new"),
        ]);
        let text = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        assert_eq!(
            otlp,
            Ok(Otlp {
                protocol: Protocol::Http,
                metrics_endpoint: "http://collector:4318/v1/metrics".to_owned(),
                traces_endpoint: "http://traces/in".to_owned(),
                metrics_headers: [("authorization", "Api-Token x"), ("tenant", "a")].map(text).to_vec(),
                traces_headers: [("authorization", "Bearer y")].map(text).to_vec(),
                authorities: None,
                timeout: Duration::from_millis(500),
                interval: Duration::from_secs(15),
                is_delta: true,
                resource: [("deployment.environment.name", "prod"), ("service.name", "new")]
                    .map(text)
                    .to_vec(),
                sampled_share: 0.25,
                sends_metrics: true,
                sends_traces: true,
            })
        );
        let sent = |name: &str, value: &str| {
            let otlp = read(&[(name, value)]).unwrap();
            (otlp.sends_metrics, otlp.sends_traces, otlp.is_delta)
        };
        assert_eq!(sent("OTEL_SDK_DISABLED", "true"), (false, false, false));
        assert_eq!(sent("OTEL_TRACES_EXPORTER", "none"), (true, false, false));
        assert_eq!(sent("OTEL_METRICS_EXPORTER", "none"), (false, true, false));
        let temporality = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        assert_eq!(sent(temporality, "lowmemory"), (true, true, true));
    }

    #[test]
    fn says_what_it_cannot_read() {
        for (name, value, message) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "`http/json` is not supported"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "`10s` is not a number of milliseconds"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote", "`jaeger_remote` is not supported"),
            ("OTEL_RESOURCE_ATTRIBUTES", "prod", "`prod` is not of the form `key=value`"),
            (
                "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
                "sometimes",
                "`sometimes` is not supported",
            ),
            ("OTEL_TRACES_EXPORTER", "zipkin", "`zipkin` is not supported"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such.pem", "`/no/such.pem` No such file"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.starts_with(&format!("{name}: {message}")), "{error}");
        }
        let variables =
            [("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")];
        assert_eq!(
            read(&variables).unwrap_err(),
            "OTEL_TRACES_SAMPLER_ARG: `2` is not a share between 0 and 1"
        );
    }
}
