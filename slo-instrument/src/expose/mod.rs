//! The metrics, in the formats that scrapers ask for.

mod accept;
#[cfg(feature = "prometheus")]
mod collector;
mod encode;
mod families;
#[cfg(feature = "native-histograms")]
mod protobuf;
mod text;

pub(crate) use accept::Format;
#[cfg(feature = "prometheus")]
pub use collector::Collector;
pub(crate) use encode::encode;
