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
mod clock;
mod count;
mod declare;
mod error;
mod expose;
mod fault;
mod handle;
mod live;
mod middleware;
mod operation;
#[cfg(feature = "otlp")]
mod otlp;
mod status;
mod trace;

pub use builder::Builder;
pub use count::{Class, Classify, Ended, GrpcStatus, Kind, Outcome};
pub use declare::Events;
pub use error::Error;
pub use expose::Collector;
pub use fault::{Fault, FaultBody, FaultFuture, FaultLayer, FaultService, Faults};
pub use handle::Slo;
pub use live::{Budget, SloStatus, State, TierStatus, WindowStatus};
pub use middleware::{CountedBody, Latency, RequestFuture, SloLayer, SloService};
pub use operation::{Event, Tracked};
#[cfg(feature = "otlp")]
pub use otlp::Otlp;
pub use status::status_routes;
pub use trace::TraceContext;
