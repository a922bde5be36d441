//! TLS of connections to others, and of those that come in.

use rustls::{
    ClientConfig, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;
use slo_core::Error;
use std::sync::Arc;

/// Whom this machine trusts.
pub(crate) fn client() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_platform_verifier()?.with_no_client_auth())
}

/// A server with the certificates of `chain`, its own first, and the private key of `key`, both PEM.
pub(crate) fn server(chain: &[u8], key: &[u8]) -> Result<ServerConfig, Error> {
    let refused = |what: &str, error: &dyn std::fmt::Display| Error::new(format!("{what}: {error}"));
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|error| refused("no certificate in PEM", &error))?;
    if chain.is_empty() {
        return Err(
            Error::new("there is no certificate in it").with_hint("write the PEM file of the certificate")
        );
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| refused("no private key in PEM", &error))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused("TLS", &error))?;
    let mut config = builder
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| refused("the certificate and the key do not belong together", &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
