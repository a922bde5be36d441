//! What comes in: alerts, answers of people, and questions.

mod api;
mod app;
mod auth;
mod intake;
mod pagerduty;
mod refused;
mod server;
mod slack;

pub use server::{ServeError, Server, open_store};
