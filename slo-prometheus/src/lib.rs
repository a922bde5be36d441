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
//!
//! [`Client`] waits for answers. The feature `async` adds `AsyncClient`, which does not: it runs on tokio.

mod address;
mod answer;
#[cfg(feature = "async")]
mod asynchronous;
mod blocking;
mod error;
mod server;
mod settings;
mod sinks;
mod steps;
mod tls;
mod values;

pub use address::Address;
#[cfg(feature = "async")]
pub use asynchronous::AsyncClient;
pub use blocking::Client;
pub use error::{Error, Kind};
pub use settings::Settings;
pub use steps::Steps;
pub use values::{Answer, Labels, Sample};
