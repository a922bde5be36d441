//! The HTTP server: alerts, actions of people, and queries.

mod api;
mod app;
mod auth;
mod intake;
mod pagerduty;
mod refused;
mod server;
mod slack;

pub(crate) use auth::check;
pub(crate) use refused::Refused;
pub use server::{ServeError, Server, open_store};
