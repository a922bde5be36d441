//! TLS to a collector: rustls, with the system's or your own certificate authorities.

use super::Otlp;
use crate::Error;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, pem::PemObject},
};
use std::sync::Arc;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

pub(super) type Connector = HttpsConnector<HttpConnector>;

/// The connector for HTTP/1.1, with TLS for `https://` addresses.
pub(super) fn connector(otlp: &Otlp, endpoint: &http::Uri) -> Result<Connector, Error> {
    let builder = HttpsConnectorBuilder::new();
    let provider = ring::default_provider();
    let is_tls = endpoint.scheme_str() == Some("https");
    let builder = match &otlp.authorities {
        Some(pem) => builder.with_tls_config(config(provider, roots(pem)?)?),
        None if is_tls => builder.with_provider_and_native_roots(provider).map_err(|error| failed(&error))?,
        // Connections without TLS do not need the system's authorities.
        None => builder.with_tls_config(config(provider, RootCertStore::empty())?),
    };
    Ok(builder.https_or_http().enable_http1().build())
}

fn config(provider: CryptoProvider, roots: RootCertStore) -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| failed(&error))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// A channel that connects when it is used.
pub(super) fn channel(otlp: &Otlp, endpoint: http::Uri) -> Result<Channel, Error> {
    let is_tls = endpoint.scheme_str() == Some("https");
    let mut channel = Endpoint::from(endpoint).connect_timeout(otlp.timeout).timeout(otlp.timeout);
    if is_tls {
        let tls = match &otlp.authorities {
            Some(pem) => {
                roots(pem)?;
                ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem))
            }
            None => ClientTlsConfig::new().with_native_roots(),
        };
        channel = channel.tls_config(tls).map_err(|error| failed(&error))?;
    }
    Ok(channel.connect_lazy())
}

/// The certificates in `pem`.
fn roots(pem: &str) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.map_err(|error| failed(&error))?).map_err(|error| failed(&error))?;
    }
    if roots.is_empty() {
        return Err(Error::new("otlp", "the PEM of the certificate authorities holds no certificate"));
    }
    Ok(roots)
}

fn failed(error: &dyn std::error::Error) -> Error {
    Error::new("otlp", format!("TLS: {}", Error::chain(error)))
}
