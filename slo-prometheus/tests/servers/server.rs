//! A server that answers as a test says.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) requests: Arc<AtomicUsize>,
}

impl Server {
    /// Calls `handle` with the text of each request, and where the answer goes.
    pub(crate) fn start(handle: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Self {
        Self::accepting(move |mut stream| {
            let request = read(&mut stream);
            handle(&request, &mut stream);
        })
    }

    fn accepting(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let (count, serve) = (Arc::clone(&requests), Arc::new(serve));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
                let serve = Arc::clone(&serve);
                thread::spawn(move || serve(stream));
            }
        });
        Self { port, requests }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// A request, with the body that its head promises.
fn read(stream: &mut impl Read) -> String {
    let (mut all, mut buffer) = (Vec::new(), [0; 4_096]);
    loop {
        let text = String::from_utf8_lossy(&all);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let promised = head
                .to_lowercase()
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
            if body.len() >= promised.unwrap_or(0) && (!chunked || body.ends_with("0\r\n\r\n")) {
                return text.into_owned();
            }
        }
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => all.extend_from_slice(buffer.get(..read).unwrap()),
            _ => return String::from_utf8_lossy(&all).into_owned(),
        }
    }
}

pub(crate) fn answer(stream: &mut impl Write, status: &str, headers: &str, body: &str) {
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}

pub(crate) fn json(stream: &mut impl Write, status: &str, body: &str) {
    answer(stream, status, "Content-Type: application/json\r\n", body);
}

/// A server of an empty result over TLS, and the certificate that it is known by.
pub(crate) fn tls() -> (Server, String) {
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let server = Server::accepting(move |stream| {
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, stream);
        if !read(&mut stream).is_empty() {
            json(&mut stream, "200 OK", r#"{"status":"success","data":{"result":[]}}"#);
        }
    });
    (server, own.cert.pem())
}
