//! Counts what a service's SLOs count, and shows the live error budget of the process.
//!
//! ```
//! use axum::{Router, routing::get};
//! use slo_instrument::Service;
//!
//! let service = Service::builder("checkout")
//!     .availability("99.9%")
//!     .latency("300ms", "99%") // an exact le="0.3" bucket on every route
//!     .install()?;
//! let app: Router = Router::new()
//!     .route("/users/{id}", get(|| async { "ok" }))
//!     .merge(service.routes()) // /metrics, /slo, /slo.json, /slo.yaml, /healthz
//!     .layer(service.layer());
//! assert_eq!(service.statuses().len(), 2);
//! # Ok::<(), slo_instrument::Error>(())
//! ```
//!
//! # What can be counted
//!
//! | | by | metric |
//! |---|---|---|
//! | HTTP requests served | [`Service::layer`] | `http_server_request_duration_seconds` |
//! | gRPC calls served | [`Service::grpc_layer`] | `rpc_server_call_duration_seconds` |
//! | HTTP requests sent | [`Service::client_layer`] | `http_client_request_duration_seconds` |
//! | gRPC calls made | [`Service::grpc_client_layer`] | `rpc_client_call_duration_seconds` |
//! | jobs, messages, steps | [`Service::track`], [`Service::start`] | `slo_operation_duration_seconds` |
//!
//! Names and labels follow OpenTelemetry's conventions, in Prometheus' spelling. SLOs select them as Prometheus does,
//! whether they are declared here, see [`Builder::counting`], or come from a spec, see [`Service::from_file`]; and
//! [`Service::spec`] is what `slo generate` makes the rules of. So the process and the rules count the same events.
//!
//! # What becomes of a request
//!
//! Every request is counted once, when its response has been read:
//!
//! | what becomes of it | status | `error.type` |
//! |---|---|---|
//! | it is answered | the status; of gRPC that of the trailers | the status, where the conventions call it an error |
//! | the client goes away, after longer than the SLO allows | none, or that of the head | `cancelled` |
//! | the body fails half-way | that of the head | `stream_error` |
//! | the handler or the body panics | none | `panic` |
//! | the service below fails without a response | none | `transport_error` |
//!
//! What has an `error.type` is bad. A client that leaves before it has waited for as long as the shortest latency SLO
//! allows says nothing about the service, nor does one that leaves a response which came in time: such requests are
//! counted apart, in `slo_ignored_events_total`. [`Classify`] and [`Class`] say otherwise where a service knows better.
//! The latency is that of the response's head ([`Builder::measure_until`]), of a gRPC call that of its end. A response
//! whose body is never asked for was answered.
//!
//! # What it costs
//!
//! Two clock reads, four counters that belong to the thread, no allocation, and no lock that anybody else holds:
//! `docs/benchmarks.md` has the numbers beside those of others. Budgets are computed once a second by a thread of their
//! own and read from a snapshot; a collector is sent to from another one.
//!
//! The number of series is bounded: a route is what axum matched, never what a client wrote; unmatched requests are
//! `_unmatched`, gRPC methods that are not there `_OTHER`, methods of HTTP that nobody knows `_OTHER`, and routes beyond
//! a thousand `_overflow`.
//!
//! # Features
//!
//! | | |
//! |---|---|
//! | `spec` (default) | SLOs from YAML and back: [`Service::from_file`], [`Service::spec`], `/slo.yaml` |
//! | `otlp` | metrics and traces to an OpenTelemetry collector: `Otlp` |
//! | `native-histograms` | Prometheus' native histograms, in its protobuf format |

mod budget;
mod builder;
mod clock;
mod count;
mod declare;
mod error;
mod expose;
mod family;
mod fault;
mod handle;
mod kind;
mod labels;
mod live;
mod matched;
mod middleware;
mod operation;
#[cfg(feature = "otlp")]
mod otlp;
mod request;
mod source;
mod status;
mod sync;
mod trace;

pub use budget::Budget;
pub use builder::Builder;
pub use count::{Class, Classify, Ended, GrpcStatus, Outcome};
pub use declare::Events;
pub use error::Error;
#[cfg(feature = "prometheus")]
pub use expose::Collector;
pub use fault::{Fault, FaultBody, FaultFuture, FaultLayer, FaultService, Faults};
pub use handle::Service;
pub use kind::Kind;
pub use live::{SloStatus, State, TierStatus, WindowStatus};
pub use middleware::{CountedBody, Latency, RequestFuture, SloLayer, SloService};
pub use operation::{Event, Tracked};
#[cfg(feature = "otlp")]
pub use otlp::Otlp;
pub use request::Request;
pub use status::status_page;
#[cfg(feature = "axum")]
pub use status::status_routes;
pub use trace::TraceContext;

/// The crate whose types [`Service::from_model`] and [`Service::service`] have.
pub use slo_core;

/// The commands and the program of the README, which is to work.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
