//! A client of the Prometheus HTTP API, and of servers that answer like it, that trusts no server.
//!
//! It follows no redirect, since headers and passwords are for one server alone. It shows no password, neither in
//! messages nor in `Debug`. It reads an answer as a stream, within limits of time, bytes and series, and hands on what
//! the server warns of.
//!
//! ```no_run
//! use slo_prometheus::{Client, Settings};
//!
//! let client = Client::new("https://me:p%40ss@prometheus.example", Settings::default())?;
//! let answer = client.query("up")?;
//! for sample in answer.result {
//!     println!("{:?} {}", sample.labels, sample.value);
//! }
//! # Ok::<(), slo_prometheus::Error>(())
//! ```

mod address;
mod answer;
mod client;
mod error;
mod settings;

pub use address::Address;
pub use client::{Answer, Client, Labels, Sample, Steps};
pub use error::{Error, Kind};
pub use settings::Settings;
