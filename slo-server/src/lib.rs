//! A server that responds to alerts: it keeps the record and runs runbooks.
//!
//! `slo-ops` decides the next actions as a function of the record. This crate records each action before it
//! performs it. So a process may die at any moment: the next one reads the record and continues.
//!
//! | module | contents |
//! |---|---|
//! | [`config`] | the configuration file |
//! | [`host`] | facts about this machine |
//! | [`logs`] | files of logs |
//! | [`store`] | the record, in `SQLite` or `PostgreSQL` |
//! | [`send`] | messages to `PagerDuty` and Slack |
//! | [`run`] | programs of runbooks, within their limits |
//! | [`respond`] | the work on incidents |
//! | [`serve`] | the HTTP server: alerts, pages, and an API |
//! | [`gate`] | whether a new version may stay |
//! | [`dynatrace`] | sends metric lines and events to Dynatrace |
//! | [`fault`] | faults of experiments, each for as long as its lease is renewed |
//! | [`experiment`] | runs of experiments, from the plan to the recovery |
//! | `mcp` | read-only tools for assistants; with the feature `mcp` |
//! | `controller` | keeps `PrometheusRule` objects of Kubernetes; with the feature `kubernetes` |

pub mod config;
#[cfg(feature = "kubernetes")]
pub mod controller;
pub mod dynatrace;
pub mod experiment;
pub mod fault;
pub mod gate;
pub mod host;
pub mod logs;
#[cfg(feature = "mcp")]
pub mod mcp;
pub mod respond;
pub mod run;
pub mod send;
pub mod serve;
pub mod store;

mod clock;
mod events;
mod kill;
mod observe;
mod own;
mod owner;
mod split;
mod summarize;
mod tls;

pub use summarize::Summarizer;

/// The programs of the README, so that they are compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
