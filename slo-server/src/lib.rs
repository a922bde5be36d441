//! What runs the response to alerts: it takes them in, keeps the record, runs runbooks and tells people.
//!
//! What is to be done is decided in `slo-ops`, as a function of the record; here it is done, and written down first. So a
//! process may die at any moment: the next one reads the record and goes on.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | the file that people write |
//! | [`host`] | what this machine says of itself |
//! | [`store`] | the record, in `SQLite` or `PostgreSQL` |
//! | [`send`] | messages to `PagerDuty` and Slack |
//! | [`run`] | programs, within their limits |
//! | [`respond`] | incidents, worked on |
//! | [`serve`] | alerts in, and what people ask |

pub mod config;
pub mod host;
pub mod respond;
pub mod run;
pub mod send;
pub mod serve;
pub mod store;

mod clock;
mod kill;
mod own;
mod tls;

/// The programs of the README, so that they are compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
