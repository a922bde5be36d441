//! Counts the events of a service's SLOs, and shows their live error budgets.
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, routing::get};
//! use slo_instrument::Service;
//!
//! let service = Service::builder("checkout")
//!     .availability("99.9%")
//!     .latency("300ms", "99%") // an exact le="0.3" bucket on every route
//!     .install()?;
//! let app: Router = Router::new()
//!     .route("/users/{id}", get(|| async { "ok" }))
//!     .merge(service.routes()) // /metrics, /slo, /slo.json, /healthz, and /slo.yaml with the feature `spec`
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
//! | the same in a framework without tower layers | [`Request`] | `http_server_request_duration_seconds` |
//! | gRPC calls served | `Service::grpc_layer` | `rpc_server_call_duration_seconds` |
//! | HTTP requests sent | [`Service::client_layer`] | `http_client_request_duration_seconds` |
//! | gRPC calls made | `Service::grpc_client_layer` | `rpc_client_call_duration_seconds` |
//! | jobs, messages, steps | [`Service::track`], [`Service::start`] | `slo_operation_duration_seconds` |
//!
//! Names and labels follow OpenTelemetry's conventions, in Prometheus' spelling. SLOs select them as
//! Prometheus does. Declare SLOs here (see [`Builder::counting`]), load them from a spec (see
//! `Service::from_file`), or do both. `slo generate` makes the rules from `Service::spec`, so the process and
//! the rules count the same events.
//!
//! A server without tower layers starts a [`Request`] for each request, and reports how it ends. It answers
//! `/metrics` with [`Service::metrics_for`], `/slo` with [`status_page`] and `/slo.json` with
//! [`StatusReport`]. See `examples/actix-web` in the repository for actix-web.
//!
//! # How each request is counted, by how it ends
//!
//! Every request is counted once, when its response has been read:
//!
//! | how it ends | status | `error.type` |
//! |---|---|---|
//! | with a response | the status; for gRPC that of the trailers | the status, where the conventions call it an error |
//! | the client goes away after a longer wait than the SLO allows | none, or that of the head | `cancelled` |
//! | the server gives up, see [`SloLayer::server_timeout`] | none | `timeout` |
//! | the body fails midway | that of the head | `stream_error` |
//! | the handler or the body panics | none | `panic` |
//! | the inner service fails without a response | none | `transport_error` |
//!
//! A request with an `error.type` is bad. Two kinds of requests say nothing about the service: the client
//! leaves before it has waited as long as the shortest latency SLO allows, or it leaves during a response
//! that came in time. They are counted separately, in `slo_ignored_events_total`. Change this with
//! [`Classify`] or [`Class`].
//!
//! The duration of an HTTP request ends with the head of its response (see [`Builder::measure_until`]), the
//! duration of a gRPC call with the call. A response whose body is never read counts as answered.
//!
//! # What it costs
//!
//! A request costs two clock reads and four counters of its own thread. It allocates nothing, and takes no
//! lock that another thread holds. `docs/benchmarks.md` in the repository compares this with other libraries.
//! A separate thread computes the budgets once a second, and handlers read a snapshot. Another thread sends
//! to a collector.
//!
//! The number of series is bounded, because a route is the pattern that the router matched, never the path
//! that a client sent. Requests without a route are `_unmatched`, unknown gRPC and HTTP methods are `_OTHER`,
//! and routes beyond a thousand are `_overflow`.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `axum` (default) | routes for an axum router, `Service::routes` and `status_routes`; axum's matched route for each request |
//! | `prometheus` | the metrics as a `Collector` of the crate `prometheus`, and your own registry in `/metrics` |
//! | `grpc` | gRPC calls, served and made: `Service::grpc_layer`, `Service::grpc_client_layer` |
//! | `otlp` | metrics and traces to an OpenTelemetry collector: `Otlp` |
//! | `spec` | SLOs from YAML and back: `Service::from_file`, `Service::spec`, `/slo.yaml` |
//! | `native-histograms` | Prometheus' native histograms, in its protobuf format: `Builder::native_histograms` |
//! | `calendar` | calendar periods in the SLOs of a spec, which only the rules judge |

mod budget;
mod builder;
mod clock;
mod count;
mod declare;
mod error;
mod expose;
#[cfg(feature = "otlp")]
mod failures;
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
#[cfg(feature = "axum")]
pub use status::status_routes;
pub use status::{StatusReport, status_page};
pub use trace::TraceContext;

/// The crate with the types of [`Service::from_model`] and [`Service::model`].
pub use slo_core;

/// The programs of the README, so that they are compiled.
#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../README.md")]
struct Readme;
