//! Sending metrics; OpenTelemetry's own exporter cannot be given ready-made ones.

use super::config::{Otlp, Protocol};
use crate::Error;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse, metrics_service_client::MetricsServiceClient,
};
use prost::Message;
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};

/// Sends metrics to a collector; to be used on a runtime.
pub(super) struct Sender {
    transport: Transport,
    headers: HeaderMap,
    timeout: Duration,
}

enum Transport {
    Grpc(MetricsServiceClient<Channel>),
    Http(Box<Client<HttpConnector, Full<Bytes>>>, Uri),
}

/// The longest answer that is read; one is a few bytes.
const LONGEST_ANSWER: usize = 1 << 16;

impl Sender {
    pub(super) fn new(otlp: &Otlp) -> Result<Self, Error> {
        let uri = uri(&otlp.metrics_endpoint)?;
        let transport = match otlp.protocol {
            Protocol::Http => {
                Transport::Http(Box::new(Client::builder(TokioExecutor::new()).build_http()), uri)
            }
            Protocol::Grpc => {
                let channel = Endpoint::from(uri).connect_timeout(otlp.timeout).timeout(otlp.timeout);
                Transport::Grpc(MetricsServiceClient::new(channel.connect_lazy()))
            }
        };
        Ok(Self { transport, headers: headers(otlp)?, timeout: otlp.timeout })
    }

    /// Sends, and waits for no longer than the timeout. Gives what the collector refused of it: that is not to be sent
    /// again.
    pub(super) async fn send(&mut self, message: ExportMetricsServiceRequest) -> Result<u64, Error> {
        let failed = |message: String| Error::new("otlp metrics", message);
        let (timeout, headers) = (self.timeout, self.headers.clone());
        let sent = async {
            match &mut self.transport {
                Transport::Grpc(client) => {
                    let metadata = tonic::metadata::MetadataMap::from_headers(headers);
                    let request = tonic::Request::from_parts(metadata, tonic::Extensions::default(), message);
                    let answer = client.export(request).await;
                    answer.map(tonic::Response::into_inner).map_err(|status| failed(status.to_string()))
                }
                Transport::Http(client, uri) => {
                    let mut request = Request::post(uri.clone());
                    if let Some(all) = request.headers_mut() {
                        *all = headers;
                        all.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
                    }
                    let body = Full::from(message.encode_to_vec());
                    let request = request.body(body).map_err(|error| failed(error.to_string()))?;
                    let answer = client.request(request).await;
                    let answer =
                        answer.map_err(|error| failed(format!("{uri}: {}", Error::chain(&error))))?;
                    let status = answer.status();
                    if !status.is_success() {
                        return Err(failed(format!("the collector answers {status}")));
                    }
                    let body = Limited::new(answer.into_body(), LONGEST_ANSWER);
                    let body = body.collect().await.map_err(|error| failed(error.to_string()))?;
                    // It has arrived; an answer that cannot be read refuses nothing.
                    Ok(ExportMetricsServiceResponse::decode(body.to_bytes()).unwrap_or_default())
                }
            }
        };
        let answer = tokio::time::timeout(timeout, sent)
            .await
            .map_err(|_| failed(format!("no answer within {timeout:?}")))??;
        let refused = answer.partial_success.map_or(0, |partial| partial.rejected_data_points);
        Ok(u64::try_from(refused).unwrap_or(0))
    }
}

/// The address of a collector.
pub(super) fn uri(endpoint: &str) -> Result<Uri, Error> {
    let refuse = |error: &dyn std::fmt::Display| Error::new("otlp", format!("`{endpoint}`: {error}"));
    let uri: Uri = endpoint.parse().map_err(|error: http::uri::InvalidUri| refuse(&error))?;
    if uri.scheme_str() == Some("http") && uri.authority().is_some() {
        return Ok(uri);
    }
    let way_out = "not of the form `http://host:port`; over TLS, send by way of a collector or agent nearby";
    Err(refuse(&way_out))
}

/// The headers of every request.
pub(super) fn headers(otlp: &Otlp) -> Result<HeaderMap, Error> {
    let pair = |(name, value): &(String, String)| {
        let refuse = |error: &dyn std::fmt::Display| Error::new("otlp", format!("header `{name}`: {error}"));
        Ok((
            HeaderName::try_from(name).map_err(|error| refuse(&error))?,
            HeaderValue::try_from(value).map_err(|error| refuse(&error))?,
        ))
    };
    otlp.headers.iter().map(pair).collect()
}
