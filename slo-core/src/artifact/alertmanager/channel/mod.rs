//! The channels of notifications, each in a file: how it is written, and the settings of its receiver.

mod all;
mod discord;
mod email;
mod mail;
mod msteams;
mod opsgenie;
mod pagerduty;
mod slack;
mod texts;
mod way;
mod webhook;

pub(super) use all::KINDS;
pub use mail::Mail;
pub use way::Channel;
pub(super) use way::Delivery;
