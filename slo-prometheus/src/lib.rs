//! A client of the Prometheus HTTP API that does not trust the server.
//!
//! It also works with servers that have the same API. It follows no redirects, since headers and passwords
//! are for one server only. It shows no passwords in messages or `Debug`. It reads each response as a stream,
//! limits its time, bytes and series, and returns the warnings of the server.
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
//! [`Client`] blocks the calling thread. The feature `async` adds `AsyncClient`, which runs on tokio.

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

/// The programs of the README, so that they are compiled.
#[cfg(all(doctest, feature = "async"))]
#[doc = include_str!("../README.md")]
struct Readme;
