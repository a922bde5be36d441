//! The HTTP server: alerts, pages, actions of people, queries, and gates of releases.

mod api;
mod app;
mod auth;
mod etag;
mod gate;
mod intake;
mod pagerduty;
mod pages;
mod refused;
mod server;
mod site;
mod slack;

#[cfg(feature = "mcp")]
pub(crate) use api::incidents::{incident, listed, shown};
pub(crate) use auth::check;
pub(crate) use refused::Refused;
pub use server::{ServeError, Server, open_store};
