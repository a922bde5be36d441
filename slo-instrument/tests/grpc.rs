//! gRPC calls, served and made by tonic: the status is that of the trailers, and every call is counted once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use http_body::Frame;
use slo_instrument::{Events, Service};
use std::{
    convert::Infallible,
    task::{Context, Poll},
    time::Duration,
};
use tonic::{
    Code, Request, Response, Status,
    body::Body,
    codegen::BoxFuture,
    transport::{Channel, Endpoint},
};
use tower::{ServiceBuilder, service_fn};

/// Answers with the status that it is asked for.
#[derive(Clone)]
struct Echo;

impl tonic::server::NamedService for Echo {
    const NAME: &'static str = "test.Echo";
}

type Codec = tonic_prost::ProstCodec<String, String>;

impl tower::Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(Codec::default());
            let unary = |request: Request<String>| async move {
                match request.into_inner().as_str() {
                    "never" => std::future::pending().await,
                    "" => Ok(Response::new(String::new())),
                    code => Err(Status::new(Code::from(code.parse::<i32>().unwrap()), "as asked")),
                }
            };
            let stream = |request: Request<String>| async move {
                let end = match request.into_inner().as_str() {
                    "" => vec![],
                    code => vec![Err(Status::new(Code::from(code.parse::<i32>().unwrap()), "half-way"))],
                };
                let messages = std::iter::repeat_n(Ok("message".to_owned()), 3).chain(end);
                Ok::<_, Status>(Response::new(tokio_stream::iter(messages.collect::<Vec<_>>())))
            };
            Ok(match request.uri().path() {
                "/test.Echo/Unary" => grpc.unary(service_fn(unary), request).await,
                "/test.Echo/Stream" => grpc.server_streaming(service_fn(stream), request).await,
                "/test.Echo/Raw" => raw(13),
                "/test.Echo/Silent" => raw_without_status(),
                "/test.Echo/Gateway" => http::Response::builder().status(503).body(Body::default()).unwrap(),
                _ => Status::unimplemented("").into_http(),
            })
        })
    }
}

const EMPTY_MESSAGE: &[u8] = &[0, 0, 0, 0, 0];

/// A message, and a status in the trailers, as of a unary call that fails late.
fn raw(code: u16) -> http::Response<Body> {
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", code.into());
    let frames =
        [Ok::<_, Status>(Frame::data(Bytes::from_static(EMPTY_MESSAGE))), Ok(Frame::trailers(trailers))];
    let body = Body::new(http_body_util::StreamBody::new(tokio_stream::iter(frames)));
    http::Response::builder().header("content-type", "application/grpc").body(body).unwrap()
}

fn raw_without_status() -> http::Response<Body> {
    let body = Body::new(http_body_util::Full::new(Bytes::from_static(EMPTY_MESSAGE)));
    http::Response::builder().header("content-type", "application/grpc").body(body).unwrap()
}

fn slo() -> Service {
    Service::builder("shop")
        .counting(Events::grpc())
        .availability("99%")
        .latency("10s", "99%")
        .counting(Events::grpc_to("echo"))
        .availability("99%")
        // So that they are known before one has succeeded.
        .grpc_method("test.Echo/Unary")
        .grpc_method("test.Echo/Stream")
        .grpc_method("test.Echo/Raw")
        .grpc_method("test.Echo/Silent")
        .grpc_method("test.Echo/Gateway")
        .install()
        .unwrap()
}

async fn serve(slo: &Service) -> Channel {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let server = tonic::transport::Server::builder().layer(slo.grpc_layer()).add_service(Echo);
    tokio::spawn(server.serve_with_incoming(incoming));
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

/// Calls by way of the client's layer. Gives the messages and the code at the end.
async fn call(slo: &Service, channel: &Channel, method: &'static str, message: &str) -> (usize, Code) {
    let counted = ServiceBuilder::new().layer(slo.grpc_client_layer("echo")).service(channel.clone());
    let mut grpc = tonic::client::Grpc::new(counted);
    grpc.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static(method);
    let request = Request::new(message.to_owned());
    let mut stream = match grpc.server_streaming(request, path, Codec::default()).await {
        Ok(response) => response.into_inner(),
        Err(status) => return (0, status.code()),
    };
    let mut messages = 0;
    loop {
        match stream.message().await {
            Ok(Some(_)) => messages += 1,
            Ok(None) => return (messages, Code::Ok),
            Err(status) => return (messages, status.code()),
        }
    }
}

/// The `_count` lines of one side, without the metric's name.
fn counts(slo: &Service, metric: &str) -> Vec<String> {
    let name = format!("{metric}_count");
    let metrics = slo.metrics();
    let counted = metrics.lines().filter_map(|line| line.strip_prefix(&name));
    counted.filter(|line| !line.ends_with(" 0")).map(str::to_owned).collect()
}

const SERVER: &str = "rpc_server_call_duration_seconds";
const CLIENT: &str = "rpc_client_call_duration_seconds";

fn series(error_type: &str, method: &str, code: &str, peer: &str) -> String {
    let error_type =
        if error_type.is_empty() { String::new() } else { format!("error_type=\"{error_type}\",") };
    let peer = if peer.is_empty() { String::new() } else { format!(",service_peer_name=\"{peer}\"") };
    format!(
        "{{{error_type}rpc_method=\"test.Echo/{method}\",rpc_response_status_code=\"{code}\",rpc_system_name=\"grpc\"{peer}}} 1"
    )
}

#[tokio::test]
async fn counts_the_status_wherever_it_is() {
    for (method, message, seen, server_error, client_error, name) in [
        ("/test.Echo/Unary", "", (1, Code::Ok), "", "", "OK"),
        ("/test.Echo/Unary", "5", (0, Code::NotFound), "", "NOT_FOUND", "NOT_FOUND"),
        ("/test.Echo/Unary", "14", (0, Code::Unavailable), "UNAVAILABLE", "UNAVAILABLE", "UNAVAILABLE"),
        ("/test.Echo/Stream", "", (3, Code::Ok), "", "", "OK"),
        ("/test.Echo/Stream", "15", (3, Code::DataLoss), "DATA_LOSS", "DATA_LOSS", "DATA_LOSS"),
        ("/test.Echo/Raw", "", (1, Code::Internal), "INTERNAL", "INTERNAL", "INTERNAL"),
        ("/test.Echo/Gateway", "", (0, Code::Unavailable), "UNAVAILABLE", "UNAVAILABLE", "UNAVAILABLE"),
    ] {
        let slo = slo();
        let channel = serve(&slo).await;
        assert_eq!(call(&slo, &channel, method, message).await, seen, "{method} {message}");
        let method = method.rsplit('/').next().unwrap();
        assert_eq!(counts(&slo, SERVER), [series(server_error, method, name, "")], "{method} {message}");
        assert_eq!(counts(&slo, CLIENT), [series(client_error, method, name, "echo")], "{method} {message}");
        assert_eq!(slo.in_flight(), 0);
    }
}

#[tokio::test]
async fn an_answer_without_a_status_is_unknown() {
    let slo = slo();
    let channel = serve(&slo).await;
    call(&slo, &channel, "/test.Echo/Silent", "").await;
    assert_eq!(counts(&slo, SERVER), [series("UNKNOWN", "Silent", "UNKNOWN", "")]);
}

#[tokio::test]
async fn a_method_is_known_once_its_handler_has_answered() {
    let slo = Service::builder("shop").counting(Events::grpc()).availability("99%").install().unwrap();
    let channel = serve(&slo).await;
    // Until then, it might be any that was made up, and refused by whoever stands before the service.
    for message in ["16", "5", "", "16"] {
        call(&slo, &channel, "/test.Echo/Unary", message).await;
    }
    let other = series("", "Unary", "UNAUTHENTICATED", "").replace("test.Echo/Unary", "_OTHER");
    assert_eq!(
        counts(&slo, SERVER),
        [
            other,
            series("", "Unary", "NOT_FOUND", ""),
            series("", "Unary", "OK", ""),
            series("", "Unary", "UNAUTHENTICATED", ""),
        ]
    );
}

#[tokio::test]
async fn a_method_that_fails_from_its_start_hurts_its_slo() {
    let unary = Events::grpc();
    let slo = Service::builder("shop").counting(unary).availability("99%").install().unwrap();
    let selects = |method: &str| {
        let slo = slo_core::spec::parse(&slo_core::spec::write(slo.model()).replace(
            "rpc_server_call_duration_seconds_count{job=\"shop\"",
            &format!("rpc_server_call_duration_seconds_count{{job=\"shop\", {method}"),
        ));
        Service::from_model(slo.unwrap().remove(0)).install().unwrap()
    };
    for method in [r#"rpc_method="test.Echo/Unary""#, r#"rpc_method=~"test.Echo/Unary|test.Echo/Other""#] {
        let slo = selects(method);
        let channel = serve(&slo).await;
        for _ in 0..200 {
            // UNAVAILABLE, which a proxy might answer for whatever is asked.
            assert_eq!(call(&slo, &channel, "/test.Echo/Unary", "14").await.1, Code::Unavailable);
        }
        let metrics = slo.metrics();
        let bad = r#"slo_bad_events_total{service="shop",slo="grpc-availability"} 200"#;
        assert!(metrics.contains(bad), "{metrics}");
    }
}

#[tokio::test]
async fn methods_that_are_not_there_are_one() {
    let slo = slo();
    let channel = serve(&slo).await;
    for method in ["/test.Echo/A", "/test.Echo/B", "/scan.Ner/C"] {
        assert_eq!(call(&slo, &channel, method, "").await, (0, Code::Unimplemented));
    }
    let other = r#"{error_type="UNIMPLEMENTED",rpc_method="_OTHER",rpc_response_status_code="UNIMPLEMENTED",rpc_system_name="grpc"} 3"#;
    assert_eq!(counts(&slo, SERVER), [other]);
}

#[tokio::test]
async fn a_caller_that_gives_up_is_counted_on_both_sides() {
    let slo = slo();
    let channel = serve(&slo).await;
    let never = call(&slo, &channel, "/test.Echo/Unary", "never");
    tokio::time::timeout(Duration::from_millis(50), never).await.unwrap_err();
    // There is no threshold for the client, so it has waited in vain; the server would have had ten seconds.
    let client = r#"{error_type="cancelled",rpc_method="test.Echo/Unary",rpc_system_name="grpc",service_peer_name="echo"} 1"#;
    assert_eq!(counts(&slo, CLIENT), [client]);
    for _ in 0..200 {
        if slo.in_flight() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let ignored = r#"slo_ignored_events_total{rpc_method="test.Echo/Unary",rpc_system_name="grpc",reason="cancelled"} 1"#;
    assert!(slo.metrics().contains(ignored), "{}", slo.metrics());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_of_the_client() {
    let slo = slo();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    assert_eq!(call(&slo, &channel, "/test.Echo/Unary", "").await, (0, Code::Unavailable));
    let client = r#"{error_type="transport_error",rpc_method="test.Echo/Unary",rpc_system_name="grpc",service_peer_name="echo"} 1"#;
    assert_eq!(counts(&slo, CLIENT), [client]);
}
