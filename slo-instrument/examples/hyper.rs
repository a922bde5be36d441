//! A service on hyper alone: any tower service takes the layer, and `/metrics` is answered by hand.
//!
//!     cargo run -p slo-instrument --example hyper
//!     curl localhost:8080/; curl localhost:8080/metrics
#![allow(clippy::print_stdout, reason = "it says where it listens")]

use http::{Request, Response, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use slo_instrument::Service;
use std::convert::Infallible;
use tower::{ServiceBuilder, service_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = Service::builder("hello").availability("99.9%").install()?;
    let (layer, metrics) = (service.layer(), service.clone());
    let hello = service_fn(move |request: Request<Incoming>| {
        let metrics = metrics.clone();
        async move {
            let response = if request.uri().path() == "/metrics" {
                let accept = request.headers().get_all(header::ACCEPT).iter();
                let (kind, body) = metrics.metrics_for(accept.filter_map(|value| value.to_str().ok()));
                Response::builder().header(header::CONTENT_TYPE, kind).body(Full::<Bytes>::from(body))
            } else {
                Response::builder().body(Full::from("hello\n"))
            };
            Ok::<_, Infallible>(response.unwrap_or_default())
        }
    });
    let app = ServiceBuilder::new().layer(layer).service(hello);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let app = TowerToHyperService::new(app.clone());
        tokio::spawn(async move {
            // A connection that breaks is the client's.
            let _broken =
                Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), app).await;
        });
    }
}
