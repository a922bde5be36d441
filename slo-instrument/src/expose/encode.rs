//! The metrics in the format that is asked for.

#[cfg(feature = "native-histograms")]
use super::protobuf;
use super::{Format, text};
use crate::source::Source;

/// The metrics of `source` in `format`.
pub(crate) fn encode(source: &Source, format: Format) -> Vec<u8> {
    match format {
        Format::Text | Format::OpenMetrics => text::encode(source, format),
        #[cfg(feature = "native-histograms")]
        Format::Protobuf => protobuf::encode(source),
    }
}
