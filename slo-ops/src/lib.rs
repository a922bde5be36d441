//! What is done about an error budget: an alert becomes an incident, a diagnosis, a message and a remedy.
//!
//! Nothing here reads a clock, a file, the network or randomness: time is an argument, and everything that people see of an
//! incident is a function of its record. What runs it is the crate `slo-server`.
//!
//! | module | from → to |
//! |---|---|
//! | [`alert`] | webhooks of Alertmanager and Grafana → alerts, and what makes two of them the same |
//! | [`incident`] | a record → episodes, steps, messages, stages |
//! | [`host`] | what a machine says of itself → what is wrong with it |
//! | [`notify`] | an episode → messages of `PagerDuty` and Slack, within their limits |
//! | [`runbook`] | an episode and a configuration → what is to be done next |

pub mod alert;
pub mod host;
pub mod incident;
pub mod notify;
pub mod runbook;

mod hex;
mod redact;
mod time;

pub use redact::Redactor;
pub use slo_core::{Diagnostics, Error};
pub use time::time_between;

/// The programs of the README, so that they are compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
