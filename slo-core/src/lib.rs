//! The mathematics of service level objectives, as a pure library.
//!
//! Write an SLO once. The error budget, the burn rates, the alert tiers and the Prometheus rules all come
//! from that one value, so their numbers agree.
//!
#![cfg_attr(all(feature = "spec", feature = "artifact"), doc = "```")]
#![cfg_attr(not(all(feature = "spec", feature = "artifact")), doc = "```ignore")]
//! use slo_core::{artifact, math::{BurnRate, ErrorBudget, Tally}, rules, spec};
//!
//! let services = spec::parse(
//!     r#"
//! version: slo/v1
//! service: checkout
//! slos:
//!   - name: availability
//!     objective: 99.9%
//!     window: 30d
//!     sli:
//!       events:
//!         total: http_requests_total{job="checkout"}
//!         bad: http_requests_total{job="checkout", code=~"5.."}
//! "#,
//! )?;
//! let slo = &services[0].slos()[0];
//!
//! // 250 of 100,000 requests failed. How much of the budget is left?
//! let seen = Tally::new(100_000, 250)?;
//! assert_eq!(BurnRate::of(seen, slo.objective()).unwrap().to_string(), "2.5×");
//! assert_eq!(ErrorBudget::observed(slo.objective(), seen).remaining(), Some(-1.5));
//!
//! // The same SLO as Prometheus rules, with exact thresholds.
//! let file = artifact::rule_file(&rules::generate(&services[0])?);
//! assert!(file.contains("> 0.0144"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The modules form a pipeline. `spec` uses `document` and `model`; every other module uses only modules
//! above it in this table. The library never reads a clock, a file, the environment or the network: time is
//! an argument.
//!
//! | module | from → to |
//! |---|---|
#![cfg_attr(
    feature = "spec",
    doc = "| [`document`] | text → nodes with positions, for `spec` and other files |"
)]
#![cfg_attr(feature = "spec", doc = "| [`spec`] | text → model; reports all faults at once |")]
#![cfg_attr(not(feature = "spec"), doc = "| `spec` (a feature) | text → model; reports all faults at once |")]
//! | [`model`] | valid values: objective, window, SLI, SLO; calendar periods need the feature `calendar` |
//! | [`math`] | counts → burn rates, budgets, alerts |
//! | [`page`] | numbers → text for HTML, and one stylesheet |
//! | [`stats`] | counts → intervals, tests, significance of few events |
#![cfg_attr(
    feature = "replay",
    doc = "| [`replay`] | histories → alerts, incidents, backtests, objectives |"
)]
#![cfg_attr(feature = "replay", doc = "| [`forecast`] | histories and incidents → forecasts of the budget |")]
#![cfg_attr(
    not(feature = "replay"),
    doc = "| `replay`, `forecast` (the feature `replay`) | histories → past alerts and incidents, forecasts |"
)]
#![cfg_attr(feature = "rules", doc = "| [`promql`] | expression trees → valid PromQL |")]
#![cfg_attr(feature = "rules", doc = "| [`rules`] | SLOs → recording and alerting rules |")]
#![cfg_attr(
    not(feature = "rules"),
    doc = "| `promql`, `rules` (the feature `rules`) | SLOs → recording and alerting rules |"
)]
#![cfg_attr(feature = "artifact", doc = "| [`artifact`] | rules → rule files |")]
#![cfg_attr(not(feature = "artifact"), doc = "| `artifact` (a feature) | rules → rule files |")]

#[cfg(feature = "spec")]
pub mod document;

#[cfg(feature = "spec")]
pub mod spec;

pub mod model;

pub mod math;

pub mod page;

pub mod stats;

#[cfg(feature = "replay")]
pub mod replay;

#[cfg(feature = "replay")]
pub mod forecast;

#[cfg(feature = "rules")]
pub mod promql;

#[cfg(feature = "rules")]
pub mod rules;

#[cfg(feature = "artifact")]
pub mod artifact;

mod check;
mod error;
mod plain;
#[cfg(any(feature = "spec", feature = "artifact"))]
mod yaml;

pub use error::{Diagnostics, Error, Fault};
pub use plain::plain;

/// The program of the README, so that it is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
