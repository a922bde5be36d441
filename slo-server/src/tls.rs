//! TLS for outgoing and incoming connections.

use rustls::{
    ClientConfig, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;
use slo_core::Error;
use std::sync::Arc;

/// The TLS configuration of a client, which trusts the certificates of the system.
pub(crate) fn client() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_platform_verifier()?.with_no_client_auth())
}

/// The TLS configuration of a server: the certificates of `chain`, its own first, and the private key `key`,
/// in PEM.
pub(crate) fn server(chain: &[u8], key: &[u8]) -> Result<ServerConfig, Error> {
    let refused = |what: &str, error: &dyn std::fmt::Display| Error::new(format!("{what}: {error}"));
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|error| refused("not a certificate in PEM", &error))?;
    if chain.is_empty() {
        return Err(
            Error::new("the file contains no certificate").with_hint("name the PEM file of the certificate")
        );
    }
    let key =
        PrivateKeyDer::from_pem_slice(key).map_err(|error| refused("not a private key in PEM", &error))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused("TLS", &error))?;
    let mut config = builder
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| refused("the certificate and the key do not match", &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
