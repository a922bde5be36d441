//! What is counted, in the formats that are asked for.

mod accept;
mod collector;
mod families;
#[cfg(feature = "native-histograms")]
mod protobuf;
mod source;
mod text;

pub(crate) use accept::Format;
pub use collector::Collector;
pub(crate) use families::{Family, Sample, Type};
pub(crate) use source::Source;
pub(crate) use text::render;
