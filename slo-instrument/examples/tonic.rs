//! A gRPC service on tonic: calls are counted with the status in their trailers.
//!
//!     cargo run -p slo-instrument --features grpc --example tonic
#![allow(clippy::print_stdout, reason = "it prints what it has counted")]

use slo_instrument::{Events, Service};
use std::{
    convert::Infallible,
    task::{Context, Poll},
};
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::BoxFuture,
    server::{Grpc, NamedService},
    transport::{Endpoint, Server, server::TcpIncoming},
};
use tower::service_fn;

type Codec = tonic_prost::ProstCodec<String, String>;

async fn greet(request: Request<String>) -> Result<Response<String>, Status> {
    match request.into_inner() {
        name if name.is_empty() => Err(Status::internal("nobody to greet")),
        name => Ok(Response::new(format!("hello {name}"))),
    }
}

/// What `tonic-prost-build` makes of a `.proto` file with the method `greet`.
#[derive(Clone)]
struct Greeter;

impl NamedService for Greeter {
    const NAME: &'static str = "example.Greeter";
}

impl tower::Service<http::Request<Body>> for Greeter {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move { Ok(Grpc::new(Codec::default()).unary(service_fn(greet), request).await) })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = Service::builder("greeter").counting(Events::grpc()).availability("99.9%").install()?;
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?;
    let address = incoming.local_addr()?;
    let server = Server::builder().layer(service.grpc_layer()).add_service(Greeter);
    tokio::spawn(server.serve_with_incoming(incoming));

    let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
    for name in ["Ada", "Grace", ""] {
        let mut client = tonic::client::Grpc::new(channel.clone());
        client.ready().await?;
        let path = http::uri::PathAndQuery::from_static("/example.Greeter/Greet");
        match client.unary(Request::new(name.to_owned()), path, Codec::default()).await {
            Ok(response) => println!("{}", response.into_inner()),
            Err(status) => println!("{status}"),
        }
    }
    for line in service.metrics().lines().filter(|line| line.starts_with("slo_")) {
        println!("{line}");
    }
    Ok(())
}
