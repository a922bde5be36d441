//! Sending messages to people.

mod failure;
mod http;
mod pagerduty;
mod sender;
mod slack;
mod throttle;

pub(crate) use http::{NoAnswer, Poster};
pub use sender::{Outgoing, Sender};
