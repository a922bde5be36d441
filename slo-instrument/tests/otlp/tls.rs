//! A collector behind TLS.

use crate::collector::{Protocol, Received, router, services};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{net::SocketAddr, sync::Arc};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tonic::transport::{Identity, ServerTlsConfig, server::TcpIncoming};

/// The certificate of an authority, and one for `localhost` with its key, in PEM.
pub(crate) struct Certificates {
    pub(crate) authority: String,
    own: String,
    key: String,
}

impl Certificates {
    pub(crate) fn make() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let own = params.signed_by(&key, &authority).unwrap();
        Self { authority: authority.pem(), own: own.pem(), key: key.serialize_pem() }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let own = CertificateDer::from_pem_slice(self.own.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        TlsAcceptor::from(Arc::new(config.with_single_cert(vec![own], key).unwrap()))
    }
}

struct TlsListener(TcpListener, TlsAcceptor);

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.0.accept().await.unwrap();
            // Who does not trust the certificate goes away.
            if let Ok(stream) = self.1.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// Serves a collector over TLS until the runtime ends; gives its port.
pub(crate) async fn serve(protocol: Protocol, certificates: &Certificates, state: Received) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    match protocol {
        Protocol::Http => {
            let listener = TlsListener(listener, certificates.acceptor());
            tokio::spawn(async move { axum::serve(listener, router(state)).await.unwrap() });
        }
        Protocol::Grpc => {
            let tls =
                ServerTlsConfig::new().identity(Identity::from_pem(&certificates.own, &certificates.key));
            let server = tonic::transport::Server::builder().tls_config(tls).unwrap();
            tokio::spawn(async move {
                services(server, state).serve_with_incoming(TcpIncoming::from(listener)).await.unwrap();
            });
        }
    }
    port
}
