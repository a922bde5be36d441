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
//! Every request is counted once: answered, failed in the middleware below, panicked, or given up by a
//! client that went away, however soon. All of these but answers below 500 are errors. The names follow
//! OpenTelemetry's conventions for HTTP servers, and an SLO of a spec file selects them as Prometheus
//! does, so that the process and the rules see the same events.
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
pub use middleware::{Excluded, RequestFuture, SloLayer, SloService};
pub use status::status_routes;
