//! Sends metrics; OpenTelemetry's own exporter does not accept ready-made ones.

use super::{
    config::{Otlp, Protocol},
    tls::{self, Connector},
};
use crate::Error;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse, metrics_service_client::MetricsServiceClient,
};
use prost::Message;
use std::time::Duration;
use tokio::time::timeout;
use tonic::transport::Channel;

/// Sends metrics to a collector; to be used on a runtime.
pub(super) struct Sender {
    transport: Transport,
    headers: HeaderMap,
    timeout: Duration,
}

enum Transport {
    Grpc(MetricsServiceClient<Channel>),
    Http(Box<Client<Connector, Full<Bytes>>>, Uri),
}

/// The limits for reading an answer, which is usually a few bytes.
const LONGEST_ANSWER: usize = 1 << 16;
const LONGEST_READING: Duration = Duration::from_secs(1);

impl Sender {
    pub(super) fn new(otlp: &Otlp) -> Result<Self, Error> {
        let uri = uri(&otlp.metrics_endpoint)?;
        let transport = match otlp.protocol {
            Protocol::Http => {
                let connector = tls::connector(otlp, &uri)?;
                Transport::Http(Box::new(Client::builder(TokioExecutor::new()).build(connector)), uri)
            }
            Protocol::Grpc => Transport::Grpc(MetricsServiceClient::new(tls::channel(otlp, uri)?)),
        };
        Ok(Self { transport, headers: headers(&otlp.metrics_headers)?, timeout: otlp.timeout })
    }

    /// Sends, and waits no longer than the timeout. Returns the number of data points that the collector
    /// rejected, which must not be sent again.
    pub(super) async fn send(&mut self, message: ExportMetricsServiceRequest) -> Result<u64, Error> {
        let failed = |message: String| Error::new("otlp metrics", message);
        let late = |_| failed(format!("no answer within {:?}", self.timeout));
        let headers = self.headers.clone();
        let answer = match &mut self.transport {
            Transport::Grpc(client) => {
                let metadata = tonic::metadata::MetadataMap::from_headers(headers);
                let request = tonic::Request::from_parts(metadata, tonic::Extensions::default(), message);
                let answer = timeout(self.timeout, client.export(request)).await.map_err(late)?;
                answer.map(tonic::Response::into_inner).map_err(|status| failed(status.to_string()))?
            }
            Transport::Http(client, uri) => {
                let mut request = Request::post(uri.clone());
                if let Some(all) = request.headers_mut() {
                    *all = headers;
                    all.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
                }
                let body = Full::from(message.encode_to_vec());
                let request = request.body(body).map_err(|error| failed(error.to_string()))?;
                let answer = timeout(self.timeout, client.request(request)).await.map_err(late)?;
                let answer = answer.map_err(|error| failed(format!("{uri}: {}", Error::chain(&error))))?;
                let status = answer.status();
                if !status.is_success() {
                    return Err(failed(format!("the collector answered {status}")));
                }
                // The request has arrived and must not be sent again: an unreadable answer rejects nothing.
                let body = Limited::new(answer.into_body(), LONGEST_ANSWER).collect();
                let body = timeout(LONGEST_READING, body).await.ok().and_then(Result::ok);
                let bytes = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
                ExportMetricsServiceResponse::decode(bytes).unwrap_or_default()
            }
        };
        let refused = answer.partial_success.map_or(0, |partial| partial.rejected_data_points);
        Ok(u64::try_from(refused).unwrap_or(0))
    }
}

/// The address of a collector.
pub(super) fn uri(endpoint: &str) -> Result<Uri, Error> {
    let refuse = |error: &dyn std::fmt::Display| Error::new("otlp", format!("`{endpoint}`: {error}"));
    let uri: Uri = endpoint.parse().map_err(|error: http::uri::InvalidUri| refuse(&error))?;
    if matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some() {
        return Ok(uri);
    }
    Err(refuse(&"not of the form `http://host:port` or `https://host:port`"))
}

/// The headers of every request.
pub(super) fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, Error> {
    let pair = |(name, value): &(String, String)| {
        let refuse = |error: &dyn std::fmt::Display| Error::new("otlp", format!("header `{name}`: {error}"));
        Ok((
            HeaderName::try_from(name).map_err(|error| refuse(&error))?,
            HeaderValue::try_from(value).map_err(|error| refuse(&error))?,
        ))
    };
    pairs.iter().map(pair).collect()
}
