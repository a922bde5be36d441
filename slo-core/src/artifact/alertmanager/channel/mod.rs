//! The channels of notifications, each in a file: how it is written, and the settings of its receiver.

mod all;
mod discord;
mod email;
mod kind;
mod mail;
mod msteams;
mod opsgenie;
mod pagerduty;
mod slack;
mod texts;
mod webhook;

pub use all::Channel;
pub(super) use all::KINDS;
pub(super) use kind::Delivery;
pub use mail::Mail;
pub(super) use webhook::WEBHOOK;
