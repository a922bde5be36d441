//! TLS and the timeout of the blocking client.

use crate::{
    error::{Error, Kind},
    settings::Settings,
};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

pub(crate) fn agent(settings: &Settings) -> Result<ureq::Agent, Error> {
    let roots = match &settings.roots {
        None => RootCerts::PlatformVerifier,
        Some(pem) => RootCerts::from(certificates(pem)?),
    };
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(settings.timeout))
        .http_status_as_error(false)
        // The headers are not for the target of a redirect.
        .max_redirects(0)
        .tls_config(TlsConfig::builder().root_certs(roots).build());
    Ok(config.build().into())
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, Error> {
    let refused = |why: String| {
        Error::new(Kind::Settings, why)
            .with_hint("give a file of certificates that begin with `-----BEGIN CERTIFICATE-----`")
    };
    let mut found = Vec::new();
    for item in parse_pem(pem) {
        if let PemItem::Certificate(certificate) =
            item.map_err(|error| refused(format!("not a certificate: {error}")))?
        {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(refused("no certificate found".to_owned())) } else { Ok(found) }
}
