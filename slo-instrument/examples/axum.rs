//! A service on axum: requests are counted, and its budgets are on `/slo`.
//!
//!     cargo run -p slo-instrument --example axum
//!     curl localhost:8080/users/1; open http://localhost:8080/slo
#![allow(clippy::print_stdout, reason = "it says where it listens")]

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use slo_instrument::Service;

/// User 7 makes it fail.
async fn user(Path(id): Path<u32>) -> Result<String, StatusCode> {
    if id == 7 { Err(StatusCode::INTERNAL_SERVER_ERROR) } else { Ok(format!("user {id}\n")) }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = Service::builder("users").availability("99.9%").latency("300ms", "99%").install()?;
    let app = Router::new()
        .route("/users/{id}", get(user))
        .merge(service.routes()) // /metrics, /slo, /slo.json, /healthz
        .layer(service.layer());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
