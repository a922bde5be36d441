//! Traces: where the time of slow requests goes, and where errors come from.
//!
//! | step | from → to |
//! |---|---|
//! | `read` (feature `otlp`) | OTLP, as JSON or protobuf → [`Span`]s |
//! | [`Traces`] | spans → traces, and the time of each operation on the critical path |
//! | [`Traces::attribution`] | slow requests beside usual ones → whose extra time it is |
//! | [`Traces::error_origins`] | failed requests → the operations that failed first |
//! | [`Traces::suspects`] | bad requests beside good ones → attributes that bad ones have, such as a version |

mod attribution;
mod errors;
#[cfg(feature = "otlp")]
mod otlp;
mod path;
mod requests;
mod span;
mod suspects;

pub use attribution::{Attribution, Part};
pub use errors::ErrorOrigin;
#[cfg(feature = "otlp")]
pub use otlp::read;
pub use requests::{Baseline, Traces};
pub use span::{Operation, Span};
pub use suspects::Suspect;
