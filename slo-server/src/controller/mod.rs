//! A controller of Kubernetes: keeps a `PrometheusRule` for every object that holds SLOs.
//!
//! It watches the kinds of [`Kind`](slo_ops::controller::Kind) and the metadata of all `PrometheusRule` objects. What is to be done
//! for an object is a function of both, so a change that was missed, or undone by somebody, is made again. Of several replicas, the
//! one that holds the lease writes.

mod act;
mod ask;
mod config;
mod http;
mod lease;
mod own;
mod run;
mod watch;
mod world;

pub use config::ControllerConfig;
pub use run::{Controller, ControllerError};
