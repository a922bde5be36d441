//! Counts what a service's SLOs count, and shows the live error budget of the process.
//!
//! ```
//! use axum::{Router, routing::get};
//! use slo_instrument::Slo;
//!
//! let slo = Slo::builder("checkout")
//!     .availability("99.9%")
//!     .latency("300ms", "99%") // an exact le="0.3" bucket on every route
//!     .install()?;
//! let app: Router = Router::new()
//!     .route("/users/{id}", get(|| async { "ok" }))
//!     .merge(slo.routes()) // /metrics, /slo, /slo.json
//!     .layer(slo.layer());
//! assert_eq!(slo.statuses().len(), 2);
//! # Ok::<(), slo_instrument::Error>(())
//! ```
//!
//! Every request is counted once, when its response has been read:
//!
//! | what becomes of it | `http.response.status_code` | `error.type` |
//! |---|---|---|
//! | it is answered | the status | the status from 500 on |
//! | the client goes away, before the response or in its body | none, or the status | `cancelled` |
//! | the body fails half-way | the status | `stream_error` |
//! | the handler or the body panics | none | `panic` |
//! | the service below fails without a response | none | `transport_error` |
//!
//! What has an `error.type` is bad, however soon it comes. The latency is that of the response's head. A response whose
//! body is never asked for was answered. The names follow OpenTelemetry's conventions for HTTP servers, and an SLO of a
//! spec file selects them as Prometheus does, so that the process and the rules see the same events.
//!
//! A request takes two clock reads, one lookup and two atomic additions; nothing on its way takes a
//! lock. Budgets are computed by a thread of their own and read from a snapshot.

mod builder;
mod count;
mod error;
mod handle;
mod live;
mod middleware;
mod status;

pub use builder::Builder;
pub use count::Collector;
pub use error::Error;
pub use handle::Slo;
pub use live::{SloStatus, State, TierStatus, WindowStatus};
pub use middleware::{CountedBody, Excluded, RequestFuture, SloLayer, SloService};
pub use status::status_routes;
